"""Errors of the baselines on real crystals, on published samples and in cross-validation.

    python benchmarks/baselines.py --data ../shared/data/real --samples ../shared/reference

Each trial is tested on all crystals outside its sample. The table printed is that of
docs/baselines.md; it goes to a CSV file too with `--out`. `mae_scaled_rest` leaves the crystal with
the dataset's largest target out of the tests.
"""

import argparse
import csv
import gzip
import json
import time
from pathlib import Path

import numpy as np
from scipy.stats import t
from sklearn.model_selection import KFold

from crystal_transfer.baselines.chgnet_features import chgnet_features_of
from crystal_transfer.baselines.features import Features, joined
from crystal_transfer.baselines.matminer_features import features_of
from crystal_transfer.baselines.run import evaluate
from crystal_transfer.datasets.cleaning import clean
from crystal_transfer.datasets.crystals import CrystalTable
from crystal_transfer.datasets.scaling import Scaler, fit
from crystal_transfer.datasets.sources.file import read_file
from crystal_transfer.errors import InputError
from crystal_transfer.files import write_csv

COLUMNS = (
    "dataset", "size", "features", "baseline", "trials",
    "mae", "mae_95", "mae_scaled", "mae_scaled_95", "mae_scaled_rest", "mae_scaled_rest_95",
    "r2", "r2_95", "seconds",
)  # fmt: skip

# a forest on CHGNet's features is behind the kernel method and takes minutes
MEASURED = {
    "Magpie": ("median", "forest", "kernel"),
    "CHGNet": ("kernel", "ridge"),
    "both": ("kernel", "ridge"),
}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of CODE.json.gz")
    parser.add_argument(
        "--samples", type=Path, required=True, help="folder of trials.json.gz, target_ranges.csv"
    )
    parser.add_argument("--datasets", nargs="+", default=["ph", "dc", "ebg", "pz", "jarvis2d"])
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 100, 200, 800])
    parser.add_argument("--folds", default="ph", help="dataset to cross-validate, '' for none")
    parser.add_argument("--processes", type=int, default=1, help="for the features")
    parser.add_argument("--jobs", type=int, default=1, help="threads of a baseline")
    parser.add_argument("--out", type=Path, help="CSV file of the table")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    with gzip.open(options.samples / "trials.json.gz") as handle:
        published = json.load(handle)
    rows = []
    for code in options.datasets:
        table = clean(read_file(options.data / f"{code}.json.gz"))[0]
        kinds = kinds_of_features(code, table, options.processes)
        scaler = scaler_of(code, table, options.samples / "target_ranges.csv")
        cells = {
            size: [(s[str(size)], None) for s in published.get(code, {}).values() if str(size) in s]
            for size in options.sizes
        }
        if code not in published or code == options.folds:
            cells["5-fold"] = folds(table)
        for size, trials in cells.items():
            for kind, features in kinds.items():
                for name in MEASURED[kind] if trials else ():
                    found = [
                        tested(code, table, features, scaler, name, sample, test, trial, options)
                        for trial, (sample, test) in enumerate(trials)
                    ]
                    rows.append((code, size, kind, name, len(found), *summary(found)))
                    print(*rows[-1], sep="  ", flush=True)
    if options.out:
        write_csv(options.out, COLUMNS, rows)


def kinds_of_features(code: str, table: CrystalTable, processes: int) -> dict[str, Features]:
    """Compute all kinds of features that can be had here."""
    started = time.perf_counter()
    kinds = {"Magpie": features_of(table, processes)}
    report(code, "Magpie", len(table), started)
    started = time.perf_counter()
    try:
        kinds["CHGNet"] = chgnet_features_of(table)
    except InputError as error:
        print(error)
        return kinds
    report(code, "CHGNet", len(table), started)
    return kinds | {"both": joined(kinds["Magpie"], kinds["CHGNet"])}


def report(code: str, kind: str, n: int, started: float) -> None:
    seconds = time.perf_counter() - started
    print(f"{code}: {kind} features, {n} crystals, {1000 * seconds / n:.1f} s per 1,000")


def scaler_of(code: str, table: CrystalTable, ranges: Path) -> Scaler:
    """Read the published range of the targets."""
    with ranges.open() as handle:
        found = {row["dataset"].lower(): row for row in csv.DictReader(handle)}
    if code not in found:
        return fit(table.targets, code)
    return Scaler(float(found[code]["raw_min"]), float(found[code]["raw_max"]))


def folds(table: CrystalTable) -> list[tuple[list[str], list[str]]]:
    divided = KFold(5, shuffle=True, random_state=0).split(table.ids)
    return [(table.ids[inside].tolist(), table.ids[out].tolist()) for inside, out in divided]


def tested(code, table, features, scaler, name, sample, test, seed, options) -> dict:
    """Evaluate a baseline on one sample; without a test set, on all other crystals."""
    sample = [str(id) for id in sample]
    drawn = set(sample)
    test = test or [id for id in table.ids.tolist() if id not in drawn]
    started = time.perf_counter()
    found, predictions = evaluate(
        code, table, features, sample, test, scaler, name, seed=seed, n_jobs=options.jobs
    )
    seconds = time.perf_counter() - started
    largest = table.ids[table.targets.argmax()]
    errors = [abs(p.prediction_scaled - p.target_scaled) for p in predictions if p.id != largest]
    return found | {"mae_scaled_rest": np.mean(errors), "seconds": seconds}


def summary(found: list[dict]) -> list[float]:
    """Average over trials, each metric with the half width of its 95 % t-interval."""
    columns = []
    for key, digits in (("mae", 4), ("mae_scaled", 4), ("mae_scaled_rest", 4), ("r2", 3)):
        values = np.array([metrics[key] for metrics in found])
        half = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
        columns += [round(float(values.mean()), digits), round(float(half), digits)]
    return [*columns, round(float(np.mean([metrics["seconds"] for metrics in found])), 2)]


if __name__ == "__main__":
    main()
