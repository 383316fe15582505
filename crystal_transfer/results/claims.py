"""The claims of the paper, counted from cells: the published ones, or those of a study.

A claim is a line of `CLAIMS`: what is said, where, the value stated, and a function that computes
the value from cells. On the published cells the table says which claims hold in the paper's own
numbers; on a study's, which hold there.

    python -m crystal_transfer.results.claims docs/claims.md
"""

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from crystal_transfer import data
from crystal_transfer.files import write_text
from crystal_transfer.results import literature, select
from crystal_transfer.results.gains import percent_below
from crystal_transfer.results.markdown import markdown
from crystal_transfer.results.publication import published_cells

NORMAL = {"GV", "PH", "FE"}  # datasets that the paper calls normally distributed
UNSEEN = "JARVIS2D"
MISSING = "not in these cells"
# PT models of Table 1 that the multi-property model is compared with on average
SINGLE = ["FE", "BG", "PH", "GV", "EBG"]


class CellMissing(Exception):
    """A cell that a claim is about is not there."""


@dataclass(frozen=True)
class Claim:
    """A statement of the paper that its own numbers can answer.

    Attributes
    ----------
    claim, where
        What is said, in our words, and the section or figure.
    stated
        The value there.
    value
        Cells -> the value in them; raises `CellMissing` where one is not there.
    note
        What else a reader must know.
    of_unseen
        Whether it is of the dataset that no choice was made on, which is none of the FT datasets
        that other claims count.
    """

    claim: str
    where: str
    stated: str
    value: Callable[[pd.DataFrame], str]
    note: str = ""
    of_unseen: bool = False


def claims(cells: pd.DataFrame) -> pd.DataFrame:
    """Compute the value of every claim.

    Parameters
    ----------
    cells
        See `results.tables.cells`; or the published ones.

    Returns
    -------
    A row per claim: claim, where, stated, value, note.
    """
    rows = []
    of_all = cells[cells["dataset"] != UNSEEN]
    for claim in CLAIMS:
        try:
            value = claim.value(cells if claim.of_unseen else of_all)
        except CellMissing:
            value = MISSING
        rows.append([claim.claim, claim.where, claim.stated, value, claim.note])
    return pd.DataFrame(rows, columns=["claim", "where", "stated", "value", "note"])


def side_by_side(studies: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Count the claims in several sets of cells.

    Parameters
    ----------
    studies
        Heading -> cells.

    Returns
    -------
    A row per claim: claim, where, stated, a column of values per heading, note.
    """
    counted = {name: claims(cells) for name, cells in studies.items()}
    shared = next(iter(counted.values()))
    values = pd.DataFrame({name: table["value"] for name, table in counted.items()})
    return pd.concat([shared[["claim", "where", "stated"]], values, shared["note"]], axis=1)


def page(table: pd.DataFrame) -> str:
    """Return a table of claims as a page of Markdown."""
    lines = [
        "# The paper's claims, counted",
        "",
        "Devi, Butler & Sai Gautam, npj Comput. Mater. 10, 300 (2024). Every value is computed by",
        "`crystal_transfer/results/claims.py`, which also writes this page:",
        "`python -m crystal_transfer.results.claims docs/claims.md`. Published cells:",
        "`resources/published_results.csv`, from the published files of Devi et al. 2024. n is the",
        "number of fine-tuning crystals, 800 where none is said. Changes are against scratch, in",
        "%, positive where better. MAEs are of targets scaled to [-1, 1] unless a unit is given.",
        "",
        markdown(table),
    ]
    return "\n".join(lines) + "\n"


def write_page(path: str | Path) -> None:
    """Write the page of the claims on the published cells."""
    write_text(path, page(side_by_side({"published cells": published_cells(data.PUBLISHED)})))


# --- what claims are computed from --------------------------------------------------------------


def _pairs_at(cells: pd.DataFrame, size: int) -> pd.DataFrame:
    """Return the pairs at the common PT size and one FT size, with changes; never empty."""
    table = select.capped(select.pairs(cells))
    return _some(select.changes(table[table["size"] == size], select.scratch(cells)))


def _some(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table, or raise `CellMissing` if it is empty or lacks a number."""
    if table.empty or table[["r2_mean", "mae_scaled_mean"]].isna().any(axis=None):
        raise CellMissing
    return table


def _changed(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table, or raise `CellMissing` if a change is missing."""
    if table[["r2_change", "mae_change"]].isna().any(axis=None):
        raise CellMissing
    return _some(table)


def _pair(cells: pd.DataFrame, source: str, target: str, size: int) -> pd.Series:
    """Return one pair at the common PT size."""
    table = select.capped(select.pairs(cells))
    chosen = (table["source"] == source) & (table["dataset"] == target) & (table["size"] == size)
    return _some(table[chosen]).iloc[0]


def _require(present: Iterable[Any], *wanted: Any) -> None:
    """Stop unless all that is wanted is present."""
    if not set(wanted) <= set(present):
        raise CellMissing


def _best(table: pd.DataFrame) -> pd.DataFrame:
    """Return the row with the highest R2 of every FT dataset."""
    return table.loc[table.groupby("dataset")["r2_mean"].idxmax()]


def _multi_and_pair(cells: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return MPT and the best-size pair at the FT size, indexed by FT dataset, with changes."""
    base = select.scratch(cells)
    several = select.at_ft_size(select.multi_property(cells))
    one = select.best_size(select.on_samples_of(cells, several))
    multi = _changed(select.changes(several, base)).set_index("dataset")
    best = _changed(select.changes(one, base)).set_index("dataset")
    shared = [code for code in multi.index if code in best.index]
    if not shared:
        raise CellMissing
    return multi.loc[shared], best.loc[shared]


def _unseen(cells: pd.DataFrame) -> dict[str, pd.Series]:
    """Return the models of Table 1: name -> r2, mae."""
    table = select.averaged(select.usual(cells[cells["dataset"] == UNSEEN]))
    rows = {}
    for row in _some(table).itertuples():
        name = "scratch" if not row.source else "MPT" if row.source_properties > 1 else row.source
        rows[name] = pd.Series({"r2": row.r2_mean, "mae": row.mae_scaled_mean})
    _require(rows, "scratch", "MPT", *SINGLE)
    return rows


def _quoted(cell: pd.Series) -> float:
    """Compute a MAE in physical units from the scaled one as printed, three decimals."""
    return round(cell["mae_scaled_mean"], 3) * cell["mae_mean"] / cell["mae_scaled_mean"]


# --- values -------------------------------------------------------------------------------------


def wins_at(size: int) -> Callable[[pd.DataFrame], str]:
    """Return a function that counts the pairs better than scratch at one FT size."""

    def value(cells: pd.DataFrame) -> str:
        table = _changed(_pairs_at(cells, size))
        wins = [int((table[name] > 0).sum()) for name in ("r2_change", "mae_change")]
        return f"R2 {wins[0]}/{len(table)}, MAE {wins[1]}/{len(table)}"

    return value


def mean_gain_of_best_at(size: int) -> Callable[[pd.DataFrame], str]:
    """Return a function for the mean changes of the best pair of every FT dataset at one FT size."""
    return lambda cells: _mean_changes(_best(_changed(_pairs_at(cells, size))))


def mean_gain_of_all_at(size: int) -> Callable[[pd.DataFrame], str]:
    """Return a function for the mean changes of all pairs at one FT size."""
    return lambda cells: _mean_changes(_changed(_pairs_at(cells, size)))


def _mean_changes(table: pd.DataFrame) -> str:
    return f"R2 {table['r2_change'].mean():.1f} %, MAE {table['mae_change'].mean():.1f} %"


def example_heatmap(cells: pd.DataFrame) -> str:
    """Return R2 and MAE of scratch BG and of FE-BG."""
    base = select.scratch(cells)
    base = base[(base["dataset"] == "BG") & (base["size"] == select.FT_SIZE)]
    two = [_some(base).iloc[0], _pair(cells, "FE", "BG", select.FT_SIZE)]
    return " to ".join(f"{cell['r2_mean']:.3f} / {cell['mae_scaled_mean']:.3f}" for cell in two)


def saturation_values(cells: pd.DataFrame) -> str:
    """Return R2 of BG-FE at 200, 500 and 800."""
    return ", ".join(f"{_pair(cells, 'BG', 'FE', n)['r2_mean']:.3f}" for n in (200, 500, 800))


def saturation(cells: pd.DataFrame) -> str:
    """Return the gains in R2 of BG-FE, as printed, from 200 to 500 and from 500 to 800."""
    r2 = [round(_pair(cells, "BG", "FE", n)["r2_mean"], 3) for n in (200, 500, 800)]
    return f"{100 * (r2[1] / r2[0] - 1):.1f} %, {100 * (r2[2] / r2[1] - 1):.1f} %"


def normal_sources_at(size: int) -> Callable[[pd.DataFrame], str]:
    """Return a function that counts FT datasets whose best PT dataset is normally distributed."""

    def value(cells: pd.DataFrame) -> str:
        best = _best(_pairs_at(cells, size))
        won = best[best["source"].isin(NORMAL)]
        names = ", ".join(f"{row.dataset} from {row.source}" for row in won.itertuples())
        return f"{len(won)} of {len(best)}: {names}"

    return value


def largest_fe(cells: pd.DataFrame) -> str:
    """Return for how many FT datasets FE(100K) has the highest R2 of all sizes of FE."""
    table = select.at_ft_size(select.pairs(cells))
    table = _some(table[(table["source"] == "FE") & (table["source_size"] > select.PT_SIZE)])
    best = _best(table)
    return f"{int((best['source_size'] == 100_000).sum())} of {len(best)}"


def bg_sizes(cells: pd.DataFrame) -> str:
    """Return for which FT datasets BG(100K) has a higher R2 than BG(50K)."""
    table = select.at_ft_size(select.pairs(cells))
    table = _some(table[table["source"] == "BG"]).pivot_table(
        index="dataset", columns="source_size", values="r2_mean", sort=False
    )
    _require(table.columns, 50_000, 100_000)
    more, fewer = table[100_000], table[50_000]
    higher = ", ".join(table.index[more > fewer])
    extra = f"; GV {more['GV']:.4f} against {fewer['GV']:.4f}" if "GV" in table.index else ""
    return f"100K higher for {higher}{extra}"


def strategies(cells: pd.DataFrame) -> str:
    """Return in how many pairs strategies 1, 4 two-body, 4 three-body come in this order."""
    table = _some(select.strategy_cells(cells))
    r2 = table.pivot_table(index=["source", "dataset"], columns="strategy", values="r2_mean")
    wanted = ("all", "two_body", "three_body")
    _require(r2.columns, *wanted)
    first, two, three = (r2[name] for name in wanted)
    ties = [
        f"{source}-{target} ({first[source, target]:.4f})"
        for source, target in r2.index[first == two]
    ]
    tied = f", ties of the first two: {', '.join(ties)}" if ties else ""
    return f"{int(((first > two) & (two > three)).sum())} of {len(r2)}{tied}"


def multi_beats_scratch(cells: pd.DataFrame) -> str:
    """Return for how many FT datasets MPT has a higher R2 than scratch."""
    multi, _ = _multi_and_pair(cells)
    return f"{int((multi['r2_change'] > 0).sum())} of {len(multi)}"


def multi_beats_pair(cells: pd.DataFrame) -> str:
    """Return for how many FT datasets MPT beats the best-size pair."""
    multi, best = _multi_and_pair(cells)
    r2 = int((multi["r2_mean"] > best["r2_mean"]).sum())
    mae = int((multi["mae_scaled_mean"] < best["mae_scaled_mean"]).sum())
    return f"R2 {r2} of {len(multi)}, MAE {mae} of {len(multi)}"


def multi_highlights(cells: pd.DataFrame) -> str:
    """Return the largest gains of MPT over the pair, and its gain over scratch on GV."""
    multi, best = _multi_and_pair(cells)
    _require(multi.index, "PH", "EBG", "GV")
    mae = percent_below(multi.loc["PH", "mae_scaled_mean"], best.loc["PH", "mae_scaled_mean"])
    r2 = _change(multi.loc["EBG", "r2_mean"], best.loc["EBG", "r2_mean"])
    scratch = multi.loc["GV", "r2_change"]
    return f"PH MAE {-mae:+.1f} %, EBG R2 {r2:+.1f} %, GV {scratch:+.1f} %"


def unseen_against_scratch(cells: pd.DataFrame) -> str:
    """Return the changes of MPT against scratch on the dataset nothing was pre-trained on."""
    models = _unseen(cells)
    return _gains(models["MPT"], [models["scratch"]])


def unseen_against_single(cells: pd.DataFrame) -> str:
    """Return the mean changes of MPT against the five single models there."""
    models = _unseen(cells)
    return _gains(models["MPT"], [models[name] for name in SINGLE])


def _change(r2: float, other: float) -> float:
    """Return a change of R2 in % of the size of the other, as `select.changes`."""
    return 100 * (r2 - other) / abs(other)


def _gains(multi: pd.Series, others: list[pd.Series]) -> str:
    r2 = sum(_change(multi["r2"], other["r2"]) for other in others) / len(others)
    mae = sum(percent_below(multi["mae"], other["mae"]) for other in others) / len(others)
    return f"R2 {r2:.2f} %, MAE {mae:.2f} %"


def unseen_best(cells: pd.DataFrame) -> str:
    """Return which model is the best there, by each metric."""
    models = _unseen(cells)
    r2 = max(models, key=lambda name: models[name]["r2"])
    mae = min(models, key=lambda name: models[name]["mae"])
    return f"R2: {r2} ({models[r2]['r2']:.4f}), MAE: {mae} ({models[mae]['mae']:.4f})"


def against_lee_asahi(cells: pd.DataFrame) -> str:
    """Return the MAEs of BG-FE500 and FE-BG500 in physical units."""
    fe, bg = _pair(cells, "BG", "FE", 500), _pair(cells, "FE", "BG", 500)
    return f"FE {_quoted(fe):.3f} eV/atom, BG {_quoted(bg):.3f} eV"


def against_mixture(cells: pd.DataFrame) -> str:
    """Return the MAEs of FE-PH800 and MPT-PH800 in physical units."""
    two = [literature.own_cell(cells, name, "PH", select.FT_SIZE) for name in ("FE", "MPT")]
    if any(cell is None for cell in two):
        raise CellMissing
    return ", ".join(f"{_quoted(cell):.1f}" for cell in two) + " 1/cm"


def fewer_points(cells: pd.DataFrame) -> str:
    """Return R2 and MAE of PH-GV500 and of scratch GV800."""
    base = select.scratch(cells)
    base = base[(base["dataset"] == "GV") & (base["size"] == select.FT_SIZE)]
    two = [_pair(cells, "PH", "GV", 500), _some(base).iloc[0]]
    return ", ".join(f"{cell['r2_mean']:.3f} / {cell['mae_scaled_mean']:.3f}" for cell in two)


CLAIMS = [
    Claim("Pairs beat scratch in all FT cases, n = 800", "3.4", "all", wins_at(800)),
    Claim("Pairs beat scratch, n = 500", "not stated", "", wins_at(500)),
    Claim("Pairs beat scratch, n = 200", "not stated", "", wins_at(200)),
    Claim("Pairs beat scratch, n = 100", "not stated", "", wins_at(100)),
    Claim("Mean gain of transfer: best pair of every FT dataset", "3.4",
          "R2 25.15 %, MAE 16.42 %", mean_gain_of_best_at(select.FT_SIZE),
          "The text does not say over which pairs it averages"),
    Claim("Mean gain, n = 200: best pair of every FT dataset", "not stated", "",
          mean_gain_of_best_at(200)),
    Claim("Mean gain of transfer: all pairs", "3.4", "R2 25.15 %, MAE 16.42 %",
          mean_gain_of_all_at(select.FT_SIZE),
          "PZ alone, with R2 near 0, makes most of the gain in R2"),
    Claim("Mean gain, n = 200: all pairs", "not stated", "", mean_gain_of_all_at(200)),
    Claim("BG800 from scratch against FE-BG800, R2 / MAE", "3.1, Fig. 4",
          "0.572 / 0.142 to 0.609 / 0.128", example_heatmap),
    Claim("R2 of BG-FE at n = 200, 500, 800", "3.1, Fig. 4b", "0.845, 0.920, 0.936",
          saturation_values),
    Claim("R2 of BG-FE saturates: gain from 200 to 500, from 500 to 800", "3.1", "8.9 %, 1.7 %",
          saturation, "From three decimals, as stated"),
    Claim("PH-GV500 is as good as scratch GV800, R2 / MAE", "3.4, Fig. S19",
          "0.722 / 0.099, 0.742 / 0.096", fewer_points),
    Claim("Normally distributed PT data are best", "4", "4 of 7",
          normal_sources_at(select.FT_SIZE)),
    Claim("Normally distributed PT data are best, n = 200, by R2", "not stated", "",
          normal_sources_at(200)),
    Claim("FE(100K) is the best size of FE for every FT dataset, in R2", "3.2, Fig. 5a", "all",
          largest_fe),
    Claim("More crystals of BG than 50K help DC and EBG alone, in R2", "3.2, Fig. 5b", "DC, EBG",
          bg_sizes, "In the published cells GV too, against the text"),
    Claim("Strategy 1 before 4 two-body before 4 three-body, in R2", "3.3, Fig. 5c", "all 4 pairs",
          strategies, "One trial; the two tied published files are the same file"),
    Claim("MPT beats scratch, in R2", "3.5, Fig. 6c", "6 of 7", multi_beats_scratch),
    Claim("MPT beats the pair at its best PT size", "3.5, Fig. 6c", "R2 3 of 7, MAE 5 of 7",
          multi_beats_pair),
    Claim("MPT against the pair on PH and EBG, against scratch on GV", "3.5",
          "PH MAE -23.53 %, EBG R2 +15.68 %, GV +2.7 %", multi_highlights,
          "Stated from three decimals"),
    Claim("JARVIS2D: MPT against scratch", "3.6, Table 1", "R2 5.67 %, MAE 15.54 %",
          unseen_against_scratch, "Table 1 as printed, three decimals, gives the values stated",
          of_unseen=True),
    Claim("JARVIS2D: MPT against five single models, mean of the changes", "3.6, Table 1",
          "R2 6.27 %, MAE 9.99 %", unseen_against_single,
          "Table 1 as printed, three decimals, gives the values stated", of_unseen=True),
    Claim("JARVIS2D: MPT is the best model", "3.6, Table 1", "R2 MPT, MAE MPT", unseen_best,
          "Table 1 has R2 0.671 for MPT and 0.670 for FE(100K)", of_unseen=True),
    Claim("Lower MAE than Lee & Asahi (0.149 eV/atom for FE500, 0.866 eV for BG500)", "4, S21",
          "0.057, 0.142", against_lee_asahi,
          "Stated MAEs are scaled; in one unit FE is worse, BG better"),
    Claim("Lower MAE on PH than the mixture of experts: FE(941)-PH800, MPT", "4",
          "-69.90 %, -74.76 %", against_mixture,
          "Stated percentages compare scaled MAEs with another unit: not to be quoted"),
]  # fmt: skip


if __name__ == "__main__":
    write_page(sys.argv[1])
