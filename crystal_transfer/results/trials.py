"""What the errors of a cell are made of: trials averaged, and one crystal left out."""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from crystal_transfer.metrics import metrics
from crystal_transfer.results.gains import percent_below
from crystal_transfer.results.metrics import FEWEST_TRIALS
from crystal_transfer.results.tables import CELL, half_width


def averaged(runs: pd.DataFrame, predictions: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Compare the MAE of the trials' mean prediction with the mean of their MAEs.

    Parameters
    ----------
    runs
        See `results.tables.runs_table`.
    predictions
        Of each run, by its id.

    Returns
    -------
    A row per cell of at least three trials: trials, n_test (crystals that all of them predict),
    mae_mean, mae_ensemble and less, the difference in %.
    """
    return _of_cells(runs, predictions, _ensemble)


def without_farthest(runs: pd.DataFrame, predictions: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Compare metrics with and without the one test crystal whose target is farthest from the mean.

    Parameters
    ----------
    runs
        See `results.tables.runs_table`.
    predictions
        Of each run, by its id.

    Returns
    -------
    A row per cell: trials, that crystal (each, where trials have test crystals of their own), and
    means over trials of its target, of R2 and MAE with and without it, and of the median absolute
    error and Spearman's correlation, these with the half-widths of their 95 % intervals (`_ci95`).
    """
    return _of_cells(runs, predictions, _without_farthest)


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
        "less": percent_below(together, single),
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
    """Return the metrics of a run's predictions."""
    return metrics(table["target"].to_numpy(), table["prediction"].to_numpy())
