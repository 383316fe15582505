"""From finished trainings to a bundle."""

import platform
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import sklearn
import torch

from crystal_transfer.arrays import digest
from crystal_transfer.baselines.matminer_features import features_of
from crystal_transfer.bundles import comparison
from crystal_transfer.bundles.bundle import (
    Bundle,
    TrainingSet,
    member_name,
    save_training_set,
    write_description,
)
from crystal_transfer.bundles.card import write_card
from crystal_transfer.bundles.comparison import (
    BLEND,
    CHGNET,
    FOREST,
    KERNEL,
    MEDIAN,
    NETWORK,
    RIDGE,
    Score,
)
from crystal_transfer.bundles.data import write_rejected
from crystal_transfer.bundles.member import training_rows
from crystal_transfer.bundles.paths import SOURCE, TEST, WORK
from crystal_transfer.bundles.plan import CURVE, WHOLE, Part, Plan
from crystal_transfer.bundles.predict import (
    csv_of,
    frozen_features,
    outputs_of,
    predict_bundle,
    seen_by,
)
from crystal_transfer.bundles.report import write_report
from crystal_transfer.bundles.work import Work
from crystal_transfer.datasets.cleaning import Rejected
from crystal_transfer.datasets.crystals import CrystalTable
from crystal_transfer.files import write_csv, write_json, write_text
from crystal_transfer.models.saved import SavedModel, load_model


@dataclass(frozen=True)
class Results:
    """Predictions out of fold, and what they were made from.

    Attributes
    ----------
    predictions
        Model -> predictions out of fold, in physical units, [n_crystals].
    features
        Baseline -> what it sees, [n_crystals, n_features].
    """

    predictions: dict[str, np.ndarray]
    features: dict[str, np.ndarray]


def assemble(
    rejected: Sequence[Rejected],
    folder: Path,
    processes: int = 1,
    test: CrystalTable | None = None,
) -> Bundle:
    """Make a bundle of finished trainings.

    Parameters
    ----------
    rejected
        The rows that were left out, for a file of the bundle.
    folder, processes, test
        As of `finetune`.
    """
    work = Work(folder / WORK)
    table = work.load_table()
    start, source = work.load_start(), work.load_source()
    plan, folds = start.plan, start.folds
    results = _results(work, plan, source, table, folds, processes)
    verdict = comparison.verdict(table.targets, results.predictions, folds)
    blend = comparison.blended(*(results.predictions[n] for n in (NETWORK, verdict.baseline)))
    with_source = verdict.baseline == RIDGE
    for fold in range(plan.folds):
        shutil.copyfile(work.part(Part(fold).name).model, folder / member_name(fold))
    if with_source:
        shutil.copyfile(work.source, folder / SOURCE)
    members = [load_model(folder / member_name(fold)) for fold in range(plan.folds)]
    embedding = outputs_of(members, table, processes=processes).embedding
    bundle = Bundle(
        plan=plan,
        members=members,
        training=TrainingSet(
            ids=table.ids,
            targets=table.targets,
            folds=folds,
            numbers=np.unique(table.numbers),
            network=results.predictions[NETWORK],
            baseline=results.predictions[verdict.baseline],
            embedding=embedding.astype(np.float32),
            features=results.features[verdict.baseline],
        ),
        scores=[
            comparison.score(name, table.targets, predicted, folds)
            for name, predicted in (results.predictions | {BLEND: blend}).items()
        ],
        verdict=verdict,
        source=start.source,
        crystals=start.crystals,
        tested="" if test is None else digest(test),
        source_model=source if with_source else None,
    )
    tested = None if test is None else _tested(bundle, test, processes)
    _write(bundle, table, rejected, results, work, tested)
    return bundle


def _tested(bundle: Bundle, test: CrystalTable, processes: int) -> pd.DataFrame:
    """Predict test crystals, their targets beside them."""
    tested = predict_bundle(bundle, test, processes=processes)
    tested.insert(1, "target", test.targets)
    return tested


def _results(
    work: Work,
    plan: Plan,
    source: SavedModel | None,
    table: CrystalTable,
    folds: np.ndarray,
    processes: int,
) -> Results:
    """Collect the network's predictions out of fold, and make those of the baselines."""
    known: dict[str, float] = {}
    for fold in range(plan.folds):
        known |= work.load_predictions(Part(fold))
    predictions = {NETWORK: np.array([known[id] for id in table.ids.tolist()])}
    composition = features_of(table, processes).values
    features = dict.fromkeys((MEDIAN, FOREST, KERNEL), composition)
    if plan.chgnet:
        features[CHGNET] = seen_by(CHGNET, table, processes)
    if source is not None:
        features[RIDGE] = frozen_features(source, table, processes=processes)
    for name, seen in features.items():
        predictions[name] = comparison.out_of_fold(name, seen, table.targets, folds, plan.seed)
    return Results(predictions, features)


def _write(
    bundle: Bundle,
    table: CrystalTable,
    rejected: Sequence[Rejected],
    results: Results,
    work: Work,
    tested: pd.DataFrame | None,
) -> None:
    """Write all files of a bundle but its weights; `model.json` last."""
    plan, folder = bundle.plan, work.folder.parent
    write_rejected(rejected, folder / "rejected.csv")
    write_json(
        folder / "splits.json",
        {
            f"fold_{fold + 1}": table.ids[bundle.training.folds == fold].tolist()
            for fold in range(plan.folds)
        },
    )
    write_csv(folder / "baselines.csv", Score._fields, bundle.scores)
    write_csv(
        folder / "out_of_fold.csv",
        ["id", "fold", "target", *results.predictions],
        zip(table.ids.tolist(), (bundle.training.folds + 1).tolist(), table.targets.tolist(),
            *(values.tolist() for values in results.predictions.values()), strict=True),
    )  # fmt: skip
    save_training_set(bundle.training, folder)
    if tested is not None:
        write_text(folder / TEST, csv_of(tested))
    curve = learning_curve(bundle, results, work)
    write_report(bundle, curve, _histories(work, plan), tested, len(rejected), folder)
    write_card(bundle, len(rejected), folder)
    versions = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "scikit-learn": sklearn.__version__,
    }
    write_description(bundle, folder, len(rejected), versions)


def learning_curve(bundle: Bundle, results: Results, work: Work) -> pd.DataFrame:
    """Return MAEs on the first fold after training on shares of the others.

    Columns: crystals (number to train on), network, baseline (the best one).
    """
    plan, training = bundle.plan, bundle.training
    held_out = training.folds == 0
    truth, name = training.targets[held_out], bundle.verdict.baseline
    rows = []
    for share in (*CURVE, WHOLE):
        part = Part(0, share)
        inside = training_rows(training.folds, part, plan.seed)
        known = work.load_predictions(part)
        network = np.array([known[id] for id in training.ids[held_out].tolist()])
        seen = results.features[name]
        model = comparison.fitted(name, seen[inside], training.targets[inside], plan.seed)
        rows.append({
            "crystals": len(inside),
            NETWORK: np.abs(network - truth).mean(),
            "baseline": np.abs(model.predict(seen[held_out]) - truth).mean(),
        })  # fmt: skip
    return pd.DataFrame(rows)


def _histories(work: Work, plan: Plan) -> list[pd.DataFrame]:
    """Read loss and error after every epoch, of every member."""
    return [pd.read_csv(work.part(Part(fold).name).history) for fold in range(plan.folds)]
