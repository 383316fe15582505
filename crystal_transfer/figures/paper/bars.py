"""Figures 5a, 5b, 6c, S15a, S15b: changes against scratch as grouped bars."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from crystal_transfer.figures.legends import labelled, legend_below
from crystal_transfer.figures.palettes import DEFAULT, PALETTES
from crystal_transfer.figures.style import Drawing
from crystal_transfer.results import select
from crystal_transfer.results.sizes import size_label
from crystal_transfer.units import Quantity

R2_LABEL = "Change of test $R^2$ against scratch (%)"
BOTH_LABEL = "Change against scratch (%)\npositive: better"
WIDTH = 0.84  # of a group of bars, where groups are 1 apart
COLUMNS = [*select.PLACE, "trials", *select.METRICS, "r2_change", "mae_change"]


def fig5a(cells: pd.DataFrame, datasets: Mapping[str, Quantity], palette: str = DEFAULT) -> Drawing:
    """Draw the change of R2 by FT dataset and PT size, pre-trained on FE; PZ is in `figs15a`.

    A study without several sizes of FE shows its first PT dataset with several sizes.

    Returns
    -------
    figure, data
        The data are the cells shown, with their changes in %.
    """
    return _by_pretrain_size(cells, datasets, "FE", 0, palette)


def fig5b(cells: pd.DataFrame, datasets: Mapping[str, Quantity], palette: str = DEFAULT) -> Drawing:
    """Draw the same as `fig5a`, pre-trained on BG (or the study's second such dataset)."""
    return _by_pretrain_size(cells, datasets, "BG", 1, palette)


def figs15a(
    cells: pd.DataFrame, datasets: Mapping[str, Quantity], palette: str = DEFAULT
) -> Drawing:
    """Draw the change of R2 by PT size for FE-PZ and BG-PZ.

    Returns
    -------
    figure, data
        As in `fig5a`.
    """
    table = _several_sizes(cells)
    table = table[table["dataset"] == select.APART]
    names = table["source"] + "-" + table["dataset"]
    wanted = select.chosen(["FE-PZ", "BG-PZ"], names)
    return _size_bars(
        table, names, wanted, f"FT {size_label(table['size'])}", "PT-FT pair", palette
    )


def fig6c(cells: pd.DataFrame, datasets: Mapping[str, Quantity], palette: str = DEFAULT) -> Drawing:
    """Draw what MPT (hatched) and the best pair (solid) gain, R2 and MAE; PZ is in `figs15b`.

    Returns
    -------
    figure, data
        The data are the cells shown, with their changes in %; model is ``MPT`` or ``pair``.
    """
    table = _multi_and_best(cells)
    return _gain_bars(table[table["dataset"] != select.APART], datasets, palette)


def figs15b(
    cells: pd.DataFrame, datasets: Mapping[str, Quantity], palette: str = DEFAULT
) -> Drawing:
    """Draw the bars of `fig6c` for PZ.

    Returns
    -------
    figure, data
        As in `fig6c`.
    """
    table = _multi_and_best(cells)
    return _gain_bars(table[table["dataset"] == select.APART], datasets, palette)


def _several_sizes(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the pairs above the common PT size, of PT datasets that have several such sizes.

    Where no dataset has two sizes above it, as in a small study, all its sizes count.
    """
    table = select.at_ft_size(select.pairs(cells))
    for candidates in (table[table["source_size"] > select.PT_SIZE], table):
        several = candidates.groupby("source")["source_size"].transform("nunique") > 1
        if several.any():
            break
    return select.changes(candidates[several], select.scratch(cells))


def _by_pretrain_size(
    cells: pd.DataFrame, datasets: Mapping[str, Quantity], code: str, rank: int, palette: str
) -> Drawing:
    """Draw bars for the PT dataset `code`, or for the one at `rank` where a study lacks it."""
    table = _several_sizes(cells)
    table = table[table["dataset"] != select.APART]
    sources = select.ordered(table["source"], datasets)
    source = code if code in sources else next(iter(sources[rank : rank + 1]), "")
    table = table[table["source"] == source]
    targets = select.ordered(table["dataset"], datasets)
    title = f"PT on {source or code}, FT {size_label(table['size'])}"
    return _size_bars(table, table["dataset"], targets, title, "FT dataset", palette)


def _size_bars(
    table: pd.DataFrame, names: pd.Series, groups: list[str], title: str, label: str, palette: str
) -> Drawing:
    """Draw a group of bars per name, a bar per PT size."""
    sizes = sorted(table["source_size"].unique())
    figure, axis = _axis(len(groups) * max(len(sizes), 1), title, label, R2_LABEL)
    width = WIDTH / max(len(sizes), 1)
    for j, (size, colour) in enumerate(
        zip(sizes, PALETTES[palette].steps(len(sizes)), strict=True)
    ):
        here = table["source_size"] == size
        heights = table.loc[here, "r2_change"]
        left = np.array([groups.index(name) for name in names[here]])
        axis.bar(left - WIDTH / 2 + (j + 0.5) * width, heights, width, color=colour,
                 edgecolor="white", linewidth=0.5, label=select.size_label(size))  # fmt: skip
    axis.set_xticks(range(len(groups)), [select.wrapped(name, 13) for name in groups])
    if sizes:
        figure.legend(
            *axis.get_legend_handles_labels(), title="PT dataset size (crystals)",
            loc="outside lower center", ncols=5,
        )  # fmt: skip
    return figure, table[COLUMNS].reset_index(drop=True)


def _multi_and_best(cells: pd.DataFrame) -> pd.DataFrame:
    multi = select.at_ft_size(select.multi_property(cells)).assign(model="MPT")
    best = select.best_size(select.on_samples_of(cells, multi)).assign(model="pair")
    shared = select.chosen(set(multi["dataset"]), best["dataset"])
    table = pd.concat([multi, best[best["dataset"].isin(shared)]])
    # one FT size for all bars, whichever of the two has more of them
    return select.changes(select.at_ft_size(table), select.scratch(cells))


def _gain_bars(table: pd.DataFrame, datasets: Mapping[str, Quantity], palette: str) -> Drawing:
    """Draw four bars per FT dataset: R2 and MAE of MPT, then of the pair."""
    codes = select.ordered(table["dataset"], datasets)
    title = f"FT {size_label(table['size'])}"
    figure, axis = _axis(4 * len(codes), title, "FT dataset and PT dataset(size)", BOTH_LABEL)
    colours, width = PALETTES[palette], WIDTH / 4
    bars = [
        ("MPT", "r2_change", "MPT, $R^2$"), ("MPT", "mae_change", "MPT, MAE"),
        ("pair", "r2_change", "PT(best size), $R^2$"), ("pair", "mae_change", "PT(best size), MAE"),
    ]  # fmt: skip
    for j, (model, metric, label) in enumerate(bars):
        here = table[table["model"] == model]
        left = np.array([codes.index(code) for code in here["dataset"]])
        axis.bar(
            left - WIDTH / 2 + (j + 0.5) * width, here[metric], width, label=label,
            color=colours.r2 if metric == "r2_change" else colours.mae,
            hatch="////" if model == "MPT" else None, edgecolor="white", linewidth=0.5,
        )  # fmt: skip
    names = {
        row.dataset: select.source_label(row.source, row.source_size)
        for row in table[table["model"] == "pair"].itertuples()
    }
    labels = [
        f"{select.wrapped(code, 12)}\n{select.wrapped(names.get(code, ''), 12)}" for code in codes
    ]
    axis.set_xticks(range(len(codes)), labels)
    if codes:
        legend_below(figure, labelled(axis))
    columns = ["model", *COLUMNS]
    return figure, table[columns].reset_index(drop=True)


def _axis(n_bars: int, title: str, x_label: str, y_label: str) -> tuple[Figure, Axes]:
    """Return a figure wide enough for its bars, and its axis with a line at zero."""
    figure, axis = plt.subplots(figsize=(max(3.2, 1.4 + 0.17 * n_bars), 3.6))
    axis.axhline(0, color="black", linewidth=0.8)
    axis.set(xlabel=x_label, ylabel=y_label)
    axis.set_title(title, loc="left")
    if not n_bars:
        axis.text(0.5, 0.6, "no such cell in this study", ha="center", transform=axis.transAxes)
        axis.set_yticks([])
    return figure, axis
