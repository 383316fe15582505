"""Traps as numbers: one crystal, averages, the switches of the protocol, seen crystals."""

import numpy as np
import pandas as pd
from reading import (
    cells_of,
    maes,
    numbers,
    ordered,
    scales,
    test_crystals,
    unit,
)
from words import both, percents, value

from crystal_transfer.experiments.study import Study
from crystal_transfer.figures.leakage import FEWEST_SEEN
from crystal_transfer.results.gains import percent_below
from crystal_transfer.results.markdown import markdown
from crystal_transfer.results.metrics import FEWEST_TRIALS
from crystal_transfer.results.tables import half_width

LARGER = 800  # crystals, of one network beside several


def one_outlier(ours: Study) -> str:
    """R2 and MAE with and without the farthest target."""
    found, scale = numbers("outliers"), scales()
    shown = ["r2", "r2_without", "mae", "mae_without", "median_ae", "spearman"]
    rows = [
        [row["dataset"], row["source"] or "scratch", f"{row['outlier_target']:.3g}",
         *(value(row[name], row[f"{name}_ci95"], 2 if "r2" in name else 3) for name in shown),
         f"{row['mae'] / scale[row['dataset']]:.3g}", unit(ours, row["dataset"])]
        for _, row in found.iterrows() if row["source"] == "" or row["dataset"] == "PZ"
    ]  # fmt: skip
    columns = ["dataset", "model", "farthest target", "R²", "R² without", "MAE", "MAE without",
               "median AE", "Spearman", "scaled MAE", "unit"]  # fmt: skip
    return markdown(pd.DataFrame(rows, columns=columns))


def averaged(ours: Study) -> pd.DataFrame:
    """Return MAEs of one network and of several averaged, of scratch and the pairs, by dataset.

    Returns
    -------
    Columns trials, scratch, scratch_averaged, best_pair (one network of the best PT dataset), pairs
    (those that have the trials of scratch), pair_averaged (of the median PT dataset), and what
    averaging reduces the MAE by, in %: less_scratch with less_scratch_ci95, the half-width over the
    single networks that one average is compared with, and of the pairs less (mean), least, most.
    """
    found, single = numbers("ensembles"), maes("scratch").droplevel([1, 2, 3, 4])
    rows = {}
    for code in ordered(ours, found["dataset"]):
        here = found[found["dataset"] == code]
        here = here[here["trials"] == here["trials"].max()]
        scratch, pairs = (here[here["kind"] == kind] for kind in ("scratch", "finetune"))
        if len(scratch) and len(pairs):
            less = percent_below(scratch["mae_ensemble"].item(), single.loc[code].dropna())
            rows[code] = {
                "trials": scratch["trials"].item(),
                "scratch": scratch["mae_mean"].item(),
                "scratch_averaged": scratch["mae_ensemble"].item(),
                "best_pair": pairs["mae_mean"].min(),
                "pairs": len(pairs),
                "pair_averaged": pairs["mae_ensemble"].median(),
                "less_scratch": less.mean(), "less_scratch_ci95": half_width(less),
                "less": pairs["less"].mean(),
                "least": pairs["less"].min(), "most": pairs["less"].max(),
            }  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index")


def averages(ours: Study) -> str:
    """Say what averaging the predictions of the trials is worth, beside transfer and more data."""
    scratch, scale = cells_of("scratch"), scales()
    gained = test_crystals("median pair against scratch, both averaged")
    rivals = test_crystals("averaged scratch against the best pair")
    larger = scratch[scratch["size"] == LARGER].set_index("dataset")["mae_mean"]
    rows = []
    for row in averaged(ours).itertuples():
        maes = (row.scratch, row.scratch_averaged, larger.get(row.Index, float("nan")),
                row.best_pair, row.pair_averaged)  # fmt: skip
        rows.append([
            row.Index, row.trials,
            *(both(mae, float("nan"), scale[row.Index]) for mae in maes),
            percents(row.less_scratch, row.less_scratch_ci95),
            f"{row.less:.0f} ({row.least:.0f} to {row.most:.0f}, {row.pairs} pairs)",
            *(percents(*some.loc[row.Index, ["gain", "crystals_ci95"]])
              for some in (gained, rivals)), unit(ours, row.Index),
        ])  # fmt: skip
    columns = ["dataset", "trials", "scratch, one", "scratch, averaged",
               f"scratch, one, n = {LARGER}", "best pair, one", "median pair, averaged",
               "averaging reduces scratch's MAE by (%)", "and that of pairs by (%)",
               "transfer reduces that of averages by (%)",
               "averaged scratch is below the best pair, one, by (%)", "unit"]  # fmt: skip
    return markdown(pd.DataFrame(rows, columns=columns))


def switches(ours: Study) -> str:
    """Say what each switch changes, first those that change more than trials do."""
    found = numbers("contrast")
    found = found[found["trials"] >= FEWEST_TRIALS]
    # a MAE that is the same in print has not changed, whatever its interval
    beyond = found[found["mae_increase"].abs() > found["mae_increase_ci95"].clip(lower=0.05)]
    each = "; ".join(
        f"{row.study}, {row.cell.removesuffix('_all')}: "
        f"{row.mae_increase:+.1f} ± {row.mae_increase_ci95:.1f} %"
        for row in beyond.itertuples()
    )
    line = (
        f"Changes of the MAE beyond their interval: {each}. By chance alone "
        f"{0.05 * len(found):.0f} of the {len(found)} would be."
    )
    rows = [
        [row.study, row.cell.removesuffix("_all"),
         f"{row.r2_difference:+.3f} ± {row.r2_difference_ci95:.3f}",
         f"{row.spearman_difference:+.3f} ± {row.spearman_difference_ci95:.3f}",
         f"{row.mae_increase:+.1f} ± {row.mae_increase_ci95:.1f}",
         f"{row.median_ae_increase:+.1f} ± {row.median_ae_increase_ci95:.1f}"]
        for row in found.itertuples()
    ]  # fmt: skip
    columns = ["switch", "cell", "change of R²", "change of Spearman", "change of MAE (%)",
               "change of median AE (%)"]  # fmt: skip
    return f"{line}\n\n{markdown(pd.DataFrame(rows, columns=columns))}"


def leaks(ours: Study) -> str:
    """Gains on test crystals that pre-training has seen, and on others."""
    found, scale = numbers("leakage"), scales()
    found = found[found["n_seen"] >= FEWEST_SEEN]
    groups = {"seen": "seen", "control": "the same, not seen", "unseen": "others"}
    rows = [
        [f"{row['source']} → {row['dataset']}", row["n_seen"], row["n_unseen"],
         *(both(row[f"mae_{group}"], row[f"mae_{group}_ci95"], scale[row["dataset"]])
           for group in groups),
         unit(ours, row["dataset"]),
         *(percents(row[f"gain_{group}"], row[f"gain_{group}_ci95"]) for group in groups)]
        for _, row in found.iterrows()
    ]  # fmt: skip
    columns = ["pair", "crystals seen", "others", *(f"MAE, {name}" for name in groups.values()),
               "unit", *(f"gain, {name} (%)" for name in groups.values())]  # fmt: skip
    more = found["gain_seen"] - found["gain_control"]
    together = np.hypot(found["gain_seen_ci95"], found["gain_control_ci95"])
    widest = max(found["gain_seen_ci95"].max(), found["gain_control_ci95"].max())
    return (
        f"{markdown(pd.DataFrame(rows, columns=columns))}\n\n"
        f"The gain is larger where the crystals were seen than on the same crystals unseen in "
        f"{int((more > 0).sum())} of {len(found)} pairs; {int((more.abs() > together).sum())} "
        f"differ by more than both intervals together. With intervals of up to ± {widest:.0f} %, "
        "small effects cannot be told from none."
    )
