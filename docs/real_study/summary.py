"""What the study has found at the size of its pairs, said from its numbers."""

from collections.abc import Mapping

import pandas as pd
from reading import PUBLISHED_RATE, RATE, SIZE, AtSize, at_sizes, cells_of, constant, numbers
from sections import compared_at_equal_time, gain_of_the_rate
from words import named, percents

from crystal_transfer.experiments.study import Study

Found = Mapping[str, AtSize]  # by dataset
CLOSE = 0.02  # of an MAE: far less than the intervals of three trials


def summary(ours: Study) -> str:
    """Say what was found, a line each."""
    sizes = at_sizes()
    pairs = ours.config.experiments["pairwise"].finetune
    found = {code: sizes[code, SIZE] for code in pairs if (code, SIZE) in sizes}
    found = {code: here for code, here in found.items() if len(here.pairs)}
    baselines = cells_of(*ours.config.baselines)
    best = baselines[baselines["size"] == SIZE].groupby("dataset")["mae_mean"].min()
    lines = [
        gains_over(found, PUBLISHED_RATE, "the published rate, in fewer steps than the paper's"),
        gains_over(found, RATE, "an equal rate"),
        full_network(),
        at_equal_time(ours),
        worse_than_a_constant(found, constant(ours).xs(SIZE, level="size")),
        against_baselines(found, best),
        several_properties(found, best),
    ]
    return "\n".join(f"- {line}" for line in lines)


def gains_over(found: Found, rate: float, name: str) -> str:
    """Say what the median pair gains over scratch at a rate."""
    gains = {
        code: here.gain(rate, here.pairs.median())
        for code, here in found.items()
        if rate in here.scratch.index
    }
    each = ", ".join(f"{code} {gain:.0f}" for code, gain in gains.items())
    return (
        f"Against scratch at {rate:g} ({name}) the median pair has an MAE that is "
        f"{min(gains.values()):.0f} to {max(gains.values()):.0f} % lower ({each})."
    )


def full_network() -> str:
    """Say what the rate alone gains with the full network on the published samples."""
    found = gain_of_the_rate().dropna()
    found = found[(found["size"] == SIZE) & (found["max_lr"] == RATE)]
    ours = ", ".join(
        f"{row.dataset} {percents(row.rate_gain, row.rate_gain_ci95)}" for row in found.itertuples()
    )
    theirs = ", ".join(
        f"{row.dataset} {percents(row.transfer_median, row.transfer_ci95)}"
        for row in found.itertuples()
    )
    return (
        f"With the full network, on the paper's own samples, scratch at {RATE:g} has an MAE that "
        f"is lower than at {PUBLISHED_RATE:g} by, in %: {ours}. The publication's median pair has "
        f"one that is lower than its scratch, at {PUBLISHED_RATE:g} and on other test crystals, "
        f"by, in %: {theirs}."
    )


def at_equal_time(ours: Study) -> str:
    """Say what it gains over scratch that is trained for as long."""
    each = ", ".join(
        f"{code} {here.gains[-1]}" for code, here in compared_at_equal_time(ours).items()
    )
    return (
        "Against scratch that is trained for as long, the gain of this study's median pair is, "
        f"in %: {each}."
    )


def worse_than_a_constant(found: Found, plain: pd.Series) -> str:
    """Say which networks have learned less than the median of the sample."""
    worse = {
        f"scratch at {rate:g}": [
            code
            for code, here in found.items()
            if rate in here.scratch.index and here.scratch.loc[rate, "mae_mean"] > plain[code]
        ]
        for rate in (PUBLISHED_RATE, RATE)
    }
    worse["the best pair"] = [
        code for code, here in found.items() if here.pairs.min() > plain[code]
    ]
    each = "; ".join(f"{model}: {named(codes)}" for model, codes in worse.items())
    return (
        f"An MAE above that of a constant, the median of the sample, have {each}. A gain over "
        "such a network says little."
    )


def against_baselines(found: Found, best: pd.Series) -> str:
    """Say where the best baseline is below every pair."""
    below = [code for code, here in found.items() if best[code] < here.pairs.min()]
    close = [code for code, here in found.items() if abs(best[code] / here.pairs.min() - 1) < CLOSE]
    return (
        f"The best baseline, which takes seconds, is below every pair on {named(below)}; not on "
        f"{named([code for code in found if code not in below])}. (By means; on {named(close)} "
        f"the two are within {100 * CLOSE:.0f} %.)"
    )


def several_properties(found: Found, best: pd.Series) -> str:
    """Say where all other properties together are ahead."""
    several = cells_of("multi_property").set_index("dataset")["mae_mean"]
    ahead = [
        code for code, here in found.items()
        if code in several.index and several[code] < here.pairs.min()
    ]  # fmt: skip
    trained = numbers("pretrainings").set_index("id")
    others = trained[trained["properties"] == trained["properties"].max() - 1]
    times = (
        others["crystals"].median() / trained.loc[trained["properties"] == 1, "crystals"].median()
    )
    first = [code for code in ahead if several[code] < best[code]]
    return (
        "Pre-training on all other properties together is better than every pair on "
        f"{named(ahead)}, and the best of all models on {named(first)}, by means. It sees "
        f"{times:.0f} times as many crystals: more data, not only more properties."
    )
