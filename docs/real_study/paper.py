"""What the page sets beside the paper: its own samples and its claims."""

import pandas as pd
from reading import (
    COMPARED,
    PAIRS,
    PUBLISHED_CONFIG,
    PUBLISHED_RATE,
    RATE,
    SIZE,
    TABLES,
    by_trial,
    cells_of,
    improvements,
    numbers,
    ordered,
    reductions,
    runs_of,
    study_of,
    tested,
    unit,
    whole_runs_of,
)
from words import improvement, named, percents, reduction, value, whole_percent

from crystal_transfer import data
from crystal_transfer.experiments.study import Study
from crystal_transfer.figures.rows import by_dataset
from crystal_transfer.results import claims, publication, select, tables
from crystal_transfer.results.markdown import markdown
from crystal_transfer.results.metrics import FEWEST_TRIALS
from crystal_transfer.results.rates import rate_alone


def published_samples(ours: Study) -> str:
    """Put the full network on the published samples beside the publication."""
    return "\n\n".join(
        [
            finished_cells(ours),
            rate_beside_transfer(ours),
            same_validation_crystals(ours),
            pairs_on_published_samples(ours),
            beside_scratch_on_published_samples(ours),
            beside_the_published(ours),
        ]
    )


def finished_cells(ours: Study) -> str:
    """Say which cells have finished, and which are planned."""
    done = tables.cells(whole_runs_of("published"))
    cells = ", ".join(
        f"{row.source + ' → ' if row.source else ''}{row.dataset} n = {row.size} at "
        f"{row.max_lr:g} ({row.trials} trials)"
        for row in by_dataset(done.sort_values(["size", "max_lr"]), ours.quantities).itertuples()
    )
    planned = {run.id.rpartition("_t")[0] for run in tested(study_of(PUBLISHED_CONFIG))}
    ids = runs_of("published")["id"].str.rsplit("_t", n=1).str[0]
    left = sorted(planned - set(ids[ids.groupby(ids).transform("size") >= FEWEST_TRIALS]))
    rest = f"Planned, and not finished: {', '.join(f'`{cell}`' for cell in left)}." if left else ""
    return f"Finished, of five trials each that are planned: {cells}. {rest}".strip()


def same_validation_crystals(ours: Study) -> str:
    """Compare the end of training with the published histories, on the same crystals."""
    found = numbers("validation")
    cell = found.groupby(["dataset", "size", "max_lr"])
    found = found[cell["trial"].transform("nunique") >= FEWEST_TRIALS]
    names = {PUBLISHED_RATE: f"ours at {PUBLISHED_RATE:g}", RATE: f"ours at {RATE:g}"}
    place = ["dataset", "size", "trial"]
    ours_at = found.pivot_table(index=place, columns="max_lr", values="ours").rename(columns=names)
    table = found.drop_duplicates(place).set_index(place)[["published"]].join(ours_at)
    slow = found[found["max_lr"] == PUBLISHED_RATE]
    apart = 100 * (slow["ours"] / slow["published"] - 1).abs()
    farthest = apart.groupby([slow["dataset"], slow["size"]]).max()
    each = named([
        f"{code} at n = {size} {farthest[code, size]:.0f}"
        for code in ordered(ours, farthest.index.unique("dataset"))
        for size in farthest[code].index
    ])  # fmt: skip
    shown = table.map(lambda mae: value(mae, float("nan"))).reset_index()
    shown = by_dataset(shown, ours.quantities).rename(columns={"size": "n"})
    return (
        "Scaled MAE of scratch on the validation crystals of the published samples, mean of the "
        "last five epochs, beside the published training histories of the same trial:\n\n"
        f"{markdown(shown)}\n\nOurs at {PUBLISHED_RATE:g} and the published one differ, in the "
        f"trial where most, by, in %: {each}."
    )


def gain_of_the_rate() -> pd.DataFrame:
    """Return what the rate of scratch gains and what the published transfer does."""
    return rate_alone(whole_runs_of("published"), publication.published(data.PUBLISHED))


def on_published_samples() -> pd.DataFrame:
    """Return our runs on the published samples, and the baselines of the same trials."""
    networks = whole_runs_of("published")
    sample = ["dataset", "size", "trial"]
    plain = whole_runs_of("published_baselines").merge(networks[sample].drop_duplicates())
    return pd.concat([networks, plain], ignore_index=True)


def beside_scratch_on_published_samples(ours: Study) -> str:
    """Say by how much the best baseline is below scratch at either rate."""
    runs = on_published_samples()
    best = best_baselines_of(runs).droplevel("network")
    return (
        "On the same trials, in %, the best baseline has a scaled MAE that is lower than scratch's "
        f"{_at_either_rate(ours, runs, best)}."
    )


def best_baselines_of(runs: pd.DataFrame) -> pd.DataFrame:
    """Return scaled MAEs of the baseline with the lowest mean, see `scaled_maes`."""
    plain = scaled_maes(runs[runs["kind"] == "baseline"], "network")
    return plain.loc[plain.mean(axis=1).groupby(level=["dataset", "size"]).idxmin()]


def pairs_on_published_samples(ours: Study) -> str:
    """Compare each pair with scratch at either rate and with the best baseline, by all metrics."""
    runs = on_published_samples()
    best = best_baselines_of(runs)
    pairs = runs[runs["kind"] == "finetune"]
    rows = []
    for (code, size, source), own in pairs.groupby(["dataset", "size", "source"]):
        here = runs[(runs["dataset"] == code) & (runs["size"] == size)]
        plain = best.loc[code, size].index.item()
        scratch = here[here["kind"] == "scratch"]
        against = {f"scratch at {rate:g}": found for rate, found in scratch.groupby("max_lr")}
        against[f"best baseline: {plain}"] = here[here["network"] == plain]
        for name, found in against.items():
            better = improvements(by_trial(own), by_trial(found))
            rows.append([f"{source} → {code}", size, name, len(own), *improvement(better)])
    columns = ["pair", "n", "against", "trials", *COMPARED.values()]
    return f"{markdown(pd.DataFrame(rows, columns=columns))}\n\n{seen_in_pretraining(ours)}"


def seen_in_pretraining(ours: Study) -> str:
    """Say how many test crystals of each pair have an equal in its pre-training."""
    found = numbers("published_seen")
    found = found[found["id"].isin(whole_runs_of("published")["id"])]
    share = (100 * found["seen"] / found["n_test"]).groupby([found["source"], found["dataset"]])
    ranges = {
        f"{source} → {code}": dict.fromkeys(map(whole_percent, (trials.min(), trials.max())))
        for (source, code), trials in share
    }
    each = named([f"{pair} {' to '.join(ends)} %" for pair, ends in ranges.items()])
    return (
        "Test crystals with an equal, by pymatgen's `StructureMatcher`, among those that were "
        f"pre-trained on with another label, by trial: {each}."
    )


def _at_either_rate(ours: Study, runs: pd.DataFrame, own: pd.DataFrame) -> str:
    """Say how much lower scaled MAEs are than those of scratch at one rate and the other."""
    lines = []
    for rate, at_rate in runs[runs["kind"] == "scratch"].groupby("max_lr"):
        found = reductions(own, scaled_maes(at_rate, "kind").droplevel("kind"))
        each = ", ".join(
            f"{reduction(found.loc[code, size])} ({code}, n = {size})"
            for size in sorted(found.index.unique("size"))
            for code in ordered(ours, found.xs(size, level="size").index)
        )
        lines.append(f"at {rate:g} by {each}")
    return ", ".join(lines)


def scaled_maes(runs: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return scaled MAEs, a row per dataset, size and `name`, a column per trial."""
    return runs.pivot_table(index=["dataset", "size", name], columns="trial", values="mae_scaled")


def rate_beside_transfer(ours: Study) -> str:
    """Compare what the rate of scratch gains with what the published transfer does."""
    rows = [
        [row.dataset, row.size, f"{row.max_lr:g}", row.trials,
         percents(row.rate_gain, row.rate_gain_ci95),
         percents(row.transfer_median, row.transfer_ci95), f"{row.transfer_best:.0f}"]
        for row in by_dataset(gain_of_the_rate().dropna(), ours.quantities).itertuples()
    ]  # fmt: skip
    columns = ["dataset", "n", "rate", "trials", "scratch at this rate, ours (%)",
               "median pair, published (%)", "best pair, published (%)"]  # fmt: skip
    return markdown(pd.DataFrame(rows, columns=columns))


def beside_the_published(ours: Study) -> str:
    """Put our cells, and baselines on the same samples, beside the published ones."""
    cells = tables.cells(on_published_samples())
    cell = ["source", "source_size", "dataset", "size"]
    theirs = publication.published(data.PUBLISHED).set_index(cell).sort_index()
    rows = []
    cells = cells.sort_values(["size", "kind", "source", "max_lr"])
    for row in by_dataset(cells, ours.quantities).itertuples():
        key = row.source, row.source_size, row.dataset, row.size
        # the published scratch has one rate; at another there is nothing to compare with
        found = theirs.loc[[key]] if key in theirs.index else theirs.head(0)
        found = found[(found["max_lr"] == row.max_lr) & (found["strategy"] == row.strategy)]
        published = ["-", "-", ""] if found.empty else [
            *(value(found.iloc[0][f"{name}_mean"], found.iloc[0][f"{name}_ci95"])
              for name in ("r2", "mae_scaled")),
            publication.short(found.iloc[0]["anomalies"]),
        ]  # fmt: skip
        pair = f"from {row.source}" if row.source else "scratch"
        name = row.network if row.kind == "baseline" else pair
        rows.append([
            row.dataset, row.size, name, f"{row.max_lr:g}" if row.max_lr else "-", row.trials,
            value(row.r2_mean, row.r2_ci95), published[0],
            value(row.mae_scaled_mean, row.mae_scaled_ci95), published[1],
            value(row.mae_mean, row.mae_ci95), value(row.median_ae_mean, row.median_ae_ci95),
            unit(ours, row.dataset), value(row.spearman_mean, row.spearman_ci95), published[2],
        ])  # fmt: skip
    columns = ["dataset", "n", "model", "rate", "trials", "R²", "published R²", "scaled MAE",
               "published scaled MAE", "MAE", "median AE", "unit", "Spearman",
               "known of the published files"]  # fmt: skip
    return markdown(pd.DataFrame(rows, columns=columns))


def same_best_pairs(ours: Study) -> str:
    """Say for how many datasets the best PT dataset is that of the published cells."""
    theirs = publication.published_cells(data.PUBLISHED)
    said = []
    for name, metric, best in (("R²", "r2", "idxmax"), ("scaled MAE", "mae_scaled", "idxmin")):
        own, published = (
            pair_by_dataset(cells, f"{metric}_mean", best) for cells in (cells_of(*PAIRS), theirs)
        )
        same = [
            f"{code} from {own[code]}" for code in ordered(ours, own.index)
            if own[code] == published.get(code)
        ]  # fmt: skip
        said.append(f"{len(same)} of {len(own)} by {name} ({named(same)})")
    chance_alone = len(own) / (len(own) - 1)
    return (
        f"At n = {SIZE} the best PT dataset is that of the published cells for {said[0]} and for "
        f"{said[1]}; by chance {chance_alone:.1f} would be."
    )


def pair_by_dataset(cells: pd.DataFrame, column: str, best: str) -> pd.Series:
    """Return the PT dataset of each FT dataset whose pair is best at `SIZE`."""
    found = select.pairs(cells)
    found = select.capped(found[found["size"] == SIZE]).dropna(subset=column)
    rows = found.groupby("dataset")[column].agg(best)
    return found.loc[rows].set_index("dataset")["source"]


def counted_claims(ours: Study) -> str:
    """Count the paper's claims on its own cells, and on these with scratch at either rate."""
    runs = whole_runs_of(
        *(name for name in ours.compared if (TABLES / f"{name}_runs.csv").exists())
    )
    # claims are made against scratch as usual: scratch at the published rate takes that place
    slow = whole_runs_of("scratch_rates").assign(variation="")
    against_slow = pd.concat([runs[runs["kind"] != "scratch"], slow])
    columns = {
        "published cells": publication.published_cells(data.PUBLISHED),
        f"here, scratch at {PUBLISHED_RATE:g}": tables.comparable_cells(against_slow),
        f"here, scratch at {RATE:g}": tables.comparable_cells(runs),
    }
    table = claims.side_by_side(columns)
    untested = (table[list(columns)[1:]] == claims.MISSING).all(axis=1)
    listed = "; ".join(table["claim"][untested])
    shown = markdown(table.loc[~untested, ["claim", "stated", *columns]])
    untested_here = f"Not tested here, for want of sizes and strategies: {listed}."
    return "\n\n".join([shown, same_best_pairs(ours), untested_here])
