"""What it is worth that a test crystal was in pre-training, with another label."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from crystal_transfer.figures.style import (
    COLOURS,
    Drawing,
    Quantity,
    labelled,
    legend_below,
    pair_label,
    panels,
    strategy_label,
)
from crystal_transfer.results.tables import CELL, half_width

FEWEST_SEEN = 5  # test crystals; of fewer a pair is not drawn
GROUPS = {"seen": "seen in pre-training", "unseen": "not seen"}
MEASURED = ["mae_seen", "gain_seen", "mae_unseen", "gain_unseen"]
CONTROL = {"control": "the same crystals, not seen"}  # drawn where another study has it

Shared = Mapping[str, Mapping[str, Collection[str]]]  # dataset -> test crystal -> its equals there


def leakage(
    runs: pd.DataFrame,
    predictions: Mapping[str, pd.DataFrame],
    samples: Mapping[str, Sequence[str]],
    shared: Mapping[str, Shared],
    datasets: Mapping[str, Quantity],
) -> Drawing:
    """Draw what transfer gains on test crystals that were in pre-training, and on the others.

    Parameters
    ----------
    runs
        Scratch, fine-tuned runs and the pre-trainings that they start from.
    predictions
        Of each run, by its id.
    samples
        Ids of the crystals that each run was trained on, by its id.
    shared
        FT dataset -> PT dataset -> test crystal -> equal crystals of the PT dataset.
    datasets
        Symbol, unit and order of the datasets.
    """
    return drawn_gains(gains(runs, predictions, samples, shared), datasets)


def drawn_gains(table: pd.DataFrame, datasets: Mapping[str, Quantity]) -> Drawing:
    """Draw the numbers of `gains`."""
    drawn = table[table["n_seen"] >= FEWEST_SEEN]
    codes = [code for code in datasets if code in set(drawn["dataset"])]
    figure, axes = panels(len(codes), width=3.4, height=3.0)
    groups = GROUPS | (CONTROL if "gain_control" in table else {})
    for axis, code in zip(axes, codes, strict=True):
        here = drawn[drawn["dataset"] == code].sort_values("gain_unseen")
        rows = np.arange(len(here))
        for (group, label), colour, marker, shift in zip(
            groups.items(),
            (COLOURS[1], COLOURS[0], COLOURS[2]),
            "osD",
            (0.2, -0.2, 0.0),
            strict=False,
        ):
            axis.errorbar(
                here[f"gain_{group}"], rows + shift, xerr=here[f"gain_{group}_ci95"], fmt=marker,
                color=colour, markersize=5, elinewidth=1.2, label=label,
            )  # fmt: skip
        axis.axvline(0, color="black", linewidth=0.8)
        labels = [
            f"{pair_label(row.source, code)}{_unusual(row.strategy)}\n"
            f"{row.n_seen} of {row.n_seen + row.n_unseen} seen"
            for row in here.itertuples()
        ]
        axis.set_yticks(rows, labels)
        axis.set_ylim(-0.6, len(here) - 0.4)
        axis.set_title(f"{code}, n = {here['size'].iloc[0]}")
        axis.set_xlabel("reduction of the MAE (%)")
    if axes:
        legend_below(figure, labelled(axes[0]))
    return figure, table


def _unusual(strategy: str) -> str:
    return "" if strategy == "all" else f", {strategy_label(strategy)}"


def gains(
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
        found |= {f"mae_{group}": tuned, f"gain_{group}": 100 * (1 - tuned / scratched)}
    return found
