"""Gather the tables of docs/real-study.md in resources/compact, from what has finished in results/.

    python docs/real_study/collect.py

The study takes longer than one sitting, and its tables stay when results/ is gone: a row is kept
for as long as the config still plans its run, defined as it was. A run that is there replaces it.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from reading import CONFIG, ROOT, TABLES

from crystal_transfer.experiments.config_files import merge, read_config
from crystal_transfer.experiments.study import Study, load_study, with_defaults
from crystal_transfer.figures.drawings import DRAWINGS
from crystal_transfer.figures.inputs import read
from crystal_transfer.figures.leakage import gains
from crystal_transfer.figures.style import Quantity
from crystal_transfer.files import read_json, write_text
from crystal_transfer.results import tables
from crystal_transfer.results.metrics import FEWEST_TRIALS
from crystal_transfer.runs import RESULTS_VERSION, Run, as_plain, description

SWITCHES = ROOT / "results/switches"
FULL = ROOT / "config/full.yaml"  # the published sizes, on two cells
PUBLISHED = ROOT / "config/published.yaml"  # and on the published samples, as the paper trained
MEASURED = ["ensembles", "outliers"]


def study_of(*files: Path) -> Study:
    """Return the study of config files, each laid over those before it."""
    return load_study(with_defaults(merge([read_config(path) for path in files])))


def definition(study: Study, *own: Any) -> str:
    """Return a checksum of all that the config says on a run: its data, its protocol, its own."""
    config = study.config
    common = [config.datasets, config.split, config.imposed, study.protocol,
              sorted(study.tested_datasets)]  # fmt: skip
    text = json.dumps([RESULTS_VERSION, *map(plain, (*common, *own))], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def plain(value: Any) -> Any:
    """Turn a part of the config, or of a run, into plain data."""
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else as_plain(value)


def rows_of_runs(study: Study, runs: Sequence[Run], name: str) -> None:
    """Write a table of the runs that have finished, here or earlier."""
    definitions = {run.id: definition(study, description(run), study.settings(run)) for run in runs}
    write(tables.runs_table(study.metrics(finished(study, runs))), definitions, name)


def finished(study: Study, runs: Sequence[Run]) -> list[Run]:
    """Return the runs that have finished in results/, trained as the config says now."""
    found = []
    for run in (run for run in runs if study.layout.is_done(run.id)):
        trained = read_json(study.files(run).description)
        if trained["run"] == description(run) and trained["settings"] == as_plain(
            study.settings(run)
        ):
            found.append(run)
        else:
            print(f"{run.id}: left out, results/ has it as trained by another config")
    return found


def rows_of_baselines(study: Study, name: str) -> None:
    """Write a table of the baselines of an experiment, trained here or earlier."""
    block = study.config.baselines[name]
    paths = [Path(study.layout.baselines(name, code)) for code in block.datasets]
    done = [path for path in paths if path.exists()]
    found = tables.read_runs(done) if done else tables.runs_table([])
    ids = set(found["id"]) | set(earlier(name)["id"])
    write(found, dict.fromkeys(ids, definition(study, block)), name)


def earlier(name: str) -> pd.DataFrame:
    """Return the rows that are there."""
    path = TABLES / f"{name}_runs.csv"
    if not path.exists():
        return tables.runs_table([]).assign(definition="")
    return tables.read_runs([path])


def write(found: pd.DataFrame, definitions: dict[str, str], name: str) -> None:
    """Write rows over those that are there, sorted, with as many digits as matter."""
    before = earlier(name)
    planned = before["id"].map(definitions)
    stays = ~before["id"].isin(found["id"]) & (before["definition"] == planned)
    gone = before[~before["id"].isin(found["id"]) & ~stays]
    if len(gone):
        print(f"{name}: {len(gone)} rows left out, of runs that are no longer planned so: "
              f"{', '.join(gone['id'])}")  # fmt: skip
    kept = before[stays]
    together = pd.concat([part for part in (found, kept) if len(part)] or [found])
    if len(together):
        together = together.assign(definition=together["id"].map(definitions)).sort_values("id")
        write_text(TABLES / f"{name}_runs.csv", together.to_csv(index=False, float_format="%.7g"))
    print(f"{name}: {len(found)} finished here, {len(kept)} kept")


def rows_of_cells(study: Study, name: str) -> None:
    """Write the numbers behind a figure of predictions, of cells measured here or earlier."""
    done = finished(study, study.figures[name].runs(study.grid))
    files = {kind: [getattr(study.files(run), kind) for run in done]
             for kind in study.figures[name].run_files}  # fmt: skip
    quantities = {code: Quantity(**content) for code, content in study.quantities.items()}
    _, found = DRAWINGS[name](**read(files, list(quantities)), datasets=quantities)
    found = found[found["trials"] >= FEWEST_TRIALS].set_index(tables.CELL)
    path = TABLES / f"{name}.csv"
    before = tables.read_cells(path).set_index(tables.CELL) if path.exists() else found.head(0)
    runs = pd.concat([earlier(experiment) for experiment in study.grid]).drop_duplicates("id")
    definitions = runs.sort_values("id").groupby(tables.CELL)["definition"].agg(" ".join)
    definitions = definitions.map(lambda text: hashlib.sha256(text.encode()).hexdigest()[:16])
    kept = before[~before.index.isin(found.index)]
    if len(kept):
        kept = kept[kept["definition"] == definitions.reindex(kept.index)]
    together = pd.concat([part for part in (found, kept) if len(part)] or [found])
    if len(together):
        together["definition"] = definitions.reindex(together.index)
        text = (
            together.reset_index().sort_values(tables.CELL).to_csv(index=False, float_format="%.7g")
        )
        write_text(path, text)
    print(f"{name}: {len(found)} cells measured here, {len(kept)} kept")


def rows_of_switches() -> None:
    """Write what each switch changes, of switches turned here or earlier, and the leakage."""
    if (found := leakage()) is not None:
        write_text(TABLES / "leakage.csv", found.to_csv(index=False, float_format="%.7g"))
    contrast = SWITCHES / "contrast.csv"
    if not contrast.exists():
        return
    text = f"{RESULTS_VERSION} {read_config(ROOT / 'config/switches.yaml')}"
    definition = hashlib.sha256(text.encode()).hexdigest()[:16]
    found = tables.read_cells(contrast).assign(definition=definition)
    path = TABLES / contrast.name
    before = tables.read_cells(path) if path.exists() else found.head(0)
    kept = before[~before["study"].isin(found["study"]) & (before["definition"] == definition)]
    together = pd.concat([part for part in (found, kept) if len(part)] or [found])
    write_text(path, together.to_csv(index=False, float_format="%.7g"))
    print(f"contrast: {found['study'].nunique()} studies here, {kept['study'].nunique()} kept")


def leakage() -> pd.DataFrame | None:
    """Return the numbers of figure `leakage`, with what networks gain that had not seen them.

    Those of protocol `clean`, on the very test crystals that pre-training has seen with
    `seen_in_test: kept`: gain_control and its half-width. None while either study has not finished.
    """
    kept, clean = (
        load_study(with_defaults(read_config(ROOT / "config/switches.yaml")
                                 | {"protocol": name, "results": str(SWITCHES / name)}))
        for name in ("seen_in_test", "clean")
    )  # fmt: skip
    files = kept.figure_inputs("leakage")
    runs = kept.figures["leakage"].runs(kept.grid)
    control = files | {
        kind: [getattr(clean.files(run), kind) for run in runs]
        for kind in ("metrics", "predictions")
    }
    needed = [path for some in (files, control) for paths in some.values() for path in paths]
    if not all(map(Path.exists, map(Path, needed))):
        return None
    codes = kept.used_datasets
    seen, unseen = (gains(**read(some, codes)).set_index(tables.CELL) for some in (files, control))
    seen["gain_control"], seen["gain_control_ci95"] = unseen["gain_seen"], unseen["gain_seen_ci95"]
    return seen.reset_index()


def collect_sizes(small: Study, full: Study) -> None:
    """Write the same cells of the small network and of the full one, and what they cost."""
    cells = {run.id for run in full.grid["scratch"]}
    rows = []
    for study in (small, full):
        planned = [run for run in study.grid["scratch"] if run.id in cells]
        for run in finished(study, planned):
            found = read_json(study.files(run).metrics)
            seconds = read_json(study.files(run).description)["seconds"]
            size = study.settings(run).sizes.hidden_features
            rows.append([size, run.dataset, run.trial, found["mae"], found["r2"], seconds / 60])
    columns = ["hidden_features", "dataset", "trial", "mae", "r2", "minutes"]
    if len({row[0] for row in rows}) > 1:
        table = pd.DataFrame(rows, columns=columns)
        write_text(TABLES / "sizes.csv", table.to_csv(index=False, float_format="%.7g"))


def main() -> None:
    """Gather all tables."""
    study = study_of(CONFIG)
    for name, runs in study.grid.items():
        rows_of_runs(study, runs, name)
    for name in study.config.baselines:
        rows_of_baselines(study, name)
    published = study_of(PUBLISHED)
    trained = [run for run in published.runs.values() if not run.is_pretraining]
    rows_of_runs(published, trained, "published")
    collect_sizes(study, study_of(CONFIG, FULL))
    for name in MEASURED:
        rows_of_cells(study, name)
    rows_of_switches()


if __name__ == "__main__":
    main()
