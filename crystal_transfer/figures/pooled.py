"""What errors are made of: trials averaged, and one crystal left out."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from crystal_transfer.figures.legends import labelled, legend_below
from crystal_transfer.figures.style import COLOURS, Drawing, panels
from crystal_transfer.results.metrics import METRICS
from crystal_transfer.results.tables import on_shared_trials
from crystal_transfer.results.trials import averaged, without_farthest
from crystal_transfer.units import Quantity


def ensembles(
    runs: pd.DataFrame, predictions: Mapping[str, pd.DataFrame], datasets: Mapping[str, Quantity]
) -> Drawing:
    """Draw the MAE of the trials' mean prediction beside the mean of their MAEs.

    The numbers are those of `results.trials.averaged`.
    """
    return drawn_ensembles(averaged(on_shared_trials(runs), predictions), datasets)


def drawn_ensembles(table: pd.DataFrame, datasets: Mapping[str, Quantity]) -> Drawing:
    """Draw the numbers of `ensembles`."""
    return _dumbbells(
        table, datasets, "mae",
        ("mae_mean", "mean of the trials"), ("mae_ensemble", "predictions averaged"),
    )  # fmt: skip


def outliers(
    runs: pd.DataFrame, predictions: Mapping[str, pd.DataFrame], datasets: Mapping[str, Quantity]
) -> Drawing:
    """Draw R2 with and without the one test crystal whose target is farthest from the mean.

    The numbers are those of `results.trials.without_farthest`.
    """
    return drawn_outliers(without_farthest(on_shared_trials(runs), predictions), datasets)


def drawn_outliers(table: pd.DataFrame, datasets: Mapping[str, Quantity]) -> Drawing:
    """Draw the numbers of `outliers`."""
    return _dumbbells(
        table, datasets, "r2",
        ("r2", "all test crystals"), ("r2_without", "without the farthest target"),
    )  # fmt: skip


def _dumbbells(
    table: pd.DataFrame,
    datasets: Mapping[str, Quantity],
    metric: str,
    *points: tuple[str, str],
) -> Drawing:
    """Draw two numbers of every cell on one line, a panel per FT dataset, the best cell on top."""
    shown = METRICS[metric]
    codes = [code for code in datasets if code in set(table["dataset"])]
    figure, axes = panels(len(codes), width=3.2)
    for axis, code in zip(axes, codes, strict=True):
        here = table[table["dataset"] == code]
        here = here.sort_values(points[0][0], ascending=shown.higher_is_better)
        rows = np.arange(len(here))
        (first, _), (second, _) = points
        axis.hlines(rows, here[first], here[second], color="0.6", linewidth=1.2)
        for (column, label), colour, marker in zip(points, COLOURS, "os", strict=False):
            axis.plot(here[column], rows, marker, color=colour, markersize=5, label=label)
        axis.set_yticks(rows, [source or "scratch" for source in here["source"]])
        axis.xaxis.set_major_locator(MaxNLocator(4))
        axis.set_title(f"{code}, n = {here['size'].max()}")
        axis.set_xlabel(shown.axis_label(datasets[code].unit))
        axis.set_ylabel("pre-trained on")
    if axes:
        legend_below(figure, labelled(axes[0]))
    return figure, table
