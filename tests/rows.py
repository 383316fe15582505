"""Rows of a table of runs, made by hand."""

from typing import Any

from crystal_transfer.runs import Cell, result_row


def run_row(
    dataset: str, size: int, r2: float | None, mae: float | None, source: str = "", **other: Any
) -> dict[str, Any]:
    """The row of a run: from scratch, or fine-tuned from a source; `other` replaces columns."""
    cell = Cell(
        kind="finetune" if source else "scratch",
        source=source,
        source_size=941 if source else 0,
        source_properties=int(bool(source)),
        dataset=dataset,
        size=size,
        strategy="all" if source else "",
        sampling="random",
        variation="",
        max_lr=1e-3,
        batch_size=16,
        network="alignn",
    )
    trial = other.get("trial", 1)
    measured = {
        "r2": r2, "mae": mae, "mae_scaled": mae, "rmse": mae, "median_ae": mae, "spearman": 0.5,
        "n_test": 5, "best_epoch": 1,
    }  # fmt: skip
    return result_row(f"{source}{dataset}{size}_t{trial}", cell, trial, measured) | other
