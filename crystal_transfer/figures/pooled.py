"""What errors are made of: trials averaged, and one crystal left out."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from crystal_transfer.figures.style import COLOURS, Drawing, Quantity, panels
from crystal_transfer.results.metrics import FEWEST_TRIALS, METRICS

CELL = ["dataset", "size", "kind", "source", "source_size", "strategy"]


def ensembles(
    runs: pd.DataFrame, predictions: Mapping[str, pd.DataFrame], datasets: Mapping[str, Quantity]
) -> Drawing:
    """Draw the MAE of the trials' mean prediction beside the mean of their MAEs.

    The numbers have a row per cell of at least three trials: trials, n_test (crystals that all of
    them predict), mae_mean, mae_ensemble and less, the difference in %.
    """
    table = _of_cells(runs, predictions, _ensemble)
    figure = _dumbbells(
        table, datasets, "mae", ("mae_mean", "mean of the trials"),
        ("mae_ensemble", "predictions averaged"),
    )  # fmt: skip
    return figure, table


def outliers(
    runs: pd.DataFrame, predictions: Mapping[str, pd.DataFrame], datasets: Mapping[str, Quantity]
) -> Drawing:
    """Draw R2 with and without the one test crystal whose target is farthest from the mean.

    The numbers have a row per cell: trials, that crystal, its target, and means over trials of R2,
    MAE with and without it, and of the median absolute error.
    """
    table = _of_cells(runs, predictions, _without_farthest)
    figure = _dumbbells(
        table, datasets, "r2", ("r2", "all test crystals"),
        ("r2_without", "without the farthest target"),
    )  # fmt: skip
    return figure, table


def _of_cells(
    runs: pd.DataFrame,
    predictions: Mapping[str, pd.DataFrame],
    measure: Callable[[list[pd.DataFrame]], dict[str, Any] | None],
) -> pd.DataFrame:
    rows = []
    for name, found in runs.groupby(CELL, sort=False):
        measured = measure([predictions[id] for id in found["id"]])
        if measured is not None:
            rows.append(dict(zip(CELL, name, strict=True)) | {"trials": len(found)} | measured)
    return pd.DataFrame(rows)


def _ensemble(trials: list[pd.DataFrame]) -> dict[str, Any] | None:
    if len(trials) < FEWEST_TRIALS:
        return None
    each = pd.concat(
        [trial.set_index("id")["prediction"] for trial in trials], axis=1, join="inner"
    )
    targets = trials[0].set_index("id")["target"].reindex(each.index)
    single = float(each.sub(targets, axis=0).abs().to_numpy().mean())
    together = float((each.mean(axis=1) - targets).abs().mean())
    return {
        "n_test": len(each), "mae_mean": single, "mae_ensemble": together,
        "less": 100 * (1 - together / single),
    }  # fmt: skip


def _without_farthest(trials: list[pd.DataFrame]) -> dict[str, Any]:
    rows = []
    for trial in trials:
        far = (trial["target"] - trial["target"].mean()).abs().idxmax()
        rest = trial.drop(index=far)
        error = (trial["target"] - trial["prediction"]).abs()
        rows.append({
            "r2": _r2(trial), "r2_without": _r2(rest), "mae": error.mean(),
            "mae_without": error.drop(far).mean(), "median_ae": error.median(),
        })  # fmt: skip
    last = {"outlier": trial.loc[far, "id"], "outlier_target": trial.loc[far, "target"]}
    return last | pd.DataFrame(rows).mean().to_dict()


def _r2(table: pd.DataFrame) -> float:
    """Coefficient of determination; NaN where all targets are equal."""
    spread = ((table["target"] - table["target"].mean()) ** 2).sum()
    error = ((table["target"] - table["prediction"]) ** 2).sum()
    return float(1 - error / spread) if spread > 0 else np.nan


def _dumbbells(
    table: pd.DataFrame,
    datasets: Mapping[str, Quantity],
    metric: str,
    *points: tuple[str, str],
) -> Any:
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
        axis.set_title(f"{code}, n = {here['size'].max()}")
        axis.set_xlabel(shown.axis_label(datasets[code].unit))
        axis.set_ylabel("pre-trained on")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure
