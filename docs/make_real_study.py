"""Write docs/real-study.md's tables and pictures from the study's tables in resources/compact.

    python docs/make_real_study.py

The page is written by hand but for what stands between its marks; no training is needed.
docs/collect_real_study.py gathers the tables.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from crystal_transfer import data
from crystal_transfer.experiments.config_files import read_config
from crystal_transfer.experiments.study import Study, load_study, with_defaults
from crystal_transfer.figures import chance, pooled
from crystal_transfer.figures import contrast as contrast_drawing
from crystal_transfer.figures import leakage as leakage_drawing
from crystal_transfer.figures.drawings import DRAWINGS
from crystal_transfer.figures.formats import save
from crystal_transfer.figures.style import Drawing, Quantity
from crystal_transfer.files import write_text
from crystal_transfer.models.sizes import AlignnSizes
from crystal_transfer.results import claims, publication, tables
from crystal_transfer.results.markdown import markdown
from crystal_transfer.results.metrics import FEWEST_TRIALS
from crystal_transfer.results.story import wins
from crystal_transfer.results.tables import half_width

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/real-study.md"
IMAGES = ROOT / "docs/images/real_study"
TABLES = ROOT / "resources/compact"
CONFIG = ROOT / "config/compact.yaml"
SIZE = 200  # crystals, of the pairs
RATE, PUBLISHED_RATE = 1e-3, 1e-4  # peak learning rates: of fine-tuning, of the published scratch
UNSEEN = "JARVIS2D"
# figures of predictions, which are too large to keep: drawn from the numbers behind them
FROM_NUMBERS: dict[str, Callable[[pd.DataFrame, Mapping[str, Quantity]], Drawing]] = {
    "ensembles": pooled.drawn_ensembles,
    "outliers": pooled.drawn_outliers,
    "leakage": leakage_drawing.drawn_gains,
}


def study() -> Study:
    """Return the study of config/compact.yaml."""
    return load_study(with_defaults(read_config(CONFIG)))


def runs_of(*experiments: str) -> pd.DataFrame:
    """Return the runs of experiments, each once."""
    paths = [TABLES / f"{name}_runs.csv" for name in experiments]
    return tables.read_runs([path for path in paths if path.exists()])


def cells_of(*experiments: str) -> pd.DataFrame:
    """Return the cells of experiments that have enough trials: of fewer nothing is claimed."""
    cells = tables.cells(runs_of(*experiments))
    return cells[cells["trials"] >= FEWEST_TRIALS]


def drawn(name: str, ours: Study) -> Drawing:
    """Draw a figure: from its numbers, or from the runs that the catalogue says."""
    quantities = {code: Quantity(**content) for code, content in ours.quantities.items()}
    if name == "contrast":
        return contrast_drawing.contrast(numbers(name)), numbers(name)
    if name in FROM_NUMBERS:
        return FROM_NUMBERS[name](numbers(name), quantities)
    figure = ours.figures[name]
    ids = {run.id for run in figure.runs(ours.grid)} if figure.runs else set()
    runs = runs_of(*ours.grid)
    trials = runs.groupby(tables.CELL)["id"].transform("size")
    whole = runs["id"].isin(ids) & (trials >= FEWEST_TRIALS)  # of fewer nothing is claimed
    arguments = {"runs": runs[whole]}
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


def value(mean: float, half: float, digits: int = 3) -> str:
    """Write a mean with the half-width of its interval, to as many significant digits."""
    if pd.isna(mean):
        return "-"
    mean = float(f"{mean:.{digits}g}")
    return f"{mean:g}" if pd.isna(half) else f"{mean:g} ± {float(f'{half:.2g}'):g}"


def percent(number: float) -> str:
    """Write a change in %."""
    return "-" if pd.isna(number) else f"{number:+.0f} %"


def what_was_run(ours: Study) -> str:
    """Count the finished runs of each experiment."""
    rows = []
    for name, planned in ours.grid.items():
        path = TABLES / f"{name}_runs.csv"
        runs = tables.read_runs([path]) if path.exists() else pd.DataFrame({"mae": []})
        kind = ours.config.experiments[name].kind
        rows.append([name, kind, len(planned), len(runs), int(runs["mae"].isna().sum())])
    return markdown(
        pd.DataFrame(rows, columns=["experiment", "kind", "runs", "finished", "diverged"])
    )


def size_of_the_network(ours: Study) -> str:
    """Compare the small network with the full one."""
    found = numbers("sizes")
    rows = []
    for (size, code), here in found.groupby(["hidden_features", "dataset"], sort=False):
        if len(here) < FEWEST_TRIALS:
            continue
        layers = "4 + 4" if size == AlignnSizes().hidden_features else "2 + 2"
        errors = [value(here[name].mean(), half_width(here[name])) for name in ("mae", "r2")]
        minutes = f"{here['minutes'].median():.1f}"
        rows.append([code, f"{layers} layers of {size}", *errors, minutes, unit(ours, code)])
    columns = ["dataset", "network", "MAE", "R²", "minutes of a training", "unit"]
    return markdown(pd.DataFrame(sorted(rows), columns=columns))


def constant(ours: Study) -> pd.Series:
    """Return the MAE of predicting the median of the sample, by dataset and size."""
    cells = cells_of(*ours.config.baselines)
    return cells[cells["network"] == "median"].set_index(["dataset", "size"])["mae_mean"]


class AtSize(NamedTuple):
    """What the models of one dataset at one size reach: MAEs, means over trials.

    Attributes
    ----------
    pairs
        By PT dataset.
    scratch
        Cells by learning rate.
    """

    pairs: pd.Series
    scratch: pd.DataFrame

    def gain(self, rate: float, mae: float) -> float:
        """Return by how many % a MAE is below that of scratch at a rate."""
        return float(100 * (1 - mae / self.scratch.loc[rate, "mae_mean"]))


def at_sizes() -> dict[tuple[str, int], AtSize]:
    """Return scratch at both rates beside the pairs, by dataset and size."""
    cells = cells_of("scratch", "scratch_rates", "pairwise")
    found = {}
    for key, here in cells.groupby(["dataset", "size"]):
        tuned = here[here["kind"] == "finetune"].set_index("source")["mae_mean"]
        scratch = here[here["kind"] == "scratch"].set_index("max_lr")
        found[key] = AtSize(tuned, scratch)
    return found


def rates_of_scratch(ours: Study) -> str:
    """Compare transfer with scratch at either rate."""
    found, plain = at_sizes(), constant(ours)
    rates = sorted({rate for here in found.values() for rate in here.scratch.index}, reverse=True)
    rows = []
    for code, size in ordered(ours, pd.Index(list(found))):
        here = found[code, size]
        reached = [
            value(*here.scratch.loc[rate, ["mae_mean", "mae_ci95"]]) if rate in here.scratch.index
            else "-" for rate in rates
        ]  # fmt: skip
        row = [code, size, value(plain.get((code, size), float("nan")), float("nan")), *reached]
        if here.pairs.empty:
            rows.append([*row, "-", *("-" for _ in rates), unit(ours, code)])
            continue
        both = here.pairs.median(), here.pairs.min()
        gains = [
            " / ".join(percent(here.gain(rate, mae)) for mae in both)
            if rate in here.scratch.index else "-" for rate in rates
        ]  # fmt: skip
        several = f"{here.pairs.median():.3g} ({len(here.pairs)} pairs)"
        rows.append([*row, several, *gains, unit(ours, code)])
    names = [f"{rate:g}" for rate in rates]
    columns = ["dataset", "n", "constant", *(f"scratch at {name}" for name in names)]
    columns += ["transfer, median", *(f"gain at {name}, median / best" for name in names)]
    return markdown(pd.DataFrame(rows, columns=[*columns, "unit"]))


def ordered(ours: Study, cells: pd.Index) -> list[tuple[str, int]]:
    """Sort datasets and sizes as the study names them."""
    codes = list(ours.used_datasets)
    return sorted(cells, key=lambda cell: (codes.index(cell[0]), cell[1]))


def unit(ours: Study, code: str) -> str:
    """Return the unit of a dataset's targets."""
    return ours.quantities[code]["unit"] or "1"


def named(codes: Sequence[str]) -> str:
    """Write codes as a list."""
    return ", ".join(codes) or "none"


def wins_of_transfer(ours: Study) -> str:
    """Count the pairs that win."""
    runs = runs_of("scratch", "pairwise")
    cells = cells_of("scratch", "pairwise")
    lines = [wins(cells, cells[cells["kind"] == "scratch"]).sentence("scratch")]
    lost = [
        f"{source} → {code}" for (code, _), here in at_sizes().items() if len(here.pairs)
        for source in here.pairs.index[here.pairs >= here.scratch.loc[RATE, "mae_mean"]]
    ]  # fmt: skip
    lines[0] += f" It does not: {named(lost)}."
    baselines = cells_of(*ours.config.baselines)
    lines.append(wins(cells, baselines).sentence("the best baseline"))
    held = chance.gains(runs)
    if len(held):
        up, wide = (held[held[f"holds_{kind}"]] for kind in ("shared", "corrected"))
        below = (held["gain"] < -held["shared"]).sum()
        names = named([f"{row.source} → {row.dataset}" for row in up.itertuples()])
        lines.append(
            f"Of {len(held)} pairs with three trials, {len(up)} gain beyond the 95 % interval of "
            f"the trials ({names}; by chance alone {0.025 * len(held):.1f} would), {len(wide)} "
            f"beyond the wider one, and {below} lose beyond the former."
        )
    return "\n".join(f"- {line}" for line in lines)


def summary(ours: Study) -> str:
    """Say what was found at n = 200, from the numbers of the tables below."""
    found = {code: here for (code, size), here in at_sizes().items()
             if size == SIZE and len(here.pairs)}  # fmt: skip
    found = {code: found[code] for code in ours.used_datasets if code in found}
    plain = constant(ours).xs(SIZE, level="size")
    baselines = cells_of(*ours.config.baselines)
    baselines = baselines[baselines["size"] == SIZE]
    best = baselines.groupby("dataset")["mae_mean"].min()
    several = cells_of("multi_property").set_index("dataset")["mae_mean"]
    longer = {row["dataset"]: row["gain over 623"] for row in compared_at_equal_time(ours)}
    lines = []
    for rate, name in ((PUBLISHED_RATE, "the published rate"), (RATE, "at an equal rate")):
        gains = {code: here.gain(rate, here.pairs.median()) for code, here in found.items()
                 if rate in here.scratch.index}  # fmt: skip
        each = ", ".join(f"{code} {gain:.0f}" for code, gain in gains.items())
        lines.append(
            f"Against scratch at {rate:g} ({name}) the median pair has an MAE that is "
            f"{min(gains.values()):.0f} to {max(gains.values()):.0f} % lower ({each})."
        )
    each = ", ".join(f"{code} {gain}" for code, gain in longer.items())
    lines.append(f"Against scratch that is trained for as long, its gain is, in %: {each}.")
    worse = {
        f"scratch at {rate:g}": [
            code for code, here in found.items()
            if rate in here.scratch.index and here.scratch.loc[rate, "mae_mean"] > plain[code]
        ] for rate in (PUBLISHED_RATE, RATE)
    }  # fmt: skip
    worse["the best pair"] = [c for c, here in found.items() if here.pairs.min() > plain[c]]
    each = "; ".join(f"{model}: {named(codes)}" for model, codes in worse.items())
    lines.append(
        "An MAE above that of a constant, the median of the sample, have "
        f"{each}. A gain over such a network says little."
    )
    below = [code for code, here in found.items() if best[code] < here.pairs.min()]
    lines.append(
        f"The best baseline, which takes seconds, is below every pair on {named(below)}; not on "
        f"{named([code for code in found if code not in below])}."
    )
    ahead = [code for code, here in found.items() if several.get(code, 9e9) < here.pairs.min()]
    first = [code for code in ahead if several[code] < best[code]]
    lines.append(
        "Pre-training on all other properties together is better than every pair on "
        f"{named(ahead)}, and the best of all models on {named(first)}. It sees some 20 times as "
        "many crystals: more data, not only more properties."
    )
    return "\n".join(f"- {line}" for line in lines)


def best_of_each(ours: Study) -> str:
    """Show scratch, the best pair, all properties and the best baseline of every dataset."""
    names = ["scratch", "pairwise", "multi_property"]
    cells = cells_of(*names)
    baselines = cells_of(*ours.config.baselines)
    baselines = baselines.assign(source=baselines["network"])
    several = cells["source_properties"] > 1
    kinds = {
        "constant": baselines[baselines["network"] == "median"].assign(source="median"),
        "scratch": cells[cells["kind"] == "scratch"],
        "best pair": cells[(cells["kind"] == "finetune") & ~several],
        "all other properties": cells[several],
        "best baseline": baselines,
    }
    rows = []
    for code in ours.config.experiments["pairwise"].finetune:
        for kind, some in kinds.items():
            here = some[(some["dataset"] == code) & (some["size"] == SIZE)]
            here = here.dropna(subset="mae_mean")
            if here.empty:
                continue
            cell = here.loc[here["mae_mean"].idxmin()]
            name = f"{kind}: {cell['source']}" if kind.startswith("best") else kind
            rows.append([code, name, *(
                value(cell[f"{metric}_mean"], cell[f"{metric}_ci95"])
                for metric in ("mae", "mae_scaled", "r2", "median_ae", "spearman")
            ), unit(ours, code)])  # fmt: skip
    columns = ["dataset", "model", "MAE", "scaled MAE", "R²", "median AE", "Spearman", "unit"]
    return markdown(pd.DataFrame(rows, columns=columns))


def compared_at_equal_time(ours: Study) -> list[dict[str, str]]:
    """Return transfer beside scratch trained for as long, a row per dataset; gains by trial."""
    names = ["scratch", "scratch_epochs", "pairwise"]
    cells = cells_of(*names)
    runs = runs_of(*names).merge(cells[tables.CELL], on=tables.CELL)
    runs = runs[runs["size"] == SIZE]
    rows = []
    for code in ours.config.experiments["scratch_epochs"].datasets:
        here = runs[runs["dataset"] == code]
        scratch = here[here["kind"] == "scratch"].set_index("trial")
        usual, longer = (scratch.loc[(scratch["variation"] == "") == same, "mae"]
                         for same in (True, False))  # fmt: skip
        pairs = here[here["kind"] == "finetune"]
        median = pairs.groupby("trial")["mae"].median()
        if longer.empty or usual.empty or pairs.empty:
            continue
        gains = [100 * (1 - median / some) for some in (usual, longer)]
        rows.append({
            "dataset": code,
            "scratch, 200 epochs": value(usual.mean(), half_width(usual)),
            "scratch, 623 epochs": value(longer.mean(), half_width(longer)),
            "transfer, median": f"{median.mean():.3g} ({pairs['source'].nunique()} pairs)",
            **{
                f"gain over {epochs}": f"{gain.mean():+.0f} ± {half_width(gain):.0f}"
                for epochs, gain in zip((200, 623), gains, strict=True)
            },
            "unit": unit(ours, code),
        })  # fmt: skip
    return rows


def equal_time(ours: Study) -> str:
    """Compare transfer with scratch trained for as long."""
    table = pd.DataFrame(compared_at_equal_time(ours))
    return markdown(
        table.rename(columns=lambda name: f"{name} (%)" if name.startswith("gain") else name)
    )


def unseen_dataset(ours: Study) -> str:
    """JARVIS2D, the dataset no choice was made on, with its baselines."""
    plain = cells_of(*ours.config.baselines)
    plain = plain[plain["dataset"] == UNSEEN].assign(source=plain["network"])
    together = pd.concat([cells_of("jarvis2d"), plain], ignore_index=True)
    cells = tables.change_against_scratch(together)
    found = cells[cells["size"] == SIZE].sort_values("mae_mean")
    rows = [
        ["baseline" if row.kind == "baseline" else "network", row.source or "scratch",
         value(row.mae_mean, row.mae_ci95), value(row.r2_mean, row.r2_ci95),
         percent(row.mae_change)]
        for row in found.itertuples()
    ]  # fmt: skip
    columns = ["model", "pre-trained on, or kind", f"MAE ({unit(ours, UNSEEN)})", "R²",
               "reduction of the MAE against scratch"]  # fmt: skip
    return markdown(pd.DataFrame(rows, columns=columns))


def one_outlier(ours: Study) -> str:
    """R2 and MAE with and without the farthest target."""
    found = numbers("outliers")
    rows = [
        [row.dataset, row.source or "scratch", f"{row.outlier_target:.3g}", f"{row.r2:.2f}",
         f"{row.r2_without:.2f}", f"{row.mae:.3g}", f"{row.mae_without:.3g}",
         f"{row.median_ae:.3g}"]
        for row in found.itertuples() if row.source == "" or row.dataset == "PZ"
    ]  # fmt: skip
    columns = ["dataset", "model", "farthest target", "R²", "R² without", "MAE", "MAE without",
               "median AE"]  # fmt: skip
    return markdown(pd.DataFrame(rows, columns=columns))


def averages(ours: Study) -> str:
    """Say what averaging the predictions of three trials is worth."""
    found = numbers("ensembles")
    rows = [
        [code, len(here), f"{here['less'].mean():.1f}", f"{here['less'].min():.1f} to "
         f"{here['less'].max():.1f}"]
        for code, here in found.groupby("dataset", sort=False)
    ]  # fmt: skip
    columns = ["dataset", "cells", "mean reduction of the MAE (%)", "from, to (%)"]
    return markdown(pd.DataFrame(rows, columns=columns))


def switches(ours: Study) -> str:
    """Say what each switch changes, first those that change more than trials do."""
    found = numbers("contrast")
    found = found[found["trials"] >= FEWEST_TRIALS]
    # a MAE that is the same in print has not changed, whatever its interval
    beyond = found[found["mae_change"].abs() > found["mae_change_ci95"].clip(lower=0.05)]
    each = "; ".join(
        f"{row.study}, {row.cell.removesuffix('_all')}: "
        f"{row.mae_change:+.0f} ± {row.mae_change_ci95:.0f} %"
        for row in beyond.itertuples()
    )
    line = (
        f"Changes of the MAE beyond their interval: {each}. By chance alone "
        f"{0.05 * len(found):.0f} of the {len(found)} would be."
    )
    rows = [
        [row.study, row.cell.removesuffix("_all"),
         f"{row.r2_change:+.3f} ± {row.r2_change_ci95:.3f}",
         f"{row.mae_change:+.1f} ± {row.mae_change_ci95:.1f}"]
        for row in found.itertuples()
    ]  # fmt: skip
    columns = ["switch", "cell", "change of R²", "change of MAE (%)"]
    return f"{line}\n\n{markdown(pd.DataFrame(rows, columns=columns))}"


def leaks(ours: Study) -> str:
    """Gains on test crystals that pre-training has seen, and on others."""
    found = numbers("leakage")
    found = found[found["n_seen"] >= leakage_drawing.FEWEST_SEEN]
    rows = [
        [f"{row.source} → {row.dataset}", row.n_seen, row.n_unseen,
         value(row.gain_seen, row.gain_seen_ci95, 2),
         value(row.gain_control, row.gain_control_ci95, 2),
         value(row.gain_unseen, row.gain_unseen_ci95, 2)]
        for row in found.itertuples()
    ]  # fmt: skip
    columns = ["pair", "seen", "not seen", "gain on seen (%)", "on the same, not seen (%)",
               "gain on others (%)"]  # fmt: skip
    return markdown(pd.DataFrame(rows, columns=columns))


def published_samples(ours: Study) -> str:
    """Put the full network on the published samples beside the published cells."""
    cells = cells_of("published")
    cell = ["source", "source_size", "dataset", "size"]
    theirs = publication.published(data.PUBLISHED).set_index(cell).sort_index()
    rows = []
    for row in cells.sort_values(["dataset", "size", "source", "max_lr"]).itertuples():
        key = row.source, row.source_size, row.dataset, row.size
        # the published scratch has one rate; at another there is nothing to compare with
        found = theirs.loc[[key]] if key in theirs.index else theirs.head(0)
        found = found[(found["max_lr"] == row.max_lr) & (found["strategy"] == row.strategy)]
        published = ["-", "-"] if found.empty else [
            value(found.iloc[0][f"{name}_mean"], found.iloc[0][f"{name}_ci95"])
            for name in ("r2", "mae_scaled")
        ]  # fmt: skip
        name = f"{row.source} → {row.dataset}" if row.source else f"scratch, {row.dataset}"
        rows.append([
            name, row.size, f"{row.max_lr:g}", row.trials, value(row.r2_mean, row.r2_ci95),
            published[0], value(row.mae_scaled_mean, row.mae_scaled_ci95), published[1],
        ])  # fmt: skip
    columns = ["model", "n", "rate", "trials", "R²", "published R²", "scaled MAE",
               "published scaled MAE"]  # fmt: skip
    return markdown(pd.DataFrame(rows, columns=columns))


def numbers(name: str) -> pd.DataFrame:
    """Read the numbers behind a figure."""
    return tables.read_cells(TABLES / f"{name}.csv")


def counted_claims(ours: Study) -> str:
    """Count the paper's claims on its own cells and on these."""
    names = [name for name in ours.compared if (TABLES / f"{name}_runs.csv").exists()]
    theirs = publication.published_cells(data.PUBLISHED)
    table = claims.side_by_side(theirs, cells_of(*names))
    return markdown(table[["claim", "stated", "published cells", "our runs"]])


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
        [*WITH_BASELINES, "scratch_rates_runs", "scratch_epochs_runs", "multi_property_runs"],
        text=summary,
    ),
    "what was run": Block([], text=what_was_run),
    "size": Block(["sizes"], text=size_of_the_network),
    "rates of scratch": Block(
        [*PAIRS, "scratch_rates_runs"],
        {"scratch_rates": "Scratch at two learning rates beside transfer"}, rates_of_scratch,
    ),
    "wins": Block(WITH_BASELINES, text=wins_of_transfer),
    "pairs": Block(
        WITH_BASELINES,
        {"pairwise_heatmap": "PT against FT dataset at n = 200, with scratch and baselines"},
    ),
    "best of each": Block(
        WITH_BASELINES, {"mae_by_size": "MAE against FT size, with baselines"}, best_of_each
    ),
    "chance": Block(PAIRS, {"chance": "Gains of transfer with two intervals"}),
    "equal time": Block(
        [*PAIRS, "scratch_epochs_runs"], {"scratch_epochs": "Scratch trained for longer"},
        equal_time,
    ),
    "unseen": Block(["jarvis2d_runs"], {"unseen": "JARVIS2D"}, unseen_dataset),
    "outliers": Block(["outliers"], {"outliers": "R2 with and without one crystal"}, one_outlier),
    "ensembles": Block(["ensembles"], {"ensembles": "Three networks averaged"}, averages),
    "switches": Block(["contrast"], {"contrast": "What each switch changes"}, switches),
    "leakage": Block(["leakage"], {"leakage": "Gains on seen and other test crystals"}, leaks),
    "published": Block(["published_runs"], text=published_samples),
    "paper": Block(
        [*PAIRS, "multi_property_runs"],
        {"fig6b": "Fig. 6b for this study", "fig6c": "Fig. 6c for this study"}, counted_claims,
    ),
}  # fmt: skip
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
        r"<!-- ([\w ]+) -->\n.*?<!-- end -->",
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
