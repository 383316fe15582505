"""Figure 1b: how the scaled targets of the datasets are distributed."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

from crystal_transfer.datasets.crystals import CrystalTable
from crystal_transfer.datasets.scaling import Scaler
from crystal_transfer.figures.palettes import DEFAULT, PALETTES
from crystal_transfer.figures.style import Drawing
from crystal_transfer.units import Quantity

WIDTH = 0.85  # of a violin, where violins are 1 apart


def fig1b(
    targets: Mapping[str, np.ndarray], datasets: Mapping[str, Quantity], palette: str = DEFAULT
) -> Drawing:
    """Draw a violin per dataset; black bar: interquartile range, white dot: median.

    Parameters
    ----------
    targets
        Code -> scaled targets [number of crystals], without unit.
    datasets
        Code -> dataset; decides the order.
    palette
        See `figures.palettes`.

    Returns
    -------
    figure, data
        The data have a row per dataset: crystals, minimum, q25, median, q75, maximum.
    """
    codes = [code for code in datasets if code in targets]
    values = [np.asarray(targets[code], dtype=float) for code in codes]
    values = [some[np.isfinite(some)] for some in values]
    figure, axis = plt.subplots(figsize=(1.2 + 0.85 * max(len(codes), 2), 3.4))
    rows = []
    colours = PALETTES[palette].each(len(codes))
    for position, (code, some, colour) in enumerate(zip(codes, values, colours, strict=True)):
        if some.size == 0:
            continue
        # a density needs two different values
        if np.ptp(some) > 0:
            drawn: dict[str, Any] = axis.violinplot(
                [some], [position], widths=WIDTH, showextrema=False
            )
            drawn["bodies"][0].set(facecolor=colour, edgecolor=colour, alpha=0.6)
        low, median, high = np.quantile(some, [0.25, 0.5, 0.75])
        axis.vlines(position, low, high, color="black", linewidth=5, zorder=2)
        axis.scatter(position, median, s=18, color="white", edgecolors="black", linewidths=0.6,
                     zorder=3)  # fmt: skip
        rows.append(
            {"dataset": code, "crystals": some.size, "minimum": some.min(), "q25": low,
             "median": median, "q75": high, "maximum": some.max()}
        )  # fmt: skip
    axis.set_xticks(range(len(codes)), codes)
    axis.set_xlabel("Dataset")
    axis.set_ylabel("Target, scaled to [\N{MINUS SIGN}1, 1]")
    columns = ["dataset", "crystals", "minimum", "q25", "median", "q75", "maximum"]
    return figure, pd.DataFrame(rows, columns=columns)


def of_crystals(
    crystals: Mapping[str, CrystalTable],
    scalers: Mapping[str, Scaler],
    datasets: Mapping[str, Quantity],
    palette: str = DEFAULT,
) -> Drawing:
    """Draw the same from the crystals of datasets and the ranges of their targets."""
    targets = {code: scalers[code].scale(table.targets) for code, table in crystals.items()}
    return fig1b(targets, datasets, palette)
