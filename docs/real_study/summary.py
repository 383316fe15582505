"""What the study has found at the size of its pairs, said from its numbers."""

import pandas as pd
from paper import gain_of_the_rate
from reading import (
    PAIRS,
    PUBLISHED_RATE,
    RATE,
    SIZE,
    behind,
    best_of,
    beyond,
    constant,
    gains_against,
    maes,
    numbers,
    ordered,
    over_datasets,
    reductions,
    surviving,
    test_crystals,
)
from transfer import at_equal_time, of_the_median_pair
from traps import averaged
from words import named, percents, reduction

from crystal_transfer.experiments.study import Study
from crystal_transfer.figures.rows import by_dataset
from crystal_transfer.results.markdown import markdown


def summary(ours: Study) -> str:
    """Say what was found: what transfer gains in a table, all else a line each."""
    found = gains_against("scratch_rates", "max_lr").xs(SIZE, level="size").dropna(subset="pairs")
    found = found.loc[ordered(ours, found.index.unique("dataset"))]
    pairs = maes(*PAIRS)
    lines = [
        *at_other_sizes(ours),
        full_network(ours),
        worse_than_a_constant(ours, found, best_of(pairs), constant(ours).xs(SIZE, level="size")),
        against_baselines(ours, pairs),
        several_properties(ours, pairs),
        by_averaging(ours),
    ]
    listed = "\n".join(f"- {line}" for line in lines)
    return f"{what_transfer_gains(ours, found, pairs)}\n\n{listed}"


def what_transfer_gains(ours: Study, found: pd.DataFrame, pairs: pd.DataFrame) -> str:
    """Compare transfer with each way of doing without: a table, and what is beyond its interval."""
    longer = at_equal_time(ours)
    longer = longer.xs(longer.index.unique("epochs").max(), level="epochs")
    several, plain = best_of(maes("multi_property")), best_baselines(ours)
    slow, equal = (gained_over(found, rate) for rate in (PUBLISHED_RATE, RATE))
    steps = as_reductions(longer)
    best, most = reductions(best_of(pairs), plain), reductions(several, plain)
    scratch = best_of(maes("scratch"))
    against = {
        f"median pair against scratch at {PUBLISHED_RATE:g}": slow,
        f"median pair against scratch at {RATE:g}": equal,
        "median pair against scratch of as many steps": steps,
        f"all other properties against scratch at {RATE:g}": reductions(several, scratch),
        "all other properties against the best pair": reductions(several, best_of(pairs)),
        "best pair against the best baseline": best,
        "all other properties against the best baseline": most,
    }
    codes = ordered(ours, found.index.unique("dataset"))
    rows = [
        [code, *(
            reduction(some.loc[code]) if code in some.index else "not run"
            for some in against.values()
        )]
        for code in codes
    ]  # fmt: skip
    rows.append(["mean", *(percents(*over_datasets(some)) for some in against.values())])
    table = markdown(pd.DataFrame(rows, columns=["lower MAE, in %", *against]))
    wider = of_the_median_pair()
    both = [code for code in beyond(equal) if wider.gain[code] > wider.together[code]]
    upper = (steps["mean"] + steps["half_width"]).round()
    missing = [code for code in codes if code not in steps.index]
    return (
        f"{table}\n\n"
        f"Beyond its interval the median pair is ahead of scratch at {PUBLISHED_RATE:g} on "
        f"{len(beyond(slow))} of {len(slow)} datasets, of scratch at {RATE:g} on "
        f"{named(beyond(equal))} (with other test crystals taken into account too, on "
        f"{named(both)}; corrected for asking {len(equal)} times, on {named(surviving(equal))}), "
        f"and of scratch of as many steps on {named(beyond(steps))}"
        f"{f' (not run: {named(missing)})' if missing else ''}, where gains of up to "
        f"{upper.min():.0f} to {upper.max():.0f} % cannot be excluded. The best pair is ahead of "
        f"the best baseline beyond its interval on {named(beyond(best))}, and behind it on "
        f"{named(behind(best))}; all other properties on {named(beyond(most))}, and on "
        f"{named(behind(most))}."
    )


def gained_over(found: pd.DataFrame, rate: float) -> pd.DataFrame:
    """Return what the median pair gains over scratch at a rate, see `reading.reductions`."""
    return as_reductions(found.xs(rate, level="max_lr"))


def as_reductions(gained: pd.DataFrame) -> pd.DataFrame:
    """Return gains of the median pair as `reading.reductions` does."""
    columns = {"gain_median": "mean", "gain_median_ci95": "half_width", "gain_trials": "trials"}
    return gained[list(columns)].rename(columns=columns)


def best_baselines(ours: Study) -> pd.DataFrame:
    """Return the MAE of the best baseline of each dataset, by trial."""
    return best_of(maes(*ours.config.baselines))


def at_other_sizes(ours: Study) -> list[str]:
    """Say what the median pair gains over scratch at an equal rate at sizes but `SIZE`."""
    found = gains_against("scratch_rates", "max_lr").xs(RATE, level="max_lr")
    found = found.dropna(subset="pairs").drop(index=SIZE, level="size")
    lines = []
    for size, here in found.groupby(level="size"):
        each = here.droplevel("size")
        each = each.loc[ordered(ours, each.index)]
        mean = percents(*over_datasets(as_reductions(each)))
        lines.append(
            f"At n = {size} ({each['gain_trials'].min():.0f} trials), against scratch at {RATE:g}: "
            f"{each_gain(each)}; mean {mean}."
        )
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
        f"trials) and on other test crystals, by, in %: {by_transfer} (here ± is what the "
        "intervals of a pair and of scratch give together, the median over the pairs; ours are "
        f"{found['trials'].min()} trials, theirs five)."
    )


def worse_than_a_constant(
    ours: Study, found: pd.DataFrame, pairs: pd.DataFrame, plain: pd.Series
) -> str:
    """Say which networks have learned less than the median of the sample."""
    reached = {
        f"scratch at {rate:g}": found["mae_scratch"].xs(rate, level="max_lr")
        for rate in (PUBLISHED_RATE, RATE)
    }
    reached["the best pair"] = pairs.mean(axis=1)
    each = "; ".join(
        f"{model} on {named(ahead)}"
        for model, mae in reached.items()
        if (ahead := ordered(ours, mae.index[mae > plain.reindex(mae.index)]))
    )
    return (
        "Worse, by means, than always predicting the median of the sample: "
        f"{each}. A gain over such a network says little."
    )


def against_baselines(ours: Study, pairs: pd.DataFrame) -> str:
    """Say where the best baseline is below every pair, by means."""
    best = best_baselines(ours).mean(axis=1)
    ratio = best / best_of(pairs).mean(axis=1).reindex(best.index)
    below = [code for code in ordered(ours, ratio.dropna().index) if ratio[code] < 1]
    return (
        f"By means, the best baseline, which takes seconds, is below every pair on {named(below)}."
    )


def several_properties(ours: Study, pairs: pd.DataFrame) -> str:
    """Say where all other properties together are ahead, by means and beyond chance."""
    several, pair = best_of(maes("multi_property")), best_of(pairs)
    longer = best_of(maes("scratch_epochs"))
    rivals = pd.concat(
        [some.mean(axis=1) for some in (pair, longer, best_baselines(ours))], axis=1
    ).min(axis=1)
    means = several.mean(axis=1)
    codes = ordered(ours, means.index)
    ahead = [code for code in codes if means[code] < pair.mean(axis=1)[code]]
    first = [code for code in codes if means[code] < rivals[code]]
    sure_of_steps = reductions(several, longer)
    trained = numbers("pretrainings").set_index("id")
    others = trained[trained["properties"] == trained["properties"].max() - 1]
    times = (
        others["crystals"].median() / trained.loc[trained["properties"] == 1, "crystals"].median()
    )
    each = ", ".join(
        f"{code} {reduction(sure_of_steps.loc[code])}"
        for code in ordered(ours, sure_of_steps.index)
    )
    return (
        "Pre-training on all other properties together has, by means, a lower MAE than every pair "
        f"on {named(ahead)}, and the lowest of all single models, baselines and longer scratch "
        f"included, on {named(first)}. Against scratch of as many steps as a pair it is lower by, "
        f"in %: {each}. It sees {times:.0f} times as many crystals as a pair, with another output "
        "network and larger batches, so which of these helps is not known. Its pre-training was "
        "done once for each dataset, and the luck of that is in no interval."
    )


def by_averaging(ours: Study) -> str:
    """Say what averaging networks is worth beside transfer."""
    found = averaged(ours)
    reduced = ", ".join(
        f"{row.Index} {percents(row.less_scratch, row.less_scratch_ci95)}"
        for row in found.itertuples()
    )
    rivals, both = (
        test_crystals(name)
        for name in (
            "averaged scratch against the best pair",
            "median pair against scratch, both averaged",
        )
    )
    return (
        "Averaging the predictions of all trials of scratch (each of a sample of its own, so of "
        f"more crystals together) reduces its MAE by, in %: {reduced} (± over the single "
        "networks). It is then lower than that of a single network of the best pair by, in %: "
        f"{over_crystals(ours, rivals)}. Where both are averaged, transfer (the median "
        f"pair) is lower by, in %: {over_crystals(ours, both)}. The last two have intervals over "
        "test crystals: there is one average of each."
    )


def over_crystals(ours: Study, found: pd.DataFrame) -> str:
    """Write gains with their intervals over test crystals."""
    return ", ".join(
        f"{code} {percents(*found.loc[code, ['gain', 'crystals_ci95']])}"
        for code in ordered(ours, found.index)
    )
