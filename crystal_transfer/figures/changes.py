"""What pre-training is worth against scratch, as a percentage, by the size of the PT dataset."""

from collections.abc import Mapping

import pandas as pd

from crystal_transfer.figures.axes import plain_log_axis, spread_axis
from crystal_transfer.figures.legends import legend_below
from crystal_transfer.figures.style import Drawing, colour_of, marker_of, panels
from crystal_transfer.results import select
from crystal_transfer.results.tables import comparable_cells
from crystal_transfer.units import Quantity

LABELS = {
    "r2": "Change of test $R^2$ against scratch (%)",
    "mae": "Reduction of test MAE against scratch (%)",
}


def r2_change(runs: pd.DataFrame, datasets: Mapping[str, Quantity]) -> Drawing:
    """Draw the change of R2 by PT size, one panel per PT dataset."""
    return _changes(runs, datasets, ["r2"])


def mae_change(runs: pd.DataFrame, datasets: Mapping[str, Quantity]) -> Drawing:
    """Draw the reduction of the MAE by PT size, one panel per PT dataset."""
    return _changes(runs, datasets, ["mae"])


def both_changes(runs: pd.DataFrame, datasets: Mapping[str, Quantity]) -> Drawing:
    """Draw both changes, a row per metric."""
    return _changes(runs, datasets, ["r2", "mae"])


def _changes(runs: pd.DataFrame, datasets: Mapping[str, Quantity], metrics: list[str]) -> Drawing:
    cells = comparable_cells(runs)
    table = select.changes(cells, select.scratch(cells))
    tuned = table[table["kind"] == "finetune"]
    several = tuned.groupby("source")["source_size"].nunique()
    origins = [code for code in datasets if several.get(code, 0) > 1]
    targets = [code for code in datasets if code in set(tuned["dataset"])]
    colours, markers = colour_of(targets), marker_of(targets)
    figure, axes = panels(len(metrics) * len(origins), 3.6, 3.2, columns=len(origins))
    handles = {}
    shown = [(metric, origin) for metric in metrics for origin in origins]
    for axis, (metric, origin) in zip(axes, shown, strict=True):
        here = tuned[tuned["source"] == origin]
        for target in targets:
            line = here[here["dataset"] == target].sort_values("source_size")
            if not line.empty:
                (handles[target],) = axis.plot(
                    line["source_size"], line[f"{metric}_change"],
                    color=colours[target], marker=markers[target], linewidth=1.2, markersize=4.5,
                )  # fmt: skip
        axis.axhline(0, color="black", linewidth=0.8)
        plain_log_axis(axis, sorted(here["source_size"].unique()))
        spread_axis(axis, here[f"{metric}_change"])
        sizes = ", ".join(map(str, sorted(tuned["size"].unique())))
        axis.set_title(f"PT {origin}, FT n = {sizes}")
        axis.set_xlabel("PT dataset size (crystals)")
        axis.set_ylabel(LABELS[metric])
    names = [code for code in targets if code in handles]
    legend_below(figure, {f"FT {code}": handles[code] for code in names})
    return figure, table
