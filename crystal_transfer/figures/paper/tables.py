"""Tables of the paper as pictures: Table 1 and the changes of every pair (Table S18)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from crystal_transfer.figures.palettes import DEFAULT
from crystal_transfer.figures.style import Drawing
from crystal_transfer.results import select
from crystal_transfer.results.sizes import size_label
from crystal_transfer.units import Quantity

ROW = 0.27  # inches
TABLE1_ORDER = ["", "MPT", "FE", "BG", "PH", "GV", "EBG"]


def table1(
    cells: pd.DataFrame, datasets: Mapping[str, Quantity], palette: str = DEFAULT
) -> Drawing:
    """Draw R2 and scaled MAE of every model on the dataset that nothing was pre-trained on.

    Returns
    -------
    figure, data
        The data are the cells shown with the name of the model; the best of a dataset is bold.
    """
    kinds = select.scratch(cells), select.pairs(cells), select.multi_property(cells)
    table = pd.concat([some for some in kinds if len(some)] or kinds)
    table = table[~table["dataset"].isin(cells["source"])]
    codes = select.ordered(table["dataset"], datasets)
    table = table[table["size"] == table.groupby("dataset")["size"].transform("max")]
    table = table.assign(model=[_model(row) for row in table.itertuples()])
    position = [(codes.index(row.dataset), _rank(row)) for row in table.itertuples()]
    order = sorted(range(len(table)), key=position.__getitem__)
    table = table.iloc[order].reset_index(drop=True)
    texts = [
        [f"{row.dataset}, n = {row.size}", row.model, _four(row.r2_mean),
         _four(row.mae_scaled_mean)]
        for row in table.itertuples(index=False)
    ]  # fmt: skip
    best = {(i, 2) for i in _extreme(table, "r2_mean", "max")}
    best |= {(i, 3) for i in _extreme(table, "mae_scaled_mean", "min")}
    heading = ["Dataset", "PT model", "test $R^2$", "test MAE (scaled)"]
    figure = _drawn(texts, heading, [1.5, 1.4, 1.0, 1.4], best)
    columns = ["model", *select.PLACE, "trials", *select.METRICS]
    return figure, table[columns]


def tables18(
    cells: pd.DataFrame, datasets: Mapping[str, Quantity], palette: str = DEFAULT
) -> Drawing:
    """Draw the change against scratch of every pair in %: R2 / MAE, FT 800, PT 941.

    Returns
    -------
    figure, data
        The data are the cells shown, with r2_change and mae_change (positive: better).
    """
    table = select.at_ft_size(select.capped(select.pairs(cells)))
    table = select.changes(table, select.scratch(cells))
    sources = select.ordered(table["source"], datasets)
    targets = select.ordered(table["dataset"], datasets)
    changes = table.set_index(["source", "dataset"])
    texts = [
        [source, *[_change(changes, source, target) for target in targets]] for source in sources
    ]
    size = (
        f"PT n = {table['source_size'].max()}, FT {size_label(table['size'])}" if len(table) else ""
    )
    heading = ["PT \\ FT", *targets]
    figure = _drawn(texts, heading, [0.8, *[1.15] * len(targets)], set())
    figure.suptitle(f"Change of test $R^2$ / of scaled test MAE against scratch (%), {size};"
                    " positive: better", fontsize=9)  # fmt: skip
    columns = [*select.PLACE, "trials", *select.METRICS, "r2_change", "mae_change"]
    return figure, table[columns].reset_index(drop=True)


def _change(changes: pd.DataFrame, source: str, target: str) -> str:
    if (source, target) not in changes.index:
        return ""
    row = changes.loc[(source, target)]
    return " / ".join(_signed(row[name]) for name in ("r2_change", "mae_change"))


def _model(row: Any) -> str:
    if not row.source:
        return "scratch"
    return "MPT" if row.source_properties > 1 else select.source_label(row.source, row.source_size)


def _rank(row: Any) -> tuple[int, str]:
    name = "MPT" if row.source_properties > 1 else row.source
    known = TABLE1_ORDER.index(name) if name in TABLE1_ORDER else len(TABLE1_ORDER)
    return known, f"{name} {row.source_size:9}"


def _extreme(table: pd.DataFrame, metric: str, which: str) -> list[int]:
    return table.index[table[metric] == table.groupby("dataset")[metric].transform(which)].tolist()


def _four(value: float) -> str:
    """Write a metric to four decimals; three would round the published .6705 either way."""
    return f"{value:.4f}" if np.isfinite(value) else "n/a"


def _signed(change: float) -> str:
    return f"{change:+.1f}" if np.isfinite(change) else "n/a"


def _drawn(
    texts: list[list[str]], heading: list[str], widths: list[float], bold: set[tuple[int, int]]
) -> Figure:
    """Return a figure of a table with lines above, below and under its heading.

    Parameters
    ----------
    texts
        Rows of entries.
    heading
        Above them.
    widths
        Of the columns, in inches.
    bold
        (row, column) of entries in bold.
    """
    # "$R^2$" is written with fewer characters than it has
    entries = [[name.replace("$", "") for name in heading], *texts]
    longest = [max(len(row[i]) for row in entries) for i in range(len(heading))]
    widths = [max(width, 0.085 * n + 0.2) for width, n in zip(widths, longest, strict=True)]
    height = ROW * (len(texts) + 1)
    figure, axis = plt.subplots(figsize=(sum(widths), height + 0.3))
    axis.set(xlim=(0, sum(widths)), ylim=(len(texts) + 0.6, -0.7))
    axis.set_axis_off()
    middles = np.cumsum(widths) - np.array(widths) / 2
    for i, row in enumerate([heading, *texts]):
        for j, (x, text) in enumerate(zip(middles, row, strict=True)):
            axis.text(x, i, text, ha="center", va="center", fontsize=8.5,
                      weight="bold" if (i - 1, j) in bold else "normal")  # fmt: skip
    axis.hlines([-0.5, 0.5, len(texts) + 0.5], 0, sum(widths), color="black", linewidth=0.8)
    return figure
