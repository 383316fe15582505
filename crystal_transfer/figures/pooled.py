"""What errors are made of: trials averaged, and one crystal left out."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from crystal_transfer.figures.style import (
    COLOURS,
    Drawing,
    Quantity,
    labelled,
    legend_below,
    panels,
)
from crystal_transfer.results.metrics import FEWEST_TRIALS, METRICS
from crystal_transfer.results.tables import CELL, half_width
from crystal_transfer.training.metrics import metrics


def ensembles(
    runs: pd.DataFrame, predictions: Mapping[str, pd.DataFrame], datasets: Mapping[str, Quantity]
) -> Drawing:
    """Draw the MAE of the trials' mean prediction beside the mean of their MAEs.

    The numbers have a row per cell of at least three trials: trials, n_test (crystals that all of
    them predict), mae_mean, mae_ensemble and less, the difference in %.
    """
    return drawn_ensembles(_of_cells(runs, predictions, _ensemble), datasets)


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

    The numbers have a row per cell: trials, that crystal (each, where trials have test crystals of
    their own), and means over trials of its target, of R2 and MAE with and without it, and of the
    median absolute error and Spearman's correlation, these with the half-widths of their 95 %
    intervals (`_ci95`).
    """
    return drawn_outliers(_of_cells(runs, predictions, _without_farthest), datasets)


def drawn_outliers(table: pd.DataFrame, datasets: Mapping[str, Quantity]) -> Drawing:
    """Draw the numbers of `outliers`."""
    return _dumbbells(
        table, datasets, "r2",
        ("r2", "all test crystals"), ("r2_without", "without the farthest target"),
    )  # fmt: skip


def _of_cells(
    runs: pd.DataFrame,
    predictions: Mapping[str, pd.DataFrame],
    measure: Callable[[list[pd.DataFrame]], dict[str, Any] | None],
) -> pd.DataFrame:
    """Measure every cell by the predictions of its trials, diverged ones left out."""
    rows = []
    for cell, found in runs.dropna(subset="mae_scaled").groupby(CELL, sort=False):
        measured = measure([predictions[id] for id in found["id"]])
        if measured is not None:
            rows.append(dict(zip(CELL, cell, strict=True)) | {"trials": len(found)} | measured)
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=[*CELL, "trials"])


def _ensemble(trials: list[pd.DataFrame]) -> dict[str, Any] | None:
    """Average the predictions; None where trials are few, or have no test crystal in common."""
    each = pd.concat(
        [trial.set_index("id")["prediction"] for trial in trials], axis=1, join="inner"
    )
    if len(trials) < FEWEST_TRIALS or each.empty:
        return None
    targets = trials[0].set_index("id")["target"].reindex(each.index)
    single = float(each.sub(targets, axis=0).abs().to_numpy().mean())
    together = float((each.mean(axis=1) - targets).abs().mean())
    return {
        "n_test": len(each), "mae_mean": single, "mae_ensemble": together,
        "less": 100 * (1 - together / single),
    }  # fmt: skip


def _without_farthest(trials: list[pd.DataFrame]) -> dict[str, Any]:
    farthest, rows = [], []
    for trial in trials:
        far = (trial["target"] - trial["target"].mean()).abs().idxmax()
        farthest.append(str(trial.loc[far, "id"]))
        whole, rest = _measured(trial), _measured(trial.drop(index=far))
        rows.append({
            "r2": whole["r2"], "r2_without": rest["r2"], "mae": whole["mae"],
            "mae_without": rest["mae"], "median_ae": whole["median_ae"],
            "spearman": whole["spearman"],
            "outlier_target": trial.loc[far, "target"],
        })  # fmt: skip
    table = pd.DataFrame(rows, dtype=float)
    widths = table.drop(columns="outlier_target").apply(half_width).add_suffix("_ci95")
    return {"outlier": " ".join(dict.fromkeys(farthest))} | {**table.mean(), **widths}


def _measured(table: pd.DataFrame) -> dict[str, Any]:
    """Return the metrics of a run's predictions; scaled ones are not asked for."""
    return metrics(table["target"].to_numpy(), table["prediction"].to_numpy(), half_range=1.0)


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
