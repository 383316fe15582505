"""What it is worth that a test crystal was in pre-training, with another label."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from crystal_transfer.figures.labels import pair_label, strategy_label
from crystal_transfer.figures.legends import labelled, legend_below
from crystal_transfer.figures.style import COLOURS, Drawing, panels
from crystal_transfer.results.leakage import Shared, leakage_gains
from crystal_transfer.units import Quantity

FEWEST_SEEN = 5  # test crystals; of fewer a pair is not drawn
GROUPS = {"seen": "seen in pre-training", "unseen": "not seen"}
CONTROL = {"control": "the same crystals, not seen"}  # drawn where another study has it


def leakage(
    runs: pd.DataFrame,
    predictions: Mapping[str, pd.DataFrame],
    samples: Mapping[str, Sequence[str]],
    shared: Mapping[str, Shared],
    datasets: Mapping[str, Quantity],
) -> Drawing:
    """Draw what transfer gains on test crystals that were in pre-training, and on the others.

    Parameters
    ----------
    runs
        Scratch, fine-tuned runs and the pre-trainings that they start from.
    predictions
        Of each run, by its id.
    samples
        Ids of the crystals that each run was trained on, by its id.
    shared
        FT dataset -> PT dataset -> test crystal -> equal crystals of the PT dataset.
    datasets
        Symbol, unit and order of the datasets.
    """
    return drawn_gains(leakage_gains(runs, predictions, samples, shared), datasets)


def drawn_gains(table: pd.DataFrame, datasets: Mapping[str, Quantity]) -> Drawing:
    """Draw the numbers of `results.leakage.leakage_gains`."""
    drawn = table[table["n_seen"] >= FEWEST_SEEN]
    codes = [code for code in datasets if code in set(drawn["dataset"])]
    figure, axes = panels(len(codes), width=3.4, height=3.0)
    groups = GROUPS | (CONTROL if "gain_control" in table else {})
    for axis, code in zip(axes, codes, strict=True):
        here = drawn[drawn["dataset"] == code].sort_values("gain_unseen")
        rows = np.arange(len(here))
        for (group, label), colour, marker, shift in zip(
            groups.items(),
            (COLOURS[1], COLOURS[0], COLOURS[2]),
            "osD",
            (0.2, -0.2, 0.0),
            strict=False,
        ):
            axis.errorbar(
                here[f"gain_{group}"], rows + shift, xerr=here[f"gain_{group}_ci95"], fmt=marker,
                color=colour, markersize=5, elinewidth=1.2, label=label,
            )  # fmt: skip
        axis.axvline(0, color="black", linewidth=0.8)
        labels = [
            f"{pair_label(row.source, code)}{_unusual(row.strategy)}\n"
            f"{row.n_seen} of {row.n_seen + row.n_unseen} seen"
            for row in here.itertuples()
        ]
        axis.set_yticks(rows, labels)
        axis.set_ylim(-0.6, len(here) - 0.4)
        axis.set_title(f"{code}, n = {here['size'].iloc[0]}")
        axis.set_xlabel("reduction of the MAE (%)")
    if axes:
        legend_below(figure, labelled(axes[0]))
    return figure, table


def _unusual(strategy: str) -> str:
    return "" if strategy == "all" else f", {strategy_label(strategy)}"
