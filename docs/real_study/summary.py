"""What the study has found at the size of its pairs, said from its numbers."""

import pandas as pd
from reading import (
    PUBLISHED_RATE,
    RATE,
    SIZE,
    cells_of,
    constant,
    gains_against,
    numbers,
    ordered,
)
from sections import at_equal_time, averaged, gain_of_the_rate
from words import named, percents, whole_percent

from crystal_transfer.experiments.study import Study
from crystal_transfer.figures.style import by_dataset

CLOSE = 0.02  # of an MAE: less than the intervals of the trials


def summary(ours: Study) -> str:
    """Say what was found, a line each."""
    found = gains_against("scratch_rates", "max_lr").xs(SIZE, level="size").dropna(subset="pairs")
    found = found.loc[ordered(ours, found.index.unique("dataset"))]
    pairs = found["mae_best"].groupby(level="dataset", sort=False).first()
    baselines = cells_of(*ours.config.baselines)
    best = baselines[baselines["size"] == SIZE].groupby("dataset")["mae_mean"].min()
    lines = [
        gains_over(found, PUBLISHED_RATE, "the published rate, in fewer steps than the paper's"),
        gains_over(found, RATE, "an equal rate"),
        *at_other_sizes(ours),
        full_network(ours),
        over_as_long(ours),
        worse_than_a_constant(found, pairs, constant(ours).xs(SIZE, level="size")),
        against_baselines(pairs, best),
        several_properties(pairs, best),
        by_averaging(ours),
    ]
    return "\n".join(f"- {line}" for line in lines)


def gains_over(found: pd.DataFrame, rate: float, name: str) -> str:
    """Say what the median pair gains over scratch at a rate."""
    at_rate = found.xs(rate, level="max_lr")
    return (
        f"Against scratch at {rate:g} ({name}) the median pair has an MAE that is lower by, in %: "
        f"{each_gain(at_rate)}."
    )


def at_other_sizes(ours: Study) -> list[str]:
    """Say what the median pair gains over scratch at an equal rate at sizes but `SIZE`."""
    found = gains_against("scratch_rates", "max_lr").xs(RATE, level="max_lr")
    found = found.dropna(subset="pairs").drop(index=SIZE, level="size")
    lines = []
    for size, here in found.groupby(level="size"):
        each = here.droplevel("size")
        each = each.loc[ordered(ours, each.index)]
        lines.append(f"At n = {size}, against scratch at {RATE:g}: {each_gain(each)}.")
    return lines


def each_gain(gained: pd.DataFrame) -> str:
    """Write the gain of the median pair on every dataset."""
    return ", ".join(
        f"{row.Index} {percents(row.gain_median, row.gain_median_ci95)}"
        for row in gained.itertuples()
    )


def full_network(ours: Study) -> str:
    """Say what the rate alone gains with the full network on the published samples."""
    found = gain_of_the_rate().dropna()
    found = by_dataset(found[(found["size"] == SIZE) & (found["max_lr"] == RATE)], ours.quantities)
    by_rate = ", ".join(
        f"{row.dataset} {percents(row.rate_gain, row.rate_gain_ci95)}" for row in found.itertuples()
    )
    by_transfer = ", ".join(
        f"{row.dataset} {percents(row.transfer_median, row.transfer_ci95)}"
        for row in found.itertuples()
    )
    return (
        f"With the full network, on the paper's own samples, scratch at {RATE:g} has an MAE that "
        f"is lower than at {PUBLISHED_RATE:g} by, in %: {by_rate}. The publication's median pair "
        f"has one that is lower than its scratch, at {PUBLISHED_RATE:g} (of DC in three of five "
        f"trials) and on other test crystals, by, in %: {by_transfer}."
    )


def over_as_long(ours: Study) -> str:
    """Say what it gains over scratch that is trained for as long."""
    found = at_equal_time(ours)
    longest = found.xs(found.index.unique("epochs").max(), level="epochs")
    longest = longest.loc[ordered(ours, longest.index)]
    return (
        "Against scratch that is trained for as long, the gain of this study's median pair is, "
        f"in %: {each_gain(longest)}."
    )


def worse_than_a_constant(found: pd.DataFrame, pairs: pd.Series, plain: pd.Series) -> str:
    """Say which networks have learned less than the median of the sample."""
    reached = {
        f"scratch at {rate:g}": found["mae_scratch"].xs(rate, level="max_lr")
        for rate in (PUBLISHED_RATE, RATE)
    }
    reached["the best pair"] = pairs
    each = "; ".join(
        f"{model}: {named(list(mae.index[mae > plain.reindex(mae.index)]))}"
        for model, mae in reached.items()
    )
    return (
        f"An MAE above that of a constant, the median of the sample, have, by means, {each}. A "
        "gain over such a network says little."
    )


def against_baselines(pairs: pd.Series, best: pd.Series) -> str:
    """Say where the best baseline is below every pair."""
    ratio = best.reindex(pairs.index) / pairs
    below, close = ratio < 1, (ratio - 1).abs() < CLOSE
    return (
        f"The best baseline, which takes seconds, is below every pair on "
        f"{named(list(pairs.index[below]))}; not on {named(list(pairs.index[~below]))}. (By means; "
        f"on {named(list(pairs.index[close]))} the two are within {100 * CLOSE:.0f} %.)"
    )


def several_properties(pairs: pd.Series, best: pd.Series) -> str:
    """Say where all other properties together are ahead."""
    several = cells_of("multi_property").set_index("dataset")["mae_mean"]
    ahead = [code for code in pairs.index if code in several and several[code] < pairs[code]]
    trained = numbers("pretrainings").set_index("id")
    others = trained[trained["properties"] == trained["properties"].max() - 1]
    times = (
        others["crystals"].median() / trained.loc[trained["properties"] == 1, "crystals"].median()
    )
    first = [code for code in ahead if several[code] < best[code]]
    return (
        "Pre-training on all other properties together is better than every pair on "
        f"{named(ahead)}, and the best of all single models on {named(first)}, by means. It sees "
        f"{times:.0f} times as many crystals: more data, not only more properties."
    )


def by_averaging(ours: Study) -> str:
    """Say what averaging networks is worth beside transfer."""
    found = averaged(ours)
    ahead = found.index[found["scratch_averaged"] < found["best_pair"]]
    reduced = ", ".join(
        f"{row.Index} {whole_percent(100 * (1 - row.scratch_averaged / row.scratch))}"
        for row in found.itertuples()
    )
    left = ", ".join(
        f"{row.Index} {whole_percent(row.averaged_gain)}" for row in found.itertuples()
    )
    return (
        "Averaging the predictions of all trials of scratch (each of a sample of its own, so of "
        f"more crystals together) reduces its MAE by, in %: {reduced}. It is then lower than that "
        f"of a single network of any pair on {named(list(ahead))}. Where both are averaged, "
        f"transfer (the median pair) reduces it by, in %: {left}."
    )
