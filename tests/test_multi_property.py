"""Several properties at once: merged datasets, the masked loss, and that no label leaks."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import real_table, saved
from pymatgen.analysis.structure_matcher import StructureMatcher
from runs import HOW, SETTINGS, outputs, prepare, weights_of

from crystal_transfer.datasets import labels, scaling, splits
from crystal_transfer.datasets.crystals import CrystalTable, tabulate
from crystal_transfer.datasets.cumulative import accumulate
from crystal_transfer.datasets.fingerprints import TOLERANCE, fingerprint, formula, group
from crystal_transfer.datasets.labels import ABSENT, LEARNED, TESTED, TESTED_ALONE, shared
from crystal_transfer.datasets.overlap import structure
from crystal_transfer.errors import InputError
from crystal_transfer.graphs.build import build
from crystal_transfer.models.heads import PropertyHeads
from crystal_transfer.protocols import AbsentLabels, TestLabels
from crystal_transfer.runs import Run, RunKind
from crystal_transfer.training import tasks
from crystal_transfer.training.criterion import TERMS, Criterion
from crystal_transfer.training.paths import Inputs
from crystal_transfer.training.run import train

MULTI = Run(RunKind.MULTIPRETRAIN, "MPT-all", 0, 1, replace(HOW, loss="l1"), properties=("A", "B"))


def test_a_code_that_pytorch_uses_itself_is_refused():
    with pytest.raises(InputError, match="type: PyTorch has this name itself"):
        PropertyHeads(8, ["GV", "type"])


def disguised(crystal, scale=1.0, repeat=2):
    """The same crystal in a larger, rotated, shifted cell of another lattice constant."""
    other = structure(crystal)
    other.make_supercell([repeat, 1, 1])
    other.scale_lattice(other.volume * scale**3)
    turn = np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]])
    return crystal._replace(
        numbers=np.array([site.specie.Z for site in other], dtype=np.uint8),
        lattice=other.lattice.matrix @ turn,
        coordinates=(other.frac_coords + 0.123) % 1,
        cartesian=False,
    )


def test_a_fingerprint_is_of_the_crystal_not_of_its_cell(alloys):
    for crystal in alloys:
        other = disguised(crystal, scale=1.01)
        assert formula(other) == formula(crystal)
        assert np.abs(fingerprint(other)[1:] - fingerprint(crystal)[1:]).max() < TOLERANCE / 4


def test_groups_are_those_of_the_structure_matcher():
    table, other = real_table("ph"), real_table("gv")
    numbers, others = group([table, other])
    assert len(set(numbers.tolist())) == len(table)  # rows of one dataset stay apart
    matcher = StructureMatcher()
    by_formula: dict = {}
    for index, crystal in enumerate(other):
        by_formula.setdefault(formula(crystal), []).append(index)
    agreed = differed = 0
    for index in range(0, len(table), 4):
        for candidate in by_formula.get(formula(table[index]), []):
            same = matcher.fit(structure(table[index]), structure(other[candidate]))
            agreed += same == (numbers[index] == others[candidate])
            differed += same != (numbers[index] == others[candidate])
    assert agreed > 50
    assert differed <= 0.05 * agreed


@pytest.fixture
def two(alloys) -> dict[str, CrystalTable]:
    """Two datasets of 30 crystals that share 20, in other cells and under other names."""
    rows = list(alloys)
    second = [disguised(row, 1.005)._replace(id=f"b{i}", target=10.0 + i)
              for i, row in enumerate(rows[10:])]  # fmt: skip
    return {"A": tabulate(rows[:30]), "B": tabulate(second)}


def merged(two, excluded=None):
    split = {code: splits.split(code, table.ids.tolist(), 0.2, 0) for code, table in two.items()}
    scalers = {code: scaling.fit(table.targets, code) for code, table in two.items()}
    return *accumulate(two, split, scalers, excluded or {}), split


def test_one_row_per_distinct_crystal(two):
    crystals, known, split = merged(two)
    assert len(crystals) == 40
    assert shared(known).tolist() == [[30, 20], [20, 30]]
    assert crystals.ids.tolist()[:30] == [f"A-{id}" for id in two["A"].ids]
    assert np.isnan(crystals.targets).all()
    row = crystals.ids.tolist().index(f"A-{two['A'].ids[10]}")
    assert known.values[row].tolist() == [two["A"].targets[10], 10.0]
    for column, code in enumerate("AB"):
        assert (known.use[:, column] == TESTED).sum() == len(split[code].test)
        assert (known.use[:, column] == LEARNED).sum() == len(split[code].pool)


def test_excluded_crystals_are_not_learned(two):
    _, known, split = merged(two, {"A": split_pool(two)[:7]})
    learned = known.ids[known.use[:, 0] == LEARNED].tolist()
    pool = [f"A-{id}" for id in split["A"].pool[7:]]
    assert set(learned) == set(pool) - rows_tested_by(known, "B")
    left_out = (known.use[:, 0] == ABSENT) & np.isfinite(known.values[:, 0])
    assert left_out.sum() == len(split["A"].pool) - len(learned)


def rows_tested_by(known, code: str) -> set[str]:
    """Return the rows that a dataset tests on."""
    use = known.use[:, known.properties.index(code)]
    return set(known.ids[np.isin(use, (TESTED, TESTED_ALONE))].tolist())


def test_a_row_that_one_dataset_tests_on_is_learned_for_none(two):
    """Also where exclusion, which tells equal crystals by other means, has missed it."""
    _, known, split = merged(two, {"A": [split_pool(two)[0]], "B": []})
    tested = np.isin(known.use, (TESTED, TESTED_ALONE))
    assert tested.any(axis=1).sum() > len(split["A"].test)
    assert not (known.use[tested.any(axis=1)] == LEARNED).any()
    twice = tested.all(axis=1)
    assert (known.use[twice] == TESTED_ALONE).all()


def test_labels_that_others_test_on_are_learned_under_no_protocol(two, tmp_path):
    own = splits.split("A", two["A"].ids.tolist(), 0.2, 0)
    _, known, _ = merged(two, {"A": [*own.test[:2], *own.pool[:3]]})
    labels.save(known, tmp_path / "labels.npz")
    kept = tasks.several_properties(MULTI, str(tmp_path / "labels.npz"), 0, TestLabels.KEPT)
    excluded = {f"A-{id}" for id in (*own.test[:2], *own.pool[:3])}
    learned = {id for id, row in kept.targets.items() if np.isfinite(row[0])}
    others = rows_tested_by(known, "B")
    assert learned == {f"A-{id}" for id in two["A"].ids} - excluded - others
    # and it is tested on those of its test set that it has not learned
    own_test = {f"A-{id}" for id in own.test}
    assert set(kept.tests["A"].ids) == own_test & (excluded | others)
    assert set(kept.tests["B"].ids) == others & own_test


def split_pool(two) -> list[str]:
    return splits.split("A", two["A"].ids.tolist(), 0.2, 0).pool


def test_labels_survive_a_file(two, tmp_path):
    _, known, _ = merged(two)
    labels.save(known, tmp_path / "labels.npz")
    again = labels.load(tmp_path / "labels.npz")
    assert again.properties == known.properties
    assert again.scalers == known.scalers
    for name in ("ids", "use"):
        assert (getattr(again, name) == getattr(known, name)).all()
    np.testing.assert_array_equal(again.values, known.values)


def written(two, folder: Path) -> Inputs:
    crystals, known, _ = merged(two)
    labels.save(known, folder / "labels.npz")
    build(saved(crystals, folder), folder / "graphs", "shell", True)
    return Inputs(graphs=str(folder / "graphs"), labels=str(folder / "labels.npz"))


def test_no_label_of_the_target_or_of_a_test_set_is_learned(two, tmp_path):
    inputs = written(two, tmp_path)
    known = labels.load(inputs.labels)
    alone = tasks.several_properties(
        replace(MULTI, properties=("A",)), inputs.labels, 0, TestLabels.WITHHELD
    )
    targets = {id: row for id, row in alone.targets.items()}
    assert all(row.shape == (1,) for row in targets.values())
    assert len(targets) == (known.use[:, 0] == LEARNED).sum()
    # labels of B may be anything: nothing that is learned changes
    scrambled = replace(known, values=known.values * [1.0, -7.0] + [0.0, 3.0])
    labels.save(scrambled, tmp_path / "scrambled.npz")
    again = tasks.several_properties(
        replace(MULTI, properties=("A",)),
        str(tmp_path / "scrambled.npz"),
        0,
        TestLabels.WITHHELD,
    )
    assert again.training == alone.training
    assert all((again.targets[id] == row).all() for id, row in targets.items())
    both = tasks.several_properties(MULTI, inputs.labels, 0, TestLabels.WITHHELD)
    for column, test in enumerate(both.tests.values()):
        learned = {id for id, row in both.targets.items() if np.isfinite(row[column])}
        assert len(test.ids) == 6
        assert not learned & set(test.ids)


def test_a_target_in_its_own_pretraining_is_refused(alloys, tmp_path):
    inputs = prepare(alloys, tmp_path / "data")
    origin = replace(MULTI, properties=("X", "B"))
    run = Run(RunKind.FINETUNE, "X", 20, 1, HOW, source=origin, strategy="mpt_new_head")
    with pytest.raises(InputError, match="X is among the properties of its pre-training"):
        train(run, inputs, outputs(tmp_path / "run"), SETTINGS)


@pytest.mark.parametrize("loss", TERMS)
def test_the_masked_loss_is_the_sum_over_existing_labels(loss):
    generator = torch.Generator().manual_seed(1)
    prediction = torch.randn(9, 3, generator=generator, requires_grad=True)
    target = torch.randn(9, 3, generator=generator)
    target[torch.rand(9, 3, generator=generator) < 0.5] = torch.nan
    value = Criterion(TERMS[loss], AbsentLabels.LEFT_OUT)(prediction, target)
    value.backward()
    terms = {
        "l1": lambda p, y: abs(p - y),
        "mse": lambda p, y: (p - y) ** 2,
    }
    errors = [
        terms[loss](float(prediction.detach()[i, p]), float(target[i, p]))
        for i in range(9)
        for p in range(3)
        if not torch.isnan(target[i, p])
    ]
    assert float(value.detach()) == pytest.approx(sum(errors) / len(errors), rel=1e-6)
    assert torch.isfinite(prediction.grad).all()
    assert (prediction.grad[torch.isnan(target)] == 0).all()


def test_pretraining_on_two_properties_and_fine_tuning(two, alloys, tmp_path):
    inputs, first = written(two, tmp_path), outputs(tmp_path / "multi")
    train(MULTI, inputs, first, SETTINGS)
    metrics = json.loads(Path(first.metrics).read_text())
    predictions = pd.read_csv(first.predictions)
    history = pd.read_csv(first.history)
    assert set(metrics["properties"]) == {"A", "B"}
    assert predictions.groupby("property").size().to_dict() == {"A": 6, "B": 6}
    for code in "AB":
        own = predictions[predictions["property"] == code]
        mae = (own["target"] - own["prediction"]).abs().mean()
        assert metrics["properties"][code]["mae"] == pytest.approx(mae)
        assert history[f"validation_mae_{code}"].notna().all()
    assert {name.split(".")[2] for name in weights_of(first) if name.startswith("fc.")} == {
        "A",
        "B",
    }

    second = outputs(tmp_path / "tuned")
    still = replace(HOW, epochs=1, max_lr=1e-12)
    run = Run(RunKind.FINETUNE, "X", 20, 1, still, source=MULTI, strategy="mpt_new_head")
    data = replace(prepare(alloys, tmp_path / "data"), weights=first.model)
    train(run, data, second, SETTINGS)
    before, after = weights_of(first), weights_of(second)
    assert [name for name in after if name.startswith("fc.")] == [
        "fc.1.bias", "fc.1.weight", "fc.3.bias", "fc.3.weight", "fc.5.bias", "fc.5.weight"
    ]  # fmt: skip
    for name, value in before.items():
        if not name.startswith("fc.") and "running" not in name and "num_" not in name:
            torch.testing.assert_close(after[name], value, rtol=0, atol=1e-9)
