"""Write docs/real-study.md's tables and pictures from the study's tables in resources/compact.

    python docs/real_study/page.py

The page is written by hand but for what stands between its marks; no training is needed.
collect.py gathers the tables.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import inventory
import pandas as pd
import paper
import transfer
import traps
from reading import ROOT, TABLES, numbers, runs_of, study, whole_runs_of
from summary import summary

from crystal_transfer import data
from crystal_transfer.experiments.study import Study
from crystal_transfer.figures import contrast, leakage, pooled, published_gain
from crystal_transfer.figures.drawings import DRAWINGS
from crystal_transfer.figures.formats import save
from crystal_transfer.figures.style import Drawing
from crystal_transfer.files import write_text
from crystal_transfer.results import publication, tables
from crystal_transfer.results.metrics import FEWEST_TRIALS
from crystal_transfer.units import Quantity

PAGE = ROOT / "docs/real-study.md"
IMAGES = ROOT / "docs/images/real_study"
# figures of predictions, which are too large to keep: drawn from the numbers behind them
FROM_NUMBERS: dict[str, Callable[[pd.DataFrame, Mapping[str, Quantity]], Drawing]] = {
    "ensembles": pooled.drawn_ensembles,
    "outliers": pooled.drawn_outliers,
    "leakage": leakage.drawn_gains,
}


FIGURES = ("4a", "4b", "6a", "6b", "6c")  # of the paper, with one table and one of its supplement


def drawn(name: str, ours: Study) -> Drawing:
    """Draw a figure: from its numbers, or from the runs that the catalogue says."""
    quantities = ours.quantities
    if name == "contrast":
        return contrast.contrast(numbers(name)), numbers(name)
    if name == "published_gain":
        theirs = publication.published(data.PUBLISHED)
        return published_gain.published_gain(whole_runs_of("published"), theirs, quantities)
    if name in FROM_NUMBERS:
        return FROM_NUMBERS[name](numbers(name), quantities)
    figure = ours.figures[name]
    ids = {run.id for run in figure.runs(ours.grid)} if figure.runs else set()
    runs = whole_runs_of(*ours.grid)
    arguments = {"runs": runs[runs["id"].isin(ids)]}
    if figure.has_baselines:
        arguments["baselines"] = runs_of(*ours.config.baselines)
    options = ours.figure_options(name)
    return DRAWINGS[figure.drawing](**arguments, datasets=quantities, **options)


def draw(ours: Study) -> None:
    """Draw the pictures of all blocks that have their tables."""
    for block in BLOCKS.values():
        if made(block, ours) != NOT_YET:
            for name in block.pictures:
                save(*drawn(name, ours), [IMAGES / f"{name}.png"])


class Block(NamedTuple):
    """What stands between two marks of the page.

    Attributes
    ----------
    needs
        Tables it is made from, names in resources/compact; without one of them it says so.
    pictures
        Name -> what it shows.
    text
        Study -> text; None for pictures alone.
    """

    needs: Sequence[str]
    pictures: Mapping[str, str] = {}
    text: Callable[[Study], str] | None = None


PAIRS = ["scratch_runs", "pairwise_runs"]
WITH_BASELINES = [*PAIRS, "baselines_runs"]
BLOCKS = {
    "summary": Block(
        [
            *WITH_BASELINES,
            "scratch_rates_runs",
            "scratch_epochs_runs",
            "multi_property_runs",
            "pretrainings",
            "published_runs",
            "ensembles",
            "test_crystals",
        ],
        text=summary,
    ),
    "what was run": Block([], text=inventory.what_was_run),
    "size": Block(["sizes"], text=inventory.size_of_the_network),
    "pre-trainings": Block(["pretrainings"], text=inventory.pretrainings),
    "pools": Block(["equals"], text=inventory.pools),
    "rates of scratch": Block(
        [*PAIRS, "scratch_rates_runs"],
        {
            "transfer_gain": "What transfer gains against scratch of two rates and lengths",
            "scratch_rates": "Scratch at two learning rates beside transfer",
        },
        transfer.rates_of_scratch,
    ),
    "wins": Block(WITH_BASELINES, text=transfer.wins_of_transfer),
    "pairs": Block(
        WITH_BASELINES,
        {"pairwise_heatmap": "PT against FT dataset at n = 200, with scratch and baselines"},
    ),
    "best of each": Block(
        WITH_BASELINES,
        {"mae_by_size": "MAE against FT size, with baselines"},
        transfer.best_of_each,
    ),
    "chance": Block(PAIRS, {"chance": "Gains of transfer with two intervals"}),
    "test crystals": Block(["test_crystals"], text=transfer.with_other_test_crystals),
    "other metrics": Block(PAIRS, text=transfer.by_other_metrics),
    "equal time": Block(
        [*PAIRS, "scratch_epochs_runs"],
        {"scratch_epochs": "Scratch trained for longer"},
        transfer.equal_time,
    ),
    "equivalent sizes": Block(
        PAIRS, {"equivalent_sizes": "Crystals that scratch needs for the error of transfer"}
    ),
    "unseen": Block(["jarvis2d_runs", "equals"], {"unseen": "JARVIS2D"}, transfer.unseen_dataset),
    "outliers": Block(
        ["outliers"], {"outliers": "R2 with and without one crystal"}, traps.one_outlier
    ),
    "ensembles": Block(
        ["ensembles", "test_crystals"],
        {"ensembles": "Networks of several trials averaged"},
        traps.averages,
    ),
    "switches": Block(["contrast"], {"contrast": "What each switch changes"}, traps.switches),
    "leakage": Block(
        ["leakage"], {"leakage": "Gains on seen and other test crystals"}, traps.leaks
    ),
    "published": Block(
        ["published_runs", "published_baselines_runs", "published_seen", "validation"],
        {"published_gain": "What the learning rate of scratch gains, beside published transfer"},
        paper.published_samples,
    ),
    "paper": Block(
        [*PAIRS, "multi_property_runs", "scratch_rates_runs"],
        {
            **{f"fig{name}": f"Fig. {name} for this study" for name in FIGURES},
            "tableS18": "Table S18 for this study",
            "figS19": "Fig. S19 for this study",
        },
        paper.counted_claims,
    ),
}
NOT_YET = "*Not run yet.*"


def has_a_cell(name: str) -> bool:
    """Say whether a table is there, and one of runs has a cell of enough trials."""
    path = TABLES / f"{name}.csv"
    if not path.exists() or not name.endswith("_runs"):
        return path.exists()
    return bool((tables.cells(tables.read_runs([path]))["trials"] >= FEWEST_TRIALS).any())


def made(block: Block, ours: Study) -> str:
    """Return a block as text."""
    if not all(map(has_a_cell, block.needs)):
        return NOT_YET
    place = IMAGES.relative_to(PAGE.parent)
    parts = [f"![{shown}]({place}/{name}.png)" for name, shown in block.pictures.items()]
    return "\n\n".join([*parts, *([block.text(ours)] if block.text else [])])


def written_page(text: str, ours: Study) -> str:
    """Return the page with what stands between its marks made anew."""
    return re.sub(
        r"<!-- ([\w -]+) -->\n.*?<!-- end -->",
        lambda found: f"<!-- {found[1]} -->\n\n{made(BLOCKS[found[1]], ours)}\n\n<!-- end -->",
        text,
        flags=re.S,
    )


def main() -> None:
    """Write the page and draw its pictures."""
    ours = study()
    draw(ours)
    write_text(PAGE, written_page(PAGE.read_text(encoding="utf-8"), ours))


if __name__ == "__main__":
    main()
