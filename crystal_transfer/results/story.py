"""What a study found, on one page: what was run, what won, and what to beware of."""

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from crystal_transfer.protocols import Protocol, ScratchRate, SeenInTest, TestedEpoch
from crystal_transfer.results.metrics import FEWEST_TRIALS
from crystal_transfer.results.tables import CELL

SHOWN = 3  # warnings
WIDTH = 5000  # characters of a line


class Wins(NamedTuple):
    """In how many cells transfer has the lower MAE.

    Attributes
    ----------
    won, compared
        Cells that it wins, and cells where there is something to compare with.
    diverged
        Cells that are not compared, because all their trainings diverged.
    few
        Cells that are not compared, because they have too few trials in common with the others.
    """

    won: int
    compared: int
    diverged: int = 0
    few: int = 0

    def sentence(self, against: str) -> str:
        """Say it in words."""
        reasons = {"diverged": self.diverged, f"have fewer than {FEWEST_TRIALS} trials": self.few}
        without = " and ".join(f"{n} that {reason}" for reason, n in reasons.items() if n)
        left_out = f", {without} left out" if without else ""
        if not self.compared:
            return f"No cell can be compared with {against}{left_out}."
        return (
            f"Transfer has the lower MAE than {against} in **{self.won} of {self.compared}** "
            f"cells{left_out}."
        )


def wins(runs: pd.DataFrame, others: pd.DataFrame) -> Wins:
    """Compare every cell of fine-tuning with all other cells of its dataset and size.

    By the mean MAE over the trials that both cells have, of which there must be enough
    (`FEWEST_TRIALS`); it wins where it is below all of them.

    Parameters
    ----------
    runs
        See `results.tables.runs_table`.
    others
        Those to compare with, such as the runs of scratch.
    """
    tuned = runs[runs["kind"] == "finetune"]
    sample = ["dataset", "size", "trial"]
    rivals = others.assign(rival=others.groupby(CELL, sort=False).ngroup())
    both = tuned.merge(rivals[[*sample, "rival", "mae"]], on=sample, suffixes=("", "_rival"))
    both = both.dropna(subset=["mae", "mae_rival"])
    pairs = both.groupby([*CELL, "rival"], sort=False)
    means, trials = pairs[["mae", "mae_rival"]].mean(), pairs.size()
    enough = means[trials >= FEWEST_TRIALS]
    won = (enough["mae"] < enough["mae_rival"]).groupby(level=CELL, sort=False).all()
    counted = tuned.groupby(CELL, sort=False)["mae"].count()
    few = means.groupby(level=CELL, sort=False).ngroups - len(won)
    return Wins(int(won.sum()), len(won), int((counted == 0).sum()), few)


def warnings_of(cells: pd.DataFrame, protocol: Protocol, own_tests: bool) -> list[str]:
    """Return what a reader must know, the most important first.

    Parameters
    ----------
    cells
        All cells of the study.
    protocol
        Its switches.
    own_tests
        Whether each trial has a test set of its own: what an imposed sample leaves.
    """
    trained = cells[cells["kind"].isin(["scratch", "finetune"])]
    few = int((trained["trials"] < FEWEST_TRIALS).sum())
    found = []
    if few:
        found.append(
            f"{few} of {len(trained)} cells have fewer than {FEWEST_TRIALS} trials: which of two of them "
            "is better may be chance."
        )
    if protocol.scratch_rate is ScratchRate.OWN:
        found.append(
            "Scratch was trained at its own learning rate, as was published: part of what transfer "
            "gains may be the rate (docs/fidelity.md)."
        )
    if protocol.seen_in_test is SeenInTest.KEPT:
        found.append(
            "Crystals of test sets were pre-trained on where another dataset has them, with another "
            "label."
        )
    if not own_tests:
        found.append(
            "All trials of a cell share one test set: intervals tell how much samples matter, not how "
            "much other test crystals would."
        )
    if protocol.tested_epoch is TestedEpoch.BEST:
        found.append(
            "The model tested is that of the best validation epoch: with few crystals to validate on, "
            "a matter of luck."
        )
    if diverged := int(trained["diverged"].sum()):
        found.insert(0, f"{diverged} trainings diverged and are in no mean.")
    return found[:SHOWN]


def page(
    experiments: Sequence[tuple[str, str, int]],
    runs: pd.DataFrame,
    protocol_name: str,
    warnings: Sequence[str],
    picture: str,
) -> str:
    """Write the page as reStructuredText.

    Parameters
    ----------
    experiments
        Name, kind and number of cells of each.
    runs
        All runs of the study and its baselines, each once.
    protocol_name
        Name of the protocol.
    warnings
        See `warnings_of`.
    picture
        PNG of the heatmap as base64; empty without one.
    """
    scratch, plain = (runs[runs["kind"] == kind] for kind in ("scratch", "baseline"))
    what = ", ".join(f"{name} ({kind}, {n} cells)" for name, kind, n in experiments)
    lines = [
        "Pre-training and fine-tuning of graph networks on crystals, after Devi, Butler & Sai Gautam,",
        "npj Comput. Mater. 10, 300 (2024).",
        "",
        "**What was run**",
        "",
        f"{len(runs)} tested models, protocol **{protocol_name}**: {what}.",
        "",
        "**What it found**",
        "",
        f"- {wins(runs, scratch).sentence('training from scratch')}",
        f"- {wins(runs, plain).sentence('the best baseline')}",
        "",
    ]
    if picture:
        # docutils reads no longer lines, and takes white space out of an address
        parts = [picture[start : start + WIDTH] for start in range(0, len(picture), WIDTH)]
        lines += [".. image:: data:image/png;base64,", *(f"   {part}" for part in parts)]
        lines += ["   :width: 100%", "   :alt: heatmap of pair-wise transfer", ""]
    if warnings:
        lines += ["**Before you quote a number**", "", *(f"- {text}" for text in warnings), ""]
    lines.append("Means are over trials, with the half-width of their 95 % confidence interval.")
    return "\n".join(lines) + "\n"
