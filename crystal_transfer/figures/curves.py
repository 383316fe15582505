"""How the validation error falls during training."""

from collections.abc import Mapping

import pandas as pd

from crystal_transfer.figures.axes import plain_log_numbers
from crystal_transfer.figures.labels import scale_of
from crystal_transfer.figures.legends import legend_below, scratch_first
from crystal_transfer.figures.rows import sources_of
from crystal_transfer.figures.style import SCRATCH_COLOUR, Drawing, colour_of, panels
from crystal_transfer.units import Quantity


def learning_curves(
    runs: pd.DataFrame, histories: Mapping[str, pd.DataFrame], datasets: Mapping[str, Quantity]
) -> Drawing:
    """Draw the validation MAE by epoch, scratch and every PT dataset, one panel per FT dataset."""
    codes = [code for code in datasets if code in set(runs["dataset"])]
    sources = sources_of(runs, datasets)
    colours = colour_of(sources)
    figure, axes = panels(len(codes))
    handles, shown = {}, []
    for axis, code in zip(axes, codes, strict=True):
        here = runs[runs["dataset"] == code]
        for row in here.itertuples():
            history = histories[row.id]
            name = f"PT {row.source}" if row.source else "scratch"
            (handles[name],) = axis.plot(
                history["epoch"],
                history["validation_mae"],
                color=colours.get(row.source, SCRATCH_COLOUR),
                linestyle="-" if row.source else "--",
                linewidth=1.1,
            )
            shown.append(history.assign(dataset=code, run=row.id))
        axis.set_yscale("log")
        plain_log_numbers(axis.yaxis)
        axis.set_title(f"{code}, n = {here['size'].max()}")
        axis.set_xlabel("Epoch")
        scale = scale_of(here["mae"], here["mae_scaled"], datasets[code].unit)
        axis.set_ylabel(f"Validation MAE\n({' '.join(['scaled:', *scale]) if scale else 'scaled'})")
    legend_below(figure, scratch_first(handles, [f"PT {source}" for source in sources]))
    return figure, pd.concat(shown, ignore_index=True)


def multi_property_curves(
    runs: pd.DataFrame, histories: Mapping[str, pd.DataFrame], datasets: Mapping[str, Quantity]
) -> Drawing:
    """Draw the validation MAE of every property by epoch: a panel each, a line per pre-training."""
    by_name = {row.dataset: histories[row.id] for row in runs.itertuples()}
    prefix = "validation_mae_"
    codes = [
        code for code in datasets
        if any(f"{prefix}{code}" in history for history in by_name.values())
    ]  # fmt: skip
    colours = colour_of(list(by_name))
    figure, axes = panels(len(codes))
    handles, shown = {}, []
    for axis, code in zip(axes, codes, strict=True):
        for name, history in by_name.items():
            if f"{prefix}{code}" not in history:
                continue
            mae = history[f"{prefix}{code}"]
            (handles[name],) = axis.plot(history["epoch"], mae, color=colours[name], linewidth=1.1)
            shown.append(
                pd.DataFrame(
                    {"pretraining": name, "property": code, "epoch": history["epoch"],
                     "validation_mae_scaled": mae}
                )
            )  # fmt: skip
        axis.set_title(f"{code}: {datasets[code].label}")
        axis.set_xlabel("Epoch")
        axis.set_ylabel("Validation MAE (scaled)")
    legend_below(figure, handles)
    return figure, pd.concat(shown, ignore_index=True)
