"""What a model for one's own crystals is worth: on real data, beside scratch and baselines.

    python benchmarks/own_crystals.py --data ../shared/data/real --trials 3
    python benchmarks/own_crystals.py --tables  # of docs/own-crystals.md, from the csv

A sample of n crystals is drawn from a dataset and fine-tuned to as `crystal-transfer finetune`
does, from a network that has not seen the property, and from scratch; the model predicts crystals
outside of the sample. Rows that the table has already are left out, so that it goes on where it
stopped.
"""

import argparse
import csv
import math
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from crystal_transfer.baselines.matminer_features import features_of
from crystal_transfer.baselines.models import fit_baseline
from crystal_transfer.bundles.comparison import BLEND
from crystal_transfer.bundles.data import Crystals, read_labelled, without_known
from crystal_transfer.bundles.finetune import finetune
from crystal_transfer.bundles.names import SCRATCH
from crystal_transfer.bundles.plan import Options
from crystal_transfer.bundles.predict import frozen_features, predict_bundle
from crystal_transfer.bundles.sources import find_source
from crystal_transfer.datasets.crystals import CrystalTable, tabulate
from crystal_transfer.results.markdown import markdown

TESTED = 300  # crystals at most
UNITS = {
    "jarvis2d": "eV", "ph": "1/cm", "dc": "1", "gv": "log10(GPa)", "ebg": "eV",
    "pz": "C/m²", "bg": "eV", "fe": "eV/atom",
}  # fmt: skip
SMALL = 200
LARGEST = {"jarvis2d": 800, "ph": 800, "dc": 760, "gv": 800, "ebg": 800}
BASELINES = ("median", "forest", "kernel", "ridge")
LEFT_OUT = "results/compact/runs/multipretrain_MPT-no-{}/model.safetensors"


class Case(NamedTuple):
    """A sample of a dataset, and what is fine-tuned from."""

    dataset: str
    n: int
    trial: int
    start: str  # transfer or scratch


def cases(trials: int) -> Iterator[Case]:
    """Yield all cases, the first trial of all of them first."""
    for trial in range(1, trials + 1):
        for sizes in (dict.fromkeys(UNITS, SMALL), LARGEST):
            for dataset, n in sizes.items():
                for start in ("transfer", "scratch"):
                    yield Case(dataset, n, trial, start)


def source_of(dataset: str) -> str:
    """Name what has not seen a dataset's property: the shipped weights have not seen JARVIS2D."""
    return "seven-properties" if dataset == "jarvis2d" else LEFT_OUT.format(dataset.upper())


def divided(table: CrystalTable, case: Case) -> tuple[CrystalTable, CrystalTable]:
    """Draw the sample of a trial, and to test on crystals that match none of it."""
    order = np.random.default_rng(1000 * case.trial).permutation(len(table))
    inside, outside = order[: case.n], order[case.n : case.n + TESTED]
    sample, test = (tabulate(table[row] for row in rows) for rows in (inside, outside))
    return sample, without_known(Crystals(test, []), sample).table


def measured(case: Case, data: Path, processes: int, epochs: int) -> dict[str, Any]:
    """Make a model and test it."""
    table = read_labelled(data / f"{case.dataset}.json.gz").table
    sample, test = divided(table, case)
    source = source_of(case.dataset)
    options = Options(
        case.dataset, UNITS[case.dataset], source if case.start == "transfer" else SCRATCH,
        epochs=epochs,
    )  # fmt: skip
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        bundle = finetune(Crystals(sample, []), options, Path(folder) / "m", processes, test)
        seconds = time.monotonic() - start
        tested = pd.read_csv(Path(folder) / "m/test.csv")
    blend = predict_bundle(bundle, test, processes=processes, model=BLEND)["prediction"]
    error = (tested["prediction"] - tested["target"]).abs()
    within = (tested["lower"] <= tested["target"]) & (tested["target"] <= tested["upper"])
    known = tested["in_domain"]
    return {
        **case._asdict(),
        "tested": len(test),
        "mae": error.mean(),
        "mae_blend": np.abs(blend - test.targets).mean(),
        "best": bundle.best,
        **baselines(sample, test, source, processes),
        "covered": within.mean(),
        "width": (tested["upper"] - tested["lower"]).mean(),
        "in_domain": known.mean(),
        "mae_in_domain": error[known].mean(),
        "mae_outside": error[~known].mean(),
        "mae_out_of_fold": bundle.scores[0].mae,
        "epochs": bundle.plan.how.epochs,
        "seconds": round(seconds),
    }


def baselines(
    sample: CrystalTable, test: CrystalTable, source: str, processes: int
) -> dict[str, float]:
    """Return the MAE on the test crystals of each baseline, fitted to the whole sample."""
    model = find_source(source).model
    assert model is not None
    composition = [features_of(table, processes).values for table in (sample, test)]
    frozen = [frozen_features(model, table, processes=processes) for table in (sample, test)]
    seen = dict.fromkeys(BASELINES, composition) | {"ridge": frozen}
    return {
        f"mae_{name}": float(
            np.abs(
                fit_baseline(name, inside, sample.targets).predict(outside) - test.targets
            ).mean()
        )
        for name, (inside, outside) in seen.items()
    }


def spread(values: pd.Series) -> str:
    """Write the mean of trials to three digits, and their standard deviation if there are some."""
    decimals = max(0, 2 - math.floor(math.log10(values.mean())))
    if len(values) == 1:
        return f"{values.mean():.{decimals}f}"
    return f"{values.mean():.{decimals}f} ± {values.std():.{decimals}f}"


def gain(ours: pd.Series, theirs: pd.Series) -> str:
    """Write by how much an error is lower, trial by trial, with the standard error of the mean.

    The standard error is left out where there is one trial.
    """
    percent = 100 * (1 - ours / theirs)
    if len(percent) == 1:
        return f"{percent.mean():.0f} %"
    return f"{percent.mean():.0f} ± {percent.sem():.0f} %"


def tables(path: Path) -> str:
    """Write the tables of the documentation: errors, then intervals and domain."""
    errors = ["dataset, n", "unit", "trials", *BASELINES[:3], "ridge on source", "scratch",
              "**transfer**", "transfer and best baseline", "less than scratch",
              "less than best baseline"]  # fmt: skip
    holds = ["dataset, n", "within 90 %: transfer", "within 90 %: scratch", "mean width",
             "in the domain", "MAE within", "MAE outside"]  # fmt: skip
    first, second = [], []
    for (code, n), rows in pd.read_csv(path).groupby(["dataset", "n"], sort=False):
        both = rows.pivot(index="trial", columns="start").dropna()
        mae, unit = both["mae"], UNITS[code]
        without = [both[f"mae_{baseline}"]["transfer"] for baseline in BASELINES]
        best = min(without, key=pd.Series.mean)
        name = f"{code.upper()}, {n}"
        first.append(
            [name, unit, len(both), *map(spread, without), spread(mae["scratch"]),
             f"**{spread(mae['transfer'])}**", spread(both["mae_blend"]["transfer"]),
             gain(mae["transfer"], mae["scratch"]), gain(mae["transfer"], best)]
        )  # fmt: skip
        ours = both.xs("transfer", axis=1, level="start")
        percent = [
            ", ".join(f"{100 * value:.0f}" for value in both["covered"][start])
            for start in ("transfer", "scratch")
        ]
        second.append(
            [name, *percent, f"{spread(ours['width'])} {unit}".removesuffix(" 1"),
             f"{100 * ours['in_domain'].mean():.0f} %", spread(ours["mae_in_domain"]),
             spread(ours["mae_outside"])]
        )  # fmt: skip
    return "\n\n".join(
        markdown(pd.DataFrame(rows, columns=columns))
        for columns, rows in ((errors, first), (holds, second))
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/real"))
    parser.add_argument("--out", type=Path, default=Path("docs/own-crystals.csv"))
    parser.add_argument("--trials", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=0, help="0: as the command chooses")
    parser.add_argument("--only", nargs="*", help="datasets")
    parser.add_argument("--tables", action="store_true", help="write tables of what is measured")
    options = parser.parse_args()
    if options.tables:
        print(tables(options.out))
        return
    done = set()
    if options.out.exists():
        known = pd.read_csv(options.out)
        done = set(map(tuple, known[list(Case._fields)].itertuples(index=False)))
    for case in cases(options.trials):
        if tuple(case) in done or (options.only and case.dataset not in options.only):
            continue
        row = measured(case, options.data, options.processes, options.epochs)
        print(row, flush=True)
        new = not options.out.exists()
        with options.out.open("a", newline="") as handle:
            writer = csv.DictWriter(handle, row)
            if new:
                writer.writeheader()
            writer.writerow(row)


if __name__ == "__main__":
    main()
