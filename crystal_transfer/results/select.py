"""Which cells a figure of the paper shows: tables in, tables out.

A study that does not repeat the paper (other datasets, other sizes) gets the nearest thing: each
rule below says what is shown instead of the paper's choice.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from crystal_transfer.results.sizes import largest_common

Item = TypeVar("Item")

FT_SIZE = 800  # crystals; 90 % of the paper's smallest dataset, rounded down
PT_SIZE = 941  # crystals; the paper's smallest dataset
FIG4_ROWS = ["FE", "DC", "BG"]
FIG4_PAIRS = [("BG", "FE"), ("BG", "DC"), ("DC", "BG"), ("FE", "BG")]
STRATEGIES = ["all", "new_head", "last_layer", "two_body", "three_body"]
APART = "PZ"  # its changes in % are ten times the others'; the paper draws them in figures S15
# FT dataset -> PT dataset and size of figure 6c; None: all there is
BEST_SIZES = {
    "GV": ("FE", 100_000),
    "PH": ("BG", 50_000),
    "DC": ("BG", 50_000),
    "FE": ("PH", None),
    "BG": ("EBG", None),
    "PZ": ("FE", 100_000),
    "EBG": ("GV", None),
}
# pools of the paper's datasets: all that can be drawn
WHOLE = {("PH", 1138), ("GV", 9888), ("EBG", 2233), ("DC", 950), ("BG", 95502), ("FE", 119477)}
PLACE = ["source", "source_size", "source_properties", "dataset", "size", "strategy"]
METRICS = ["r2_mean", "r2_ci95", "mae_scaled_mean", "mae_scaled_ci95"]


def usual(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the cells with the usual hyperparameters and random samples."""
    return cells[(cells["variation"] == "") & (cells["sampling"] == "random")]


def averaged(cells: pd.DataFrame) -> pd.DataFrame:
    """Return one row per combination of `PLACE`: the one with the most trials."""
    order = cells.sort_values("trials", ascending=False, kind="stable")
    return order.drop_duplicates(PLACE).sort_index()


def scratch(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the cells of training from scratch."""
    return averaged(usual(cells[cells["kind"] == "scratch"]))


def pairs(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the pair-wise cells in which all weights were fine-tuned (strategy 1)."""
    of_one = (cells["kind"] == "finetune") & (cells["source_properties"] == 1)
    return averaged(usual(cells[of_one & (cells["strategy"] == "all")]))


def multi_property(cells: pd.DataFrame) -> pd.DataFrame:
    """Return, per FT dataset and size, the cell pre-trained on the most properties."""
    several = averaged(usual(cells[cells["source_properties"] > 1]))
    order = several.sort_values("source_properties", ascending=False, kind="stable")
    return order.drop_duplicates(["dataset", "size"]).sort_index()


def capped(table: pd.DataFrame) -> pd.DataFrame:
    """Return each pair at its smallest PT size; none above 941 where any is at most 941."""
    small = table[table["source_size"] <= PT_SIZE]
    order = (table if small.empty else small).sort_values("source_size", kind="stable")
    return order.drop_duplicates(["source", "dataset", "size", "strategy"]).sort_index()


def at_ft_size(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the cells at 800, the paper's FT size; without any, at the `largest_common` ones."""
    at_paper_size = cells[cells["size"] == FT_SIZE]
    if len(at_paper_size):
        return at_paper_size
    sizes = cells.groupby("dataset")["size"].agg(set).to_dict()
    return cells[cells["size"] == cells["dataset"].map(largest_common(sizes))]


def on_samples_of(cells: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """Return the cells of the datasets and FT sizes that others have; all where there are none."""
    sample = ["dataset", "size"]
    known = pd.MultiIndex.from_frame(others[sample])
    return cells[pd.MultiIndex.from_frame(cells[sample]).isin(known)] if len(others) else cells


def chosen(wanted: Iterable[Item], present: Iterable[Item]) -> list[Item]:
    """Return what is wanted and present, in the order wanted; all that is present if nothing is."""
    present = list(dict.fromkeys(present))
    return [item for item in wanted if item in present] or present


def ordered(codes: Iterable[str], datasets: Mapping[str, Any]) -> list[str]:
    """Return codes, each once, in the order of the datasets; unknown ones follow."""
    found = list(dict.fromkeys(codes))
    return [code for code in datasets if code in found] + sorted(set(found) - set(datasets))


def pair_list(table: pd.DataFrame) -> list[tuple[str, str]]:
    """Return the (PT, FT) pairs of a table, each once."""
    return list(dict.fromkeys(zip(table["source"], table["dataset"], strict=True)))


def of_pairs(table: pd.DataFrame, wanted: list[tuple[str, str]]) -> pd.DataFrame:
    """Return the rows of the wanted pairs."""
    index = pd.MultiIndex.from_frame(table[["source", "dataset"]])
    return table[index.isin(wanted)]


def strategy_cells(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the five strategies on the paper's pairs, FT 800, PT 941.

    Of two cells that differ in trials only, the one with fewer is taken: the other strategies have one
    trial, and strategy 1 is compared with them on the same sample.
    """
    named = cells["strategy"].isin(STRATEGIES) & (cells["source_properties"] == 1)
    table = usual(cells[named & (cells["kind"] == "finetune")])
    table = table.sort_values("trials", kind="stable").drop_duplicates(PLACE).sort_index()
    table = at_ft_size(capped(table))
    # a pair with strategy 1 alone compares nothing
    several = table.groupby(["source", "dataset"])["strategy"].transform("nunique") > 1
    table = table[several]
    return of_pairs(table, chosen(FIG4_PAIRS, pair_list(table)))


def best_size(cells: pd.DataFrame) -> pd.DataFrame:
    """Return, per FT dataset, the pair at its best PT size (Fig. 6c).

    For the paper's datasets these are the paper's pairs. Where a study does not have one, or not
    with more crystals than all other PT datasets have, it is the pair with the highest R2 at the
    FT size.
    """
    table = at_ft_size(pairs(cells))
    found = []
    for code, here in table.groupby("dataset", sort=False):
        source, size = BEST_SIZES.get(code, ("", None))
        own = here[here["source"] == source]
        if size is None:
            own = own[own["source_size"] > PT_SIZE].nlargest(1, "source_size")
        else:
            own = own[own["source_size"] == size]
        found.append((own if len(own) else here.sort_values("r2_mean", ascending=False)).head(1))
    return pd.concat(found) if found else table


def changes(table: pd.DataFrame, base: pd.DataFrame) -> pd.DataFrame:
    """Add the change of each cell against scratch of the same dataset and FT size.

    Parameters
    ----------
    table
        Cells.
    base
        Cells of scratch, one per dataset and size.

    Returns
    -------
    The cells with r2_change, ``100 (R2 - R2_scratch) / |R2_scratch|``, and mae_change, the
    reduction of the MAE, both in %; NaN where there is no scratch.
    """
    known = base.drop_duplicates(["dataset", "size"]).set_index(["dataset", "size"])
    keys = pd.MultiIndex.from_frame(table[["dataset", "size"]])
    r2 = known["r2_mean"].reindex(keys).to_numpy(dtype=float)
    mae = known["mae_scaled_mean"].reindex(keys).to_numpy(dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        return table.assign(
            r2_change=100 * (table["r2_mean"] - r2) / np.abs(r2),
            mae_change=100 * (mae - table["mae_scaled_mean"]) / mae,
        )


def best_of_column(table: pd.DataFrame) -> pd.Series:
    """Return which cell is the best of its FT dataset: ``both``, ``r2``, ``mae`` or empty.

    The best has the highest R2 and the lowest MAE of its column. MAEs that are equal to four
    decimals, the precision of the published files, are equal.
    """
    r2 = table.groupby("dataset")["r2_mean"].transform("max")
    rounded = table["mae_scaled_mean"].astype(float).round(4)
    mae = rounded.groupby(table["dataset"]).transform("min")
    high, low = table["r2_mean"] == r2, rounded == mae
    # where one cell is best in both, others that share its lowest MAE are not
    settled = (high & low).groupby(table["dataset"]).transform("any")
    names = np.select([high & low, settled, high, low], ["both", "", "r2", "mae"], "")
    return pd.Series(names, index=table.index)


def size_label(size: float) -> str:
    """Write a number of crystals as the paper does: 50K, but 941."""
    size = int(size)
    return f"{size // 1000}K" if size >= 1000 and size % 1000 == 0 else str(size)


def source_label(source: str, size: float) -> str:
    """Write what was pre-trained on: FE(100K); whole datasets and several properties have no size."""
    whole = not size or (source, int(size)) in WHOLE
    return source if whole else f"{source}({size_label(size)})"


def wrapped(name: str, width: int) -> str:
    """Break a name into lines of at most `width` characters, at ``_`` or ``-`` where it can be."""
    lines = [""]
    for part in re.split(r"(?<=[_-])", name):
        if lines[-1] and len(lines[-1]) + len(part) > width:
            lines.append("")
        lines[-1] += part
    pieces = [[line[i : i + width] for i in range(0, len(line), width)] for line in lines]
    return "\n".join(piece for line in pieces for piece in line)
