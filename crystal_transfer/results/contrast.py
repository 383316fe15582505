"""What a change of a study does to its results: studies compared run by run."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from crystal_transfer.datasets import splits
from crystal_transfer.errors import InputError
from crystal_transfer.results.layout import Layout
from crystal_transfer.results.tables import half_width, read_runs

# change -> its metric: increases are in %, of errors
CHANGES = {
    "r2_difference": "r2", "spearman_difference": "spearman",
    "mae_increase": "mae", "median_ae_increase": "median_ae",
}  # fmt: skip
ABOUT = ["kind", "source", "dataset", "size", "strategy"]  # what tells a reader which cell it is


def runs_of_folder(folder: str | Path) -> pd.DataFrame:
    """Read all runs of a study's tables.

    Parameters
    ----------
    folder
        Of the study's results.

    Raises
    ------
    InputError
        If it has no table of runs.
    """
    pattern = Path(Layout(str(folder)).table("*", "runs"))
    found = sorted(pattern.parent.glob(pattern.name))
    if not found:
        raise InputError(f"{folder}: has no tables of runs; finish the study first.")
    runs = read_runs(found)
    return runs[runs["kind"] != "baseline"]


def require_same_tests(base: str | Path, other: str | Path) -> None:
    """Check that two studies test on the same crystals of each dataset that both have split.

    Parameters
    ----------
    base, other
        Folders of their results.

    Raises
    ------
    InputError
        For the first dataset with other test crystals or imposed samples.
    """
    layout = Layout(str(base))
    for study in (base, other):
        if not Path(study, "datasets").is_dir():
            print(
                f"warning: {study}: has no folder datasets, so that test crystals cannot be compared; "
                "changes are of the study only if they are the same."
            )
    for folder in sorted(Path(other, "datasets").glob("*/")):
        own = Path(layout.dataset(folder.name).split)
        theirs = Path(Layout(str(other)).dataset(folder.name).split)
        if not own.is_file() or not theirs.is_file():
            continue
        one, two = splits.load(own), splits.load(theirs)
        if (set(one.test), one.samples) != (set(two.test), two.samples):
            raise InputError(
                f"{other}: tests on other crystals of {folder.name} than {base} does; compare "
                "studies of one split (the same data, seed and split.test_fraction)."
            )


def contrast(base: pd.DataFrame, others: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Compare studies with one of them, run by run: the same cell, the same trial.

    Parameters
    ----------
    base
        Runs of the study that others are compared with.
    others
        Name -> runs of another study.

    Returns
    -------
    A row per study and cell that both have: study, cell (the runs' id without the trial), kind,
    source, dataset, size, strategy, trials, diverged (trials that did so in one of the two
    and are left out), r2_difference, spearman_difference, mae_increase and
    median_ae_increase (in % of that of `base`; negative is better), means over the trials, each
    with the half-width of its 95 % interval (_ci95; Student's t of the paired differences). Trials that
    diverged in either study are left out, and so are cells in which nothing is different.

    Raises
    ------
    InputError
        If a study has no run of `base`, or tests one on another number of crystals.
    """
    rows = []
    own = base.set_index("id")[[*CHANGES.values(), "n_test"]]
    for name, runs in others.items():
        shared = runs.join(own, on="id", rsuffix="_base", how="inner")
        if shared.empty:
            raise InputError(f"{name}: has no run of the study that it is compared with.")
        both = shared.dropna(subset=["mae", "mae_base"])
        if both.empty:
            raise InputError(
                f"{name}: all {len(shared)} runs that it has in common with the study that it is "
                "compared with diverged, here or there; nothing can be compared."
            )
        other = both.loc[both["n_test"] != both["n_test_base"], "id"]
        if len(other):
            raise InputError(
                f"{name}: {other.iloc[0]} has other test crystals than in the study that it is "
                "compared with; compare studies of one split."
            )
        for cell, found in shared.assign(cell=_cells_of(shared)).groupby("cell", sort=False):
            kept = found.dropna(subset=["mae", "mae_base"])
            # trials that diverged in both tell nothing apart
            diverged = int((found["mae"].isna() != found["mae_base"].isna()).sum())
            if not diverged and np.array_equal(kept["mae"], kept["mae_base"]):
                continue
            row = {"study": name, "cell": cell, **found.iloc[0][ABOUT], "trials": len(kept)}
            row["diverged"] = diverged
            for column in CHANGES:
                change = _change(column, kept)
                row[column] = change.mean()
                row[f"{column}_ci95"] = half_width(change)
            rows.append(row)
    return pd.DataFrame(rows)


def _cells_of(runs: pd.DataFrame) -> pd.Series:
    """Return the id of each run without its trial."""
    return runs["id"].str.replace(r"_t\d+$", "", regex=True)


def _change(name: str, both: pd.DataFrame) -> pd.Series:
    """Return a change of each run: the difference of a metric, or its increase in %."""
    metric = CHANGES[name]
    own, base = both[metric], both[f"{metric}_base"]
    return 100 * (own / base - 1) if name.endswith("_increase") else own - base
