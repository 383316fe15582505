"""Models without a graph network: their features, their fits, their test."""

import sys
from dataclasses import astuple
from functools import cache

import numpy as np
import pytest
from conftest import real_table
from hypothesis import given, settings
from hypothesis import strategies as st
from matminer.featurizers.composition import ElementProperty, Stoichiometry, ValenceOrbital
from matminer.featurizers.structure import DensityFeatures, GlobalSymmetryFeatures
from pymatgen.core import Structure

from crystal_transfer.baselines import features as feature_table
from crystal_transfer.baselines import matminer_features
from crystal_transfer.baselines.chgnet_features import chgnet_features_of
from crystal_transfer.baselines.features import Features, joined
from crystal_transfer.baselines.matminer_features import features_of
from crystal_transfer.baselines.models import BASELINES, fit_baseline
from crystal_transfer.baselines.run import Prediction, evaluate
from crystal_transfer.datasets.crystals import Crystal, CrystalTable, tabulate
from crystal_transfer.datasets.scaling import fit
from crystal_transfer.errors import InputError
from crystal_transfer.files import sealed_when_whole
from crystal_transfer.species import SYMBOLS
from crystal_transfer.training.testing import COLUMNS

NAMES = list(BASELINES)


def rock_salt(id: str, first: int, second: int, length: float = 5.0) -> Crystal:
    lattice = length / 2 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]])
    coordinates = np.array([[0, 0, 0], [0.5, 0.5, 0.5]])
    return Crystal(id, 0.0, np.array([first, second]), lattice, coordinates, False)


@pytest.fixture(scope="module")
def all_elements() -> CrystalTable:
    """Every element that a model can see, as oxide."""
    return tabulate(rock_salt(SYMBOLS[z], z, 8) for z in range(1, len(SYMBOLS)))


@pytest.fixture(scope="module")
def alloy_features(alloys) -> Features:
    return features_of(alloys)


@cache
def featurizers() -> tuple[list, list]:
    """Return matminer's own, of compositions and of structures."""
    symmetry = ["spacegroup_num", "crystal_system_int", "is_centrosymmetric", "n_symmetry_ops"]
    magpie = ElementProperty.from_preset("magpie", impute_nan=True)
    return (
        [magpie, Stoichiometry(), ValenceOrbital(impute_nan=True)],
        [DensityFeatures(), GlobalSymmetryFeatures(symmetry)],
    )


def by_matminer(crystal: Crystal) -> dict[str, float]:
    structure = Structure(
        crystal.lattice,
        [int(number) for number in crystal.numbers],
        crystal.coordinates,
        coords_are_cartesian=crystal.cartesian,
    )
    of_composition, of_structure = featurizers()
    subjects = [(part, structure.composition) for part in of_composition]
    subjects += [(part, structure) for part in of_structure]
    return {
        name: value
        for part, subject in subjects
        for name, value in zip(part.feature_labels(), part.featurize(subject), strict=True)
    }


def test_the_features_are_matminers(alloys, alloy_features):
    for crystal, row in zip(alloys, alloy_features.values, strict=True):
        expected = by_matminer(crystal)
        assert list(expected) == alloy_features.names.tolist()
        np.testing.assert_array_equal(row, np.array(list(expected.values()), dtype=np.float32))


def test_the_features_of_real_crystals_are_matminers():
    table = real_table("dc", every=60)
    found = features_of(table)
    for crystal, row in zip(table, found.values, strict=True):
        expected = np.array(list(by_matminer(crystal).values()), dtype=np.float32)
        np.testing.assert_array_equal(row, expected)


def test_no_crystal_is_lost_and_no_value_missing(all_elements):
    found = features_of(all_elements)
    assert found.ids.tolist() == SYMBOLS[1:]
    assert found.values.shape == (len(SYMBOLS) - 1, len(found.names))
    assert np.isfinite(found.values).all()


def test_an_element_without_radius_has_the_mean_of_the_others(all_elements):
    radii = matminer_features._radii()
    known = [radii[symbol] for symbol in ("H", "O", "Fe", "Cs", "Pu")]
    assert known == [0.25, 0.6, 1.4, 2.6, 1.75]  # Slater's, in Å
    assert radii["Xe"] == radii["Kr"] == radii["Fm"]
    assert min(known) < radii["Xe"] < max(known)


def test_a_crystal_without_symmetry_counts_as_of_space_group_one():
    twice = Crystal("x", 0.0, np.array([26, 26]), np.eye(3) * 3, np.zeros((2, 3)), False)
    found = features_of(tabulate([twice]))
    values = dict(zip(found.names.tolist(), found.values[0].tolist(), strict=True))
    assert [values[name] for name in matminer_features.SYMMETRY] == [1, 7, 0, 1]
    assert np.isfinite(found.values).all()


def test_features_belong_to_the_crystal_alone(alloys, alloy_features):
    few = [alloys[7], alloys[3]]
    np.testing.assert_array_equal(features_of(tabulate(few)).values, alloy_features.values[[7, 3]])


def test_processes_change_nothing(alloys, alloy_features):
    found = features_of(alloys, processes=2)
    assert found.values.tobytes() == alloy_features.values.tobytes()


def test_saved_features_come_back(alloys, alloy_features, tmp_path):
    feature_table.save(alloy_features, tmp_path / "a.npz")
    feature_table.save(features_of(alloys), tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    for saved, loaded in zip(
        astuple(alloy_features), astuple(feature_table.load(tmp_path / "a.npz")), strict=True
    ):
        assert saved.dtype == loaded.dtype
        np.testing.assert_array_equal(saved, loaded)


@pytest.mark.parametrize("content", [b"", b"no features", b"PK\x03\x04 cut short"])
def test_a_file_without_features(tmp_path, content):
    with sealed_when_whole(tmp_path / "x.npz") as temporary:
        temporary.write_bytes(content)
    with pytest.raises(InputError, match=r"x\.npz: no features of crystals .* run again"):
        feature_table.load(tmp_path / "x.npz")


def test_features_of_other_crystals_cannot_be_joined(alloys, alloy_features):
    both = joined(alloy_features, alloy_features)
    assert both.values.shape == (len(alloys), 2 * len(alloy_features.names))
    with pytest.raises(InputError, match="not of the same crystals"):
        joined(alloy_features, features_of(tabulate([alloys[0]])))


@settings(max_examples=8)
@given(
    targets=st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=14),
    n_features=st.integers(1, 4),
    seed=st.integers(0, 99),
)
@pytest.mark.parametrize("name", NAMES)
def test_predictions_are_finite_and_repeatable(name, targets, n_features, seed):
    random = np.random.default_rng(seed)
    values = random.integers(0, 3, (len(targets), n_features)).astype(np.float32)
    others = random.normal(0, 100, (9, n_features)).astype(np.float32)
    first, second = (
        fit_baseline(name, values, np.array(targets), seed).predict(others) for _ in range(2)
    )
    assert np.isfinite(first).all()
    np.testing.assert_array_equal(first, second)


def test_threads_change_nothing():
    random = np.random.default_rng(0)
    values, targets = random.normal(size=(30, 5)), random.normal(size=30)
    one, two = (fit_baseline("forest", values, targets, 0, n_jobs) for n_jobs in (1, 2))
    np.testing.assert_array_equal(one.predict(values), two.predict(values))


def test_the_median_by_hand():
    model = fit_baseline("median", np.zeros((4, 1)), np.array([1.0, 10, 2, 4]))
    np.testing.assert_array_equal(model.predict(np.zeros((2, 1))), [3, 3])


@pytest.mark.parametrize("name", [name for name in NAMES if name != "median"])
@pytest.mark.parametrize("n", [10, 60])
def test_what_can_be_learned_is(name, n):
    random = np.random.default_rng(1)
    values = random.normal(size=(n + 200, 3)) * [1, 1e3, 1e-3] + [0, 1e4, 1]
    values = np.hstack([values, np.ones((n + 200, 1))])  # and one that says nothing
    targets = 3 * values[:, 0] + values[:, 1] / 1e3

    def error(name: str) -> float:
        predicted = fit_baseline(name, values[:n], targets[:n]).predict(values[n:])
        return np.abs(predicted - targets[n:]).mean()

    assert error(name) < (0.85 if n == 10 else 0.6) * error("median")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("factor", "shift"), [(1000, -7), (1e-12, 0), (1e-25, 0), (1, 1e6)])
def test_a_baseline_follows_the_unit_of_the_targets(name, factor, shift):
    random = np.random.default_rng(2)
    values, targets = random.normal(size=(40, 3)), random.normal(size=40)
    plain = fit_baseline(name, values, targets).predict(values)
    other = fit_baseline(name, values, factor * targets + shift).predict(values)
    np.testing.assert_allclose((other - shift) / factor, plain, rtol=1e-6, atol=1e-6)


def test_a_value_never_seen_does_not_decide():
    """A column that is constant in the sample must not put a test crystal out of reach."""
    values = np.array([[0.0, 1], [1, 1], [2, 1], [3, 1], [4, 1], [5, 1]])
    for name in ("kernel", "ridge"):
        model = fit_baseline(name, values, values[:, 0])
        near, far = model.predict(np.array([[2.5, 1], [2.5, 200]]))
        assert near == far


@pytest.mark.parametrize("name", NAMES)
def test_the_form_of_a_networks_results(name, alloys, alloy_features):
    ids = alloys.ids.tolist()
    scaler = fit(alloys.targets, "X")
    result, rows = evaluate(
        "X", alloys, alloy_features, ids[:30], ids[:29:-1], scaler, name, seed=3
    )
    assert list(Prediction._fields) == COLUMNS
    assert [row.id for row in rows] == ids[:29:-1]
    assert {row.property for row in rows} == {"X"}
    target = np.array([row.target for row in rows])
    prediction = np.array([row.prediction for row in rows])
    np.testing.assert_allclose(target, alloys.targets[:29:-1])
    np.testing.assert_allclose(scaler.scale(prediction), [row.prediction_scaled for row in rows])
    np.testing.assert_allclose(scaler.scale(target), [row.target_scaled for row in rows])
    assert result["mae"] == pytest.approx(np.abs(target - prediction).mean())
    assert result["mae_scaled"] == pytest.approx(result["mae"] / scaler.half_range)
    assert result["n_test"] == 10


def test_nothing_to_test_on(alloys, alloy_features):
    scaler = fit(alloys.targets, "X")
    ids = alloys.ids.tolist()
    result, rows = evaluate("X", alloys, alloy_features, ids, [], scaler, "median")
    assert (result["n_test"], rows) == (0, [])


def test_what_is_wrong_is_said(alloys, alloy_features):
    scaler = fit(alloys.targets, "X")
    ids = alloys.ids.tolist()
    few = Features(alloy_features.ids[:5], alloy_features.names, alloy_features.values[:5])
    for sample, found, name, message in (
        (["y"], alloy_features, "median", "dataset X, crystal 'y': the dataset does not have it"),
        (ids[:9], few, "median", f"crystal '{ids[5]}': it has no features"),
        (ids[:9], alloy_features, "forst", "'forst': there is none; take one of median, forest"),
        ([], alloy_features, "ridge", "sample has no crystal; take a larger size"),
    ):
        with pytest.raises(InputError, match=message):
            evaluate("X", alloys, found, sample, ids[2:4], scaler, name)


def test_phonons_are_learned_from_the_composition():
    table = real_table("ph", every=6)
    found = features_of(table)
    ids = table.ids.tolist()
    train, test = ids[::2], ids[1::2]
    errors = {
        name: evaluate("PH", table, found, train, test, fit(table.targets, "PH"), name)[0]["mae"]
        for name in NAMES
    }
    assert errors["forest"] < 0.5 * errors["median"]
    assert errors["kernel"] < 0.5 * errors["median"]
    assert errors["ridge"] < 0.8 * errors["median"]


def test_chgnet_is_asked_for_where_it_is_missing(alloys, monkeypatch):
    monkeypatch.setitem(sys.modules, "chgnet.model", None)
    with pytest.raises(InputError, match="pip install chgnet"):
        chgnet_features_of(alloys)


def test_chgnet_sees_the_crystal_and_not_its_cell():
    pytest.importorskip("chgnet", reason="needs the optional package chgnet")
    salt = rock_salt("NaCl", 11, 17, 5.6)
    cubic = Structure.from_spacegroup(
        "Fm-3m", np.eye(3) * 5.6, ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]]
    )
    numbers = np.array(cubic.atomic_numbers)
    larger = Crystal("cell", 0.0, numbers, np.eye(3) * 5.6, cubic.frac_coords, False)
    unknown = rock_salt("CmO", 96, 8)
    with pytest.warns(UserWarning, match="1 of 3 crystals have an element"):
        found = chgnet_features_of(tabulate([salt, larger, unknown]))
    assert found.values.shape == (3, 128)
    np.testing.assert_allclose(found.values[0], found.values[1], atol=1e-4)
    assert found.values[0].any()
    assert not found.values[2].any()
