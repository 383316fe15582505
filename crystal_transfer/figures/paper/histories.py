"""Figures S13 and S14: what happens during training."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from crystal_transfer.figures.labels import pair_label
from crystal_transfer.figures.legends import legend_below
from crystal_transfer.figures.palettes import DEFAULT, PALETTES
from crystal_transfer.figures.style import MARKERS, R2_FLOOR, Drawing, panels
from crystal_transfer.results import select
from crystal_transfer.units import Quantity

SHOWN_RATES = [1e-2, 1e-3]
STAGES = {"PT": "Pre-training", "FT": "Fine-tuning"}


def figs13(
    histories: pd.DataFrame, datasets: Mapping[str, Quantity], palette: str = DEFAULT
) -> Drawing:
    """Draw the validation R2 by epoch at learning rates 1e-2 and 1e-3, a panel per pair.

    Parameters
    ----------
    histories
        Columns source, dataset, size, max_lr, trial, epoch, validation_r2; a row per epoch.
    datasets
        Code -> dataset.
    palette
        See `figures.palettes`.

    Returns
    -------
    figure, data
        The data are the histories shown. R2 below -0.5 is outside the axis, not outside the data.
    """
    rates = select.chosen(SHOWN_RATES, sorted(histories["max_lr"].unique(), reverse=True))
    table = histories[histories["max_lr"].isin(rates)]
    pairs = select.chosen(select.FIG4_PAIRS, select.pair_list(table))
    figure, axes = panels(max(len(pairs), 1), 3.0, 2.6, columns=2)
    colours = dict(zip(rates, PALETTES[palette].each(len(rates)), strict=True))
    for axis, (source, target) in zip(axes, pairs, strict=False):
        here = select.of_pairs(table, [(source, target)])
        for rate, lines in here.groupby("max_lr", sort=False):
            for _, line in lines.groupby("trial"):
                axis.plot(line["epoch"], line["validation_r2"], color=colours[rate],
                          linewidth=0.9, label=f"learning rate {rate:g}")  # fmt: skip
        low, high = axis.get_ylim()
        axis.set_ylim(max(low, R2_FLOOR), max(min(high, 1.02), R2_FLOOR + 0.1))
        axis.set_title(f"{pair_label(source, target)}, FT n = {here['size'].max()}")
        axis.set_xlabel("Epoch")
        axis.set_ylabel("Validation $R^2$")
    _shared_legend(figure, axes)
    columns = ["source", "dataset", "size", "max_lr", "trial", "epoch", "validation_r2"]
    return figure, table[columns].reset_index(drop=True)


def figs14(
    histories: pd.DataFrame, datasets: Mapping[str, Quantity], palette: str = DEFAULT
) -> Drawing:
    """Draw the last loss of pre-training and of fine-tuning against the number of properties.

    Parameters
    ----------
    histories
        Columns stage (``PT`` or ``FT``), source_properties (number pre-trained on), dataset (that
        is fine-tuned to), trial, epoch, training_loss; a row per epoch.
    datasets
        Code -> dataset.
    palette
        See `figures.palettes`.

    Returns
    -------
    figure, data
        The data have a row per point: stage, dataset, source_properties, trials, loss (mean over
        trials of the training loss of the last epoch, targets scaled to [-1, 1]).
    """
    keys = ["stage", "dataset", "source_properties"]
    last = histories.sort_values("epoch").groupby([*keys, "trial"]).tail(1)
    table = last.groupby(keys)["training_loss"].agg(trials="size", loss="mean").reset_index()
    codes = select.ordered(table["dataset"], datasets)
    figure, axes = panels(2, 3.2, 2.8, columns=2)
    colours = PALETTES[palette].each(len(codes))
    for axis, (stage, name) in zip(axes, STAGES.items(), strict=True):
        for number, (code, colour) in enumerate(zip(codes, colours, strict=True)):
            line = table[(table["stage"] == stage) & (table["dataset"] == code)]
            axis.plot(line["source_properties"], line["loss"], color=colour,
                      marker=MARKERS[number % len(MARKERS)], linewidth=1.2, markersize=5,
                      label=f"FT {code}")  # fmt: skip
        axis.set_title(name)
        axis.set_xticks(sorted(table["source_properties"].unique()))
        axis.set_xlabel("Properties pre-trained on")
        axis.set_ylabel("Last training loss (scaled)")
    _shared_legend(figure, axes)
    return figure, table


def _shared_legend(figure: Figure, axes: Iterable[Axes]) -> None:
    """Put the labels of all panels below them, each once."""
    handles: dict[str, Any] = {}
    for axis in axes:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    if handles:
        legend_below(figure, handles)


def of_learning_rates(
    runs: pd.DataFrame,
    histories: Mapping[str, pd.DataFrame],
    datasets: Mapping[str, Quantity],
    palette: str = DEFAULT,
) -> Drawing:
    """Draw S13 from the runs of the study of learning rates."""
    columns = ["source", "dataset", "size", "max_lr", "trial"]
    table = pd.concat([histories[row.id].assign(**{c: getattr(row, c) for c in columns})
                       for row in runs.itertuples()])  # fmt: skip
    return figs13(table[[*columns, "epoch", "validation_r2"]], datasets, palette)


def of_property_numbers(
    runs: pd.DataFrame,
    histories: Mapping[str, pd.DataFrame],
    datasets: Mapping[str, Quantity],
    palette: str = DEFAULT,
) -> Drawing:
    """Draw S14 from fine-tunings after several numbers of properties, and their pre-trainings."""
    rows = []
    pretrained = runs[runs["kind"] == "multipretrain"].set_index("dataset")
    for run in runs[runs["kind"] == "finetune"].itertuples():
        stages = {"FT": run.id, "PT": pretrained["id"].get(run.source)}
        for stage, id in stages.items():
            if id is not None:
                rows.append(
                    histories[id][["epoch", "training_loss"]].assign(
                        stage=stage, source_properties=run.source_properties,
                        dataset=run.dataset, trial=run.trial,
                    )
                )  # fmt: skip
    return figs14(pd.concat(rows, ignore_index=True), datasets, palette)
