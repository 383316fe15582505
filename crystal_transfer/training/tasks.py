"""What a run learns: the targets of which crystals, and on which of them it is tested."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from crystal_transfer.datasets import crystals, labels, scaling, splits
from crystal_transfer.datasets.sampling import shuffled
from crystal_transfer.datasets.scaling import Scaler
from crystal_transfer.files import read_sealed_json
from crystal_transfer.protocols import TestLabels
from crystal_transfer.runs import Run, RunKind


class TestSet(NamedTuple):
    """Crystals to test a property on, their scaled targets [n_crystals], and its range."""

    ids: list[str]
    targets: np.ndarray
    scaler: Scaler


@dataclass(frozen=True)
class Task:
    """What is learned, and what it is tested on.

    Attributes
    ----------
    training, validation
        The two parts of the sample.
    targets
        Id -> scaled targets of a crystal that may be learned, [n_properties]; NaN where there
        is none.
    tests
        Property -> its test set, in the order of the targets.
    """

    training: list[str]
    validation: list[str]
    targets: Mapping[str, np.ndarray]
    tests: dict[str, TestSet]


def one_property(
    run: Run,
    table: str,
    split: str,
    scaler: str,
    excluded: str | None,
) -> Task:
    """Draw the sample of a run that learns one property.

    Parameters
    ----------
    run
        Any run but a multipretrain.
    table, split, scaler
        Files of its dataset.
    excluded
        JSON list of crystals that a pre-training must not draw, or None.
    """
    content, scale = crystals.load(table), scaling.load(scaler)
    ids = content.ids.tolist()
    physical = dict(zip(ids, content.targets.tolist(), strict=True))
    scaled = dict(zip(ids, scale.scale(content.targets)[:, None], strict=True))
    parts = splits.load(split)
    if run.kind is RunKind.PRETRAIN:
        without = read_sealed_json(excluded) if excluded else []
        # a PT size may be larger than the pool: then all of it is drawn
        size = min(run.size, len(set(parts.pool) - set(without)))
        sample = splits.draw(parts, size, run.trial, without)
    else:
        sample = splits.sample_of(parts, run.size, run.trial, run.sampling, physical)
    training, validation = splits.train_and_validation(sample)
    tested = splits.tested(parts, sample)
    truth = np.array([scaled[id][0] for id in tested])
    return Task(training, validation, scaled, {run.dataset: TestSet(tested, truth, scale)})


def several_properties(run: Run, labels_path: str, seed: int, test_labels: TestLabels) -> Task:
    """Take all crystals that have a label of one of the run's properties.

    Labels of crystals that a dataset tests on are learned only if the protocol keeps them, and it
    is tested on those alone that are not learned.

    Parameters
    ----------
    run
        A multipretrain.
    labels_path
        See `datasets.labels`.
    seed
        Seed of the study.
    test_labels
        Whether labels of the properties' own test crystals are learned.
    """
    everything = labels.load(labels_path)
    columns = [everything.properties.index(code) for code in run.properties]
    values, use = everything.values[:, columns], everything.use[:, columns]
    scalers = [everything.scalers[column] for column in columns]
    scaled = np.stack([s.scale(column) for s, column in zip(scalers, values.T, strict=True)], 1)
    wanted = use == labels.LEARNED
    if test_labels is TestLabels.KEPT:
        wanted |= use == labels.TESTED
    learned = np.where(wanted, scaled, np.nan)
    known = np.isfinite(learned).any(axis=1)
    targets = dict(zip(everything.ids[known].tolist(), learned[known], strict=True))
    sample = shuffled(list(targets), (seed, run.dataset, run.trial))
    training, validation = splits.train_and_validation(sample)
    tests = {}
    for place, code in enumerate(run.properties):
        own = use[:, place]
        tested = ((own == labels.TESTED) | (own == labels.TESTED_ALONE)) & ~wanted[:, place]
        ids = everything.ids[tested].tolist()
        tests[code] = TestSet(ids, scaled[tested, place], scalers[place])
    return Task(training, validation, targets, tests)
