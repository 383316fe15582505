"""The figures of the paper, cell by cell, beside ours."""

import re
from pathlib import Path

import numpy as np
import pandas as pd

STRATEGY_NAMES = {
    "scratch": "",
    "all_unfrozen": "all",
    "new_pred_head": "new_head",
    "last_layer": "last_layer",
    "unfreeze_2body": "two_body",
    "unfreeze_3body": "three_body",
    "new_pred_head_freeze1": "freeze_1",
    "new_pred_head_freeze6": "freeze_6",
    "mpt_new_head": "mpt_new_head",
}
# Whole datasets are counted with or without their test sets in the published files. Ours are the
# crystals drawn, 90 % of the rows.
WHOLE_SIZES = {
    ("BG", 95501): 95502,
    ("FE", 119476): 119477,
    ("PH", 1265): 1138,
    ("GV", 10987): 9888,
    ("EBG", 2481): 2233,
}
USUAL_RATE = "lr=1e-3"
SCRATCH_RATE = 1e-4  # what the training histories of scratch show; the paper's text says 1e-3
# Half the range of each target over its whole dataset, in physical units; it turns a scaled MAE
# into a physical one. From the matminer and JARVIS tables (FE: matbench, to 0.001).
HALF_RANGES = {
    "GV": 1.359251,
    "PH": 1792.078831,
    "FE": 3.5562,
    "BG": 4.8606,
    "PZ": np.nan,
    "DC": 137.85,
    "EBG": 5.85,
    "JARVIS2D": 3.657,
}
KEY = ["source", "source_size", "dataset", "size", "strategy", "variation"]


def published_cells(path: str | Path) -> pd.DataFrame:
    """Read resources/published_results.csv in our terms, every row of it that has a counterpart.

    Returns
    -------
    Columns of `results.tables.cells`, then section, n_test and anomalies. The MAE in physical
    units is the scaled one times half the range of the dataset; PZ, scaled in two ways, has none.
    Rows of other checkpoints than the last or the best of the same training are left out. The
    study of strategies repeats cells of other sections with a single trial.
    """
    table = pd.read_csv(path, keep_default_na=False, na_values={"r2_ci95": "", "mae_ci95": ""})
    table = table[~table["strategy"].str.contains("ckpt=")]
    parts = table["strategy"].str.split("|").str
    rates = parts[1].where(parts.len() > 1, USUAL_RATE)
    source = table["pt_dataset"].replace("NONE", "")
    sizes = [
        WHOLE_SIZES.get(named, 0 if named[0].startswith("MPT") else named[1])
        for named in zip(table["pt_dataset"], table["pt_size"], strict=True)
    ]
    half_range = table["ft_dataset"].map(HALF_RANGES)
    from_scratch = source == ""
    return pd.DataFrame(
        {
            "kind": np.where(from_scratch, "scratch", "finetune"),
            "source": source,
            "source_size": sizes,
            "source_properties": [_properties(code) for code in source],
            "dataset": table["ft_dataset"],
            "size": table["ft_size"],
            "strategy": parts[0].map(STRATEGY_NAMES),
            "sampling": "random",
            "variation": ["" if r == USUAL_RATE else r.replace("=", "") for r in rates],
            "max_lr": np.where(
                from_scratch, SCRATCH_RATE, rates.str.removeprefix("lr=").astype(float)
            ),
            "trials": table["trials"],
            "r2_mean": table["r2_mean"],
            "r2_ci95": table["r2_ci95"],
            "mae_mean": table["mae_mean"] * half_range,
            "mae_ci95": table["mae_ci95"] * half_range,
            "mae_scaled_mean": table["mae_mean"],
            "mae_scaled_ci95": table["mae_ci95"],
            "section": table["section"],
            "n_test": table["n_test"],
            "anomalies": table["anomalies"],
        }
    ).reset_index(drop=True)


def published(path: str | Path) -> pd.DataFrame:
    """Read the published cells, each once: where two sections have one, that with more trials.

    Returns
    -------
    Columns of `published_cells`.
    """
    table = published_cells(path)
    most = table.sort_values("trials", ascending=False, kind="stable").drop_duplicates(KEY)
    return most.sort_index()


def _properties(source: str) -> int:
    """Return the number of properties that a published model was pre-trained on."""
    if source.startswith("MPT"):
        return 7 if source == "MPT-all" else 6
    return int(source != "")


def beside(cells: pd.DataFrame, theirs: pd.DataFrame) -> pd.DataFrame:
    """Put each of our cells beside the published one.

    Parameters
    ----------
    cells
        Any of our cells, see `results.tables.cells`.
    theirs
        See `published`.

    Returns
    -------
    One row per cell that both have: the columns of `KEY`, section, and per metric (r2,
    mae_scaled) ours, theirs, difference, and `within`: whether the difference is at most the
    joint half-width sqrt(w_ours^2 + w_theirs^2) of the 95 % intervals, missing where one side has
    a single trial; then trials of both and the known anomalies of the published files.
    """
    random = cells[cells["sampling"] == "random"]
    merged = random.merge(theirs, on=KEY, suffixes=("_ours", "_theirs"))
    result = merged[[*KEY, "section"]].copy()
    for metric in ("r2", "mae_scaled"):
        ours, published_value = (merged[f"{metric}_mean_{side}"] for side in ("ours", "theirs"))
        width = np.hypot(merged[f"{metric}_ci95_ours"], merged[f"{metric}_ci95_theirs"])
        difference = ours - published_value
        result[f"{metric}_ours"] = ours
        result[f"{metric}_theirs"] = published_value
        result[f"{metric}_difference"] = difference
        result[f"{metric}_joint_ci95"] = width
        result[f"{metric}_within"] = (difference.abs() <= width).where(width.notna())
    result["trials_ours"], result["trials_theirs"] = merged["trials_ours"], merged["trials_theirs"]
    result["anomalies"] = merged["anomalies"].map(short)
    return result


def summary(table: pd.DataFrame) -> str:
    """Count the cells within the joint interval, in all and by experiment.

    Parameters
    ----------
    table
        See `beside`.

    Returns
    -------
    Text. The first line counts all cells; then a line per experiment of the publication (its
    section); then the known anomalies of the published files with the number of cells that have
    them. Cells of a single trial have no interval and are counted apart.
    """
    if table.empty:
        return "Within the joint 95 % interval: no cell of the publication is in this study."
    lines = [f"Within the joint 95 % interval: {_counts(table)} ({len(table)} cells)."]
    lines += [
        f"  {section}: {_counts(part)}" for section, part in table.groupby("section", sort=False)
    ]
    odd = table.loc[table["anomalies"] != "", "anomalies"]
    if len(odd):
        # one kind, whatever the number: trainings of the multi-property models stopped early
        kinds = odd.str.replace(r"has \d+ epochs", "has other epochs", regex=True)
        kinds = kinds.str.split("; ").map(dict.fromkeys).map(list).explode()
        lines.append(f"Known anomalies of the published files: {len(odd)} cells.")
        lines += [f"  {count} x {kind}" for kind, count in kinds.value_counts().items()]
        lines.append(f"Without these cells: {_counts(table[table['anomalies'] == ''])}")
    return "\n".join(lines)


def _counts(table: pd.DataFrame) -> str:
    """Return "R2 a of b, MAE c of d", and how many cells have no interval."""
    texts = []
    for metric, name in (("r2", "R2"), ("mae_scaled", "MAE")):
        known = table[f"{metric}_within"].dropna().astype(bool)
        texts.append(f"{name} {int(known.sum())} of {len(known)}")
    single = int(table["r2_within"].isna().sum())
    return ", ".join(texts) + (f"; {single} without an interval (one trial)" if single else "")


def short(anomalies: str) -> str:
    """Describe each kind of anomaly once, without the names of the published files."""
    kinds = [re.sub(r"(also in|do not match).*", r"\1", text).strip() for text in
             anomalies.split(";")]  # fmt: skip
    kinds = [f"{kind} others" if kind.endswith("also in") else kind for kind in kinds]
    kinds = [f"{kind} the sample" if kind.endswith("do not match") else kind for kind in kinds]
    # pieces that only go on naming files or samples say nothing new
    named = [k for k in kinds if not k.startswith("best match") and not k.endswith(".csv")]
    return "; ".join(dict.fromkeys(named))
