"""Gather the tables of docs/real-study.md in resources/compact, from what has finished in results/.

    python docs/real_study/collect.py

The study takes longer than one sitting, and its tables stay when results/ is gone: a row is kept
for as long as the config still plans it, defined as it was. What is there replaces it.
"""

import gzip
import json
import os
from itertools import product
from pathlib import Path

import pandas as pd
import resampling
from keeping import checksum, definition, definitions_of, write
from reading import CONFIG, PUBLISHED_CONFIG, ROOT, SIZE, TABLES, study_of, tested

from crystal_transfer.baselines.run import baseline_id
from crystal_transfer.datasets import crystals, splits
from crystal_transfer.datasets.crystals import tabulate
from crystal_transfer.datasets.overlap import shared_with
from crystal_transfer.experiments.config_files import read_config
from crystal_transfer.experiments.study import Study, load_study, with_defaults
from crystal_transfer.figures.drawings import DRAWINGS
from crystal_transfer.figures.inputs import read
from crystal_transfer.files import read_json
from crystal_transfer.operations.progress import finished
from crystal_transfer.results import tables
from crystal_transfer.results.contrast import contrast
from crystal_transfer.results.leakage import leakage_gains
from crystal_transfer.results.metrics import FEWEST_TRIALS, METRICS
from crystal_transfer.runs import Run, RunKind
from crystal_transfer.training.paths import Inputs
from crystal_transfer.training.tasks import Task, one_property

SWITCHES, SWITCHED = ROOT / "config/switches.yaml", ROOT / "results/switches"
FULL = ROOT / "config/full.yaml"  # the published sizes, on two cells
MEASURED = ["ensembles", "outliers"]
HISTORIES, LAST_EPOCHS = "histories.json.gz", 5  # of the publication, beside its samples


def switched(protocol: str) -> Study:
    """Return the study of config/switches.yaml with one of its protocols."""
    own = {"protocol": protocol, "results": str(SWITCHED / protocol)}
    return load_study(with_defaults(read_config(SWITCHES) | own))


def collect_runs(study: Study, runs: list[Run], name: str) -> None:
    """Write a table of runs."""
    found = tables.runs_table(study.metrics(finished(study, runs)))
    write(found, f"{name}_runs", ["id"], definitions_of(study, runs))


def collect_baselines(study: Study, experiment: str, name: str) -> None:
    """Write a table of the baselines of an experiment."""
    block = study.config.baselines[experiment]
    paths = [Path(study.layout.baselines(experiment, code)) for code in block.datasets]
    done = [path for path in paths if path.exists()]
    found = tables.read_runs(done) if done else tables.runs_table([])
    planned = [
        baseline_id(code, size, model, trial)
        for (code, size), model, trial in product(block.samples, block.models, block.trials)
    ]
    own = definition(study, "baseline")
    found = found[found["id"].isin(planned)]
    write(found, f"{name}_runs", ["id"], pd.Series(own, index=planned, dtype=object))


def collect_pretrainings(study: Study) -> None:
    """Write how many crystals each pre-training has, and how long it took."""
    runs = [run for run in study.runs.values() if run.is_pretraining]
    rows = []
    for run in finished(study, runs):
        trained = read_json(study.files(run).description)
        own = len(trained["sample"]), trained["best_epoch"], trained["seconds"] / 60
        rows.append([run.id, len(run.properties) or 1, *own])
    columns = ["id", "properties", "crystals", "best_epoch", "minutes"]
    found = pd.DataFrame(rows, columns=columns)
    write(found, "pretrainings", ["id"], definitions_of(study, runs))


def collect_cells(study: Study, name: str) -> None:
    """Write the numbers behind a figure of predictions, of cells of enough trials."""
    figure = study.figures[name]
    done = finished(study, figure.runs(study.grid))
    files = {kind: [getattr(study.files(run), kind) for run in done] for kind in figure.run_files}
    _, found = DRAWINGS[name](**read(files, study.used_datasets), datasets=study.quantities)
    runs = tables.read_runs([TABLES / f"{experiment}_runs.csv" for experiment in study.grid])
    known = runs.groupby(tables.CELL)["mae_scaled"].count().rename("known").reset_index()
    found = found.merge(known, on=tables.CELL)
    # of a part of a cell's trials (predictions are lost where results/ is) nothing is kept
    found = found[found["trials"] == found.pop("known")]
    definitions = runs.groupby(tables.CELL)["definition"].agg(lambda own: checksum(sorted(own)))
    write(found[found["trials"] >= FEWEST_TRIALS], name, tables.CELL, definitions)


def collect_sizes(small: Study, full: Study) -> None:
    """Write the same cells of the small network and of the full one, and what they cost."""
    cells = {run.id for run in full.grid["scratch"]}
    rows, definitions = [], {}
    for study in (small, full):
        planned = [run for run in study.grid["scratch"] if run.id in cells]
        features = study.config.model.sizes_of(planned[0].network).hidden_features
        own = definitions_of(study, planned)
        definitions |= {(features, run.dataset, run.trial): own[run.id] for run in planned}
        for run in finished(study, planned):
            found = read_json(study.files(run).metrics)
            minutes = read_json(study.files(run).description)["seconds"] / 60
            measured = [found[name] for name in METRICS]
            rows.append([features, run.dataset, run.trial, *measured, minutes])
    key = ["hidden_features", "dataset", "trial"]
    table = pd.DataFrame(rows, columns=[*key, *METRICS, "minutes"])
    write(table, "sizes", key, pd.Series(definitions))


def collect_switches() -> None:
    """Write what each switch changes, run by run against protocol `clean`."""
    found, definitions = {}, {}
    for protocol in read_config(SWITCHES)["protocols"]:
        study = switched(protocol)
        runs = tested(study)
        definitions[protocol] = checksum(sorted(definitions_of(study, runs)))
        if done := finished(study, runs):
            found[protocol] = tables.runs_table(study.metrics(done))
    clean = found.pop("clean", None)
    if clean is not None and found:
        write(contrast(clean, found), "contrast", ["study"], pd.Series(definitions))


def collect_leakage() -> None:
    """Write the numbers of figure `leakage`, with what networks gain that had not seen them.

    Those of protocol `clean`, on the very test crystals that pre-training has seen with
    `seen_in_test: kept`: mae_control, gain_control and their half-widths.
    """
    kept, clean = switched("seen_in_test"), switched("clean")
    runs = kept.figures["leakage"].runs(kept.grid)
    if any(len(finished(study, runs)) < len(runs) for study in (kept, clean)):
        return
    files = kept.figure_inputs("leakage")
    control = files | {
        kind: [getattr(clean.files(run), kind) for run in runs]
        for kind in ("metrics", "predictions")
    }
    codes = kept.used_datasets
    seen, unseen = (
        leakage_gains(**read(some, codes)).set_index(tables.CELL) for some in (files, control)
    )
    for name in ("mae_{}", "mae_{}_ci95", "gain_{}", "gain_{}_ci95"):
        seen[name.format("control")] = unseen[name.format("seen")]
    own = checksum(*(sorted(definitions_of(study, runs)) for study in (kept, clean)))
    write(seen.reset_index(), "leakage", tables.CELL, pd.Series(own, index=seen.index))


def collect_test_crystals(study: Study) -> None:
    """Write intervals of gains over test crystals drawn anew, where all predictions are there."""
    rows, definitions = [], {}
    for code in study.config.experiments["pairwise"].finetune:
        runs = [
            run
            for name in ("scratch", "pairwise")
            for run in study.grid[name]
            if (run.dataset, run.size) == (code, SIZE)
        ]
        if len(finished(study, runs)) < len(runs):
            continue
        paths = [study.files(run).predictions for run in runs]
        predictions = read({"predictions": paths}, [])["predictions"]
        own: dict[str, list[pd.DataFrame]] = {}
        for run in runs:
            source = run.source.dataset if run.source else ""
            own.setdefault(source, []).append(predictions[run.id])
        each = {source: resampling.errors(trials) for source, trials in own.items()}
        scratch = each.pop("")
        key = checksum(sorted(definitions_of(study, runs)))
        for name, numbers in resampling.gains(scratch, list(each.values())).items():
            rows.append([name, code, len(scratch), *numbers])
            definitions[name, code] = key
    columns = ["compared", "dataset", "n_test", *resampling.COLUMNS]
    found = pd.DataFrame(rows, columns=columns)
    write(found, "test_crystals", ["compared", "dataset"], pd.Series(definitions, dtype=object))


def collect_equals(study: Study) -> None:
    """Count crystals of each dataset: clean, tested on, with an equal among those to draw."""
    rows, definitions = [], {}
    for code in study.tested_datasets:
        files = study.layout.dataset(code)
        if not all(map(os.path.exists, (files.table, files.split))):
            continue
        table, split = crystals.load(files.table), splits.load(files.split)
        test = set(split.test)
        tested_on, pool = (
            tabulate(crystal for crystal in table if (crystal.id in test) == inside)
            for inside in (True, False)
        )
        rows.append([code, len(table), len(tested_on), len(shared_with(tested_on, pool))])
        definitions[code] = definition(study, "equals", code)
    found = pd.DataFrame(rows, columns=["dataset", "crystals", "n_test", "with_equal"])
    write(found, "equals", ["dataset"], pd.Series(definitions, dtype=object))


def collect_seen(study: Study) -> None:
    """Count the test crystals of pairs that have an equal among those of their pre-training.

    Where the data of both datasets are there; the trainings need not be.
    """
    rows, pairs, seen = [], [run for run in tested(study) if run.source], {}
    for run in pairs:
        assert run.source
        own, source = (Inputs(**study.inputs(some)) for some in (run, run.source))
        if not all(Path(str(one.split)).exists() for one in (own, source)):
            continue
        if run.source.id not in seen:
            learned = _task(run.source, source)
            drawn = {*learned.training, *learned.validation}
            others = tabulate(one for one in crystals.load(str(source.table)) if one.id in drawn)
            seen[run.source.id] = shared_with(crystals.load(str(own.table)), others)
        ids = _task(run, own).tests[run.dataset].ids
        known = len(seen[run.source.id].keys() & set(ids))
        rows.append([run.id, run.source.dataset, run.dataset, run.trial, len(ids), known])
    columns = ["id", "source", "dataset", "trial", "n_test", "seen"]
    found = pd.DataFrame(rows, columns=columns)
    write(found, "published_seen", ["id"], definitions_of(study, pairs))


def _task(run: Run, files: Inputs) -> Task:
    """Return what a run of one property learns and is tested on."""
    assert files.table and files.split and files.scaler
    return one_property(run, files.table, files.split, files.scaler, files.excluded)


def collect_validation(study: Study) -> None:
    """Write validation MAEs at the end of training, ours and the published, on the same crystals.

    Means of the last `LAST_EPOCHS` epochs, scaled.
    """
    path = Path(study.config.imposed.samples).parent / HISTORIES
    if not path.exists():
        print(f"validation: {path} is not there, nothing done")
        return
    published = {
        code.upper(): trials
        for code, trials in json.loads(gzip.decompress(path.read_bytes()))["scratch"].items()
    }
    rows, runs = [], [run for run in tested(study) if run.kind is RunKind.SCRATCH]
    for run in finished(study, runs):
        ours = pd.read_csv(study.files(run).history)["validation_mae"]
        theirs = published[run.dataset][str(run.trial)][str(run.size)]["validation_mae"]
        ends = (float(pd.Series(one).tail(LAST_EPOCHS).mean()) for one in (ours, theirs))
        how = run.hyperparameters.max_lr
        rows.append([run.id, run.dataset, run.size, how, run.trial, *ends])
    columns = ["id", "dataset", "size", "max_lr", "trial", "ours", "published"]
    found = pd.DataFrame(rows, columns=columns)
    write(found, "validation", ["id"], definitions_of(study, runs))


def main() -> None:
    """Gather all tables."""
    study, published = study_of(CONFIG), study_of(PUBLISHED_CONFIG)
    for name, runs in study.grid.items():
        collect_runs(study, runs, name)
    for name in study.config.baselines:
        collect_baselines(study, name, name)
    collect_pretrainings(study)
    collect_runs(published, tested(published), "published")
    collect_baselines(published, "baselines", "published_baselines")
    collect_sizes(study, study_of(CONFIG, FULL))
    for name in MEASURED:
        collect_cells(study, name)
    collect_test_crystals(study)
    collect_equals(study)
    collect_validation(published)
    collect_seen(published)
    collect_switches()
    collect_leakage()


if __name__ == "__main__":
    main()
