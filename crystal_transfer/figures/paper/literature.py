"""Table S21: MAEs beside those of two other works, in physical units."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from crystal_transfer.figures.palettes import DEFAULT, PALETTES
from crystal_transfer.figures.style import Drawing, panels
from crystal_transfer.results import select
from crystal_transfer.results.literature import CAVEAT, OURS, comparison
from crystal_transfer.units import Quantity


def figs21(
    cells: pd.DataFrame, datasets: Mapping[str, Quantity], palette: str = DEFAULT
) -> Drawing:
    """Draw the MAEs in physical units, a panel per FT dataset, each number written.

    Returns
    -------
    figure, data
        The data are those of `comparison`.
    """
    table = comparison(cells, datasets)
    drawn = table.dropna(subset="mae_mean")
    codes = select.ordered(drawn["dataset"], datasets)
    figure, axes = panels(max(len(codes), 1), 3.1, 2.3, columns=3)
    colours = PALETTES[palette]
    for axis, code in zip(axes, codes, strict=False):
        here = drawn[drawn["dataset"] == code]
        quoted = here["number_from"] != OURS
        bars = axis.bar(here["model"], here["mae_mean"], 0.55,
                        color=np.where(quoted, colours.mae, colours.r2))  # fmt: skip
        axis.bar_label(bars, fmt="%#.3g", padding=2, fontsize=8)
        unit = here["unit"].iloc[0]
        axis.set_ylabel(f"test MAE ({unit})" if unit else "test MAE")
        axis.set_title(f"{code}, FT n = {here['size'].iloc[0]}")
        axis.margins(x=0.3, y=0.18)
        axis.tick_params(axis="x", labelsize=8)
    if not codes:
        axes[0].text(0.5, 0.5, "no such cell in this study", ha="center")
    figure.supxlabel(CAVEAT, fontsize=8)
    return figure, table
