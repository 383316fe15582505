"""What it is worth that a test crystal was in pre-training, with another label."""

from collections.abc import Collection, Mapping, Sequence

import pandas as pd

from crystal_transfer.results.gains import percent_below
from crystal_transfer.results.tables import CELL, half_width

MEASURED = ["mae_seen", "gain_seen", "mae_unseen", "gain_unseen"]

Shared = Mapping[str, Mapping[str, Collection[str]]]  # dataset -> test crystal -> its equals there


def leakage_gains(
    runs: pd.DataFrame,
    predictions: Mapping[str, pd.DataFrame],
    samples: Mapping[str, Sequence[str]],
    shared: Mapping[str, Shared],
) -> pd.DataFrame:
    """Return what transfer gains against scratch on the same test crystals; see `leakage`.

    Returns
    -------
    A row per cell of a pair: its columns, trials, n_seen and n_unseen (test crystals, mean over
    trials), and for both groups the MAE of the fine-tuned runs in the property's unit and its mean
    reduction in %, each with the half-width of its 95 % interval over the trials (mae_seen,
    gain_seen, gain_seen_ci95, ...); NaN for a group without crystals.
    """
    known = runs.dropna(subset="mae_scaled")
    scratch = known[known["kind"] == "scratch"].set_index(["dataset", "size", "trial"])["id"]
    pretrained = runs[runs["kind"] == "pretrain"].set_index(["dataset", "size"])["id"]
    tuned = known[(known["kind"] == "finetune") & (known["source_properties"] == 1)]
    rows = []
    for values, found in tuned.groupby(CELL, sort=False):
        cell = dict(zip(CELL, values, strict=True))
        source, code, size = cell["source"], cell["dataset"], cell["size"]
        if (source, cell["source_size"]) not in pretrained.index:
            continue  # it starts from a file
        sample = set(samples[pretrained[source, cell["source_size"]]])
        seen = {id for id, equal in shared[code].get(source, {}).items() if sample & set(equal)}
        trials = [
            _of_trial(predictions[run.id], predictions[scratch[code, size, run.trial]], seen)
            for run in found.itertuples()
            if (code, size, run.trial) in scratch.index
        ]
        if trials:
            each = pd.DataFrame(trials)
            counts = each[["n_seen", "n_unseen"]].mean().round().astype(int)
            row = cell | {"trials": len(each), **counts}
            for name in MEASURED:
                row |= {name: each[name].mean(), f"{name}_ci95": half_width(each[name])}
            rows.append(row)
    measured = [column for name in MEASURED for column in (name, f"{name}_ci95")]
    return pd.DataFrame(rows, columns=[*CELL, "trials", "n_seen", "n_unseen", *measured])


def _of_trial(tuned: pd.DataFrame, scratch: pd.DataFrame, seen: set[str]) -> dict[str, float]:
    """Compare the errors of two runs on the test crystals that were seen, and on the others."""
    errors = pd.DataFrame({
        name: (table["prediction"] - table["target"]).abs().set_axis(table["id"])
        for name, table in (("tuned", tuned), ("scratch", scratch))
    })  # fmt: skip
    is_seen = errors.index.isin(seen)
    found: dict[str, float] = {}
    for group, members in (("seen", errors[is_seen]), ("unseen", errors[~is_seen])):
        found[f"n_{group}"] = len(members)
        tuned, scratched = members["tuned"].mean(), members["scratch"].mean()
        found |= {f"mae_{group}": tuned, f"gain_{group}": percent_below(tuned, scratched)}
    return found
