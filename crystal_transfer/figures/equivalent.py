"""How many crystals scratch needs to be as good as a pre-trained model."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.colors import LogNorm

from crystal_transfer.figures.axes import GAP
from crystal_transfer.figures.rows import sources_of
from crystal_transfer.figures.style import Drawing, ink_on, panels
from crystal_transfer.results import equivalent
from crystal_transfer.units import Quantity

COLOUR_MAP = colormaps["cividis_r"]


def equivalent_sizes(runs: pd.DataFrame, datasets: Mapping[str, Quantity]) -> Drawing:
    """Draw, per FT size, the size at which scratch has the same MAE: PT against FT dataset.

    Returns
    -------
    figure, data
        ``>`` in the figure: scratch does not get there within its largest size.
    """
    table = equivalent.equivalent_sizes_of(runs)
    if table.empty:
        return panels(0)[0], table
    origins = sources_of(table, datasets)
    targets = [code for code in datasets if code in set(table["dataset"])]
    sizes = sorted(table["size"].unique())
    figure, axes = panels(
        len(sizes), 1.1 + 0.52 * len(targets), 1.0 + 0.42 * len(origins), columns=3
    )
    low, high = table["equivalent_size"].min(), table["equivalent_size"].max()
    # all may be equal, as where scratch has one size
    norm = LogNorm(low, high) if low < high else LogNorm(low / GAP, high * GAP)
    for axis, size in zip(axes, sizes, strict=True):
        here = table[table["size"] == size].set_index(["source", "dataset"])
        image = np.full((len(origins), len(targets)), np.nan)
        for i, origin in enumerate(origins):
            for j, target in enumerate(targets):
                if (origin, target) not in here.index:
                    continue
                cell = here.loc[(origin, target)]
                image[i, j] = cell["equivalent_size"]
                sign = ">" if cell["beyond"] > 0 else "<" if cell["beyond"] < 0 else ""
                axis.text(j, i, f"{sign}{cell['equivalent_size']:.0f}", ha="center", va="center",
                          fontsize=7, color=ink_on(COLOUR_MAP(norm(image[i, j]))))  # fmt: skip
        picture = axis.imshow(image, norm=norm, cmap=COLOUR_MAP, aspect="auto")
        axis.set_xticks(range(len(targets)), targets)
        axis.set_yticks(range(len(origins)), origins)
        axis.tick_params(length=0)
        axis.set_title(f"FT n = {size}")
        axis.set_xlabel("FT dataset")
        axis.set_ylabel("PT dataset")
    reached = sorted(runs.loc[runs["kind"] == "scratch", "size"].unique())
    bar = figure.colorbar(
        picture, ax=axes, label="Crystals that scratch needs", shrink=0.8, ticks=reached
    )
    bar.ax.minorticks_off()
    bar.ax.set_yticklabels([f"{size:g}" for size in reached])
    return figure, table
