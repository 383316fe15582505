"""A crystal's graph does not depend on how its cell and its atoms are written."""

from collections import Counter
from unittest.mock import patch

import numpy as np
import pytest
from ase.build import bulk
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from crystal_transfer.datasets.cells import primitive
from crystal_transfer.datasets.cleaning import FARTHEST, MOST_ATOMS, clean, fault
from crystal_transfer.datasets.crystals import Crystal, Record
from crystal_transfer.datasets.fingerprints import fingerprint
from crystal_transfer.datasets.geometry import (
    FARTHEST_CELL,
    LONGEST_VECTOR,
    MOST_IMAGES,
    images_within,
    nearest_distances,
    searchable,
)
from crystal_transfer.graphs import neighbours
from crystal_transfer.graphs.neighbours import bonds
from crystal_transfer.species import SYMBOLS


def crystal_of(atoms) -> Crystal:
    return Crystal(
        "x", 0.0, atoms.numbers.astype(np.uint8), np.array(atoms.cell),
        atoms.get_scaled_positions(wrap=False), False,
    )  # fmt: skip


SYMMETRIC = [
    crystal_of(atoms)
    for atoms in (
        bulk("Cu"), bulk("Cu", cubic=True), bulk("Fe"), bulk("Mg"), bulk("Si", cubic=True),
        bulk("NaCl", "rocksalt", a=5.6423117), bulk("ZnS", "wurtzite", a=3.8123, c=6.2234567),
        bulk("CsCl", "cesiumchloride", a=4.123), bulk("Cu").repeat((3, 1, 1)),
    )
]  # fmt: skip
seeds = st.integers(0, 2**32 - 1)


@st.composite
def crystals(draw):
    """Crystals with much symmetry, or with none and no two atoms closer than about 1 Å."""
    if draw(st.booleans()):
        return draw(st.sampled_from(SYMMETRIC))
    rng = np.random.default_rng(draw(seeds))
    n = draw(st.integers(1, 6))
    lattice = np.eye(3) * rng.uniform(3, 8, 3) + rng.uniform(-0.8, 0.8, (3, 3))
    grid = rng.choice(27, size=n, replace=False)
    places = np.stack([grid // 9, grid // 3 % 3, grid % 3], axis=1) / 3
    coordinates = places + rng.uniform(0, 0.02, (n, 3))
    numbers = rng.integers(1, 90, n).astype(np.uint8)
    one = Crystal("x", 0.0, numbers, lattice, coordinates, False)
    assume(has_clear_shells(one))
    return one


def has_clear_shells(one: Crystal) -> bool:
    """Whether no shell ends just where the tolerance does: by accident, round-off decides then."""
    sizes = set()
    for tolerance in (1e-7, 1e-3):
        with patch.dict(neighbours.SHELL_TOLERANCE, shell=tolerance):
            sizes.add(len(bonds(one, "shell")[0]))
    return len(sizes) == 1


def translated(one, rng):
    return one._replace(coordinates=one.coordinates + rng.uniform(-5, 5, 3))


def moved_atom_by_atom(one, rng):
    return one._replace(coordinates=one.coordinates + rng.integers(-9, 10, (len(one.numbers), 3)))


def moved_far(one, rng):
    size = (len(one.numbers), 3)
    return one._replace(coordinates=one.coordinates + rng.integers(-900_000, 900_000, size))


def unwrapped_in_angstrom(one, rng):
    moved = moved_atom_by_atom(one, rng)
    return moved._replace(coordinates=moved.coordinates @ one.lattice, cartesian=True)


def unimodular(rng, steps: int, most: int) -> np.ndarray:
    matrix = np.eye(3, dtype=int)
    for _ in range(steps):
        i, j = rng.choice(3, 2, replace=False)
        matrix[i] += rng.integers(-most, most + 1) * matrix[j]
    return matrix


def in_another_cell(one, rng):
    change = unimodular(rng, 4, 2)
    return one._replace(
        lattice=change @ one.lattice, coordinates=one.coordinates @ np.linalg.inv(change)
    )


def in_a_skew_cell(one, rng):
    change = np.eye(3, dtype=int)
    i, j = rng.choice(3, 2, replace=False)
    change[i, j] = rng.integers(100, 10_000)
    return one._replace(
        lattice=change @ one.lattice, coordinates=one.coordinates @ np.linalg.inv(change)
    )


def rotated(one, rng):
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    return one._replace(lattice=one.lattice @ rotation)


def permuted(one, rng):
    order = rng.permutation(len(one.numbers))
    return one._replace(numbers=one.numbers[order], coordinates=one.coordinates[order])


WAYS = [
    translated, moved_atom_by_atom, moved_far, unwrapped_in_angstrom, in_another_cell,
    in_a_skew_cell, rotated, permuted,
]  # fmt: skip


def described(one: Crystal, mode: str) -> tuple[Counter, dict[tuple, np.ndarray]]:
    """Count bonds by species, and sort their lengths and the angles between bonds at an atom."""
    pairs, vectors = bonds(one, mode)
    source = pairs.reshape(-1)
    vectors = np.repeat(vectors, 2, axis=0)
    vectors[1::2] *= -1
    lengths = np.linalg.norm(vectors, axis=1)
    values: dict[tuple, list] = {}
    for edge, start in enumerate(source):
        key = (*sorted((one.numbers[start], one.numbers[source[edge ^ 1]])), "length")
        values.setdefault(key, []).append(lengths[edge])
    for atom in range(len(one.numbers)):
        own = np.flatnonzero(source == atom)
        cosines = (vectors[own] @ vectors[own].T) / np.outer(lengths[own], lengths[own])
        values.setdefault((one.numbers[atom], "cosine"), []).extend(cosines.ravel())
    return (
        Counter({key: len(found) for key, found in values.items()}),
        {key: np.sort(found) for key, found in values.items()},
    )


def assert_same_graph(one: Crystal, other: Crystal, tolerance: float) -> None:
    counts, values = described(one, "shell")
    other_counts, other_values = described(other, "shell")
    assert counts == other_counts
    for key, found in values.items():
        assert np.abs(found - other_values[key]).max() < tolerance, key


@pytest.mark.parametrize("way", WAYS)
@given(one=crystals(), seed=seeds)
@settings(max_examples=100)
def test_shell_graphs_do_not_depend_on_how_a_crystal_is_written(way, one, seed):
    assert_same_graph(one, way(one, np.random.default_rng(seed)), 1e-6)


def in_a_supercell(one, rng):
    times = rng.integers(1, 3, 3)
    images = np.stack(np.meshgrid(*map(np.arange, times), indexing="ij"), -1).reshape(-1, 3)
    moved = (one.coordinates[None] + images[:, None]).reshape(-1, 3) / times
    numbers = np.tile(one.numbers, len(images))
    return one._replace(lattice=one.lattice * times[:, None], numbers=numbers, coordinates=moved)


@given(
    one=crystals(),
    way=st.sampled_from([*WAYS, None]),
    digits=st.sampled_from([0, 4, 5, 6]),
    seed=seeds,
)
@settings(max_examples=100)
def test_primitive_cells_are_one_cell_of_a_crystal(one, way, digits, seed):
    """However the crystal is written, with few digits too."""
    rng = np.random.default_rng(seed)
    least = primitive(one)
    larger = in_a_supercell(one, rng)
    if digits:  # as in a file
        larger = larger._replace(
            lattice=np.around(larger.lattice, digits),
            coordinates=np.around(larger.coordinates, digits),
        )
    assume(
        not digits or any(one is known for known in SYMMETRIC)
    )  # of a crystal without symmetry, digits are its shape
    found = primitive(way(larger, rng) if way else larger)
    assert sorted(found.numbers) == sorted(least.numbers)
    assert_same_graph(least, found, 10.0 ** (1 - digits) if digits else 1e-6)
    assert_same_graph(found, primitive(found), 1e-6)


@pytest.mark.parametrize("way", WAYS)
@given(one=crystals(), seed=seeds)
@settings(max_examples=25)
def test_nearest_distances_and_fingerprints_neither(way, one, seed):
    other = way(one, np.random.default_rng(seed))
    nearest, others = (np.sort(nearest_distances(c, FARTHEST)) for c in (one, other))
    assert np.allclose(nearest, others, atol=2e-4)
    assert np.allclose(fingerprint(one), fingerprint(other), atol=2e-3)


@given(one=crystals(), cells=st.integers(-2, 2))
@settings(max_examples=40)
def test_alignn_bonds_are_alignns_where_it_finds_all(one, cells):
    graphs = pytest.importorskip("alignn.graphs", reason="needs alignn, the reference")
    from jarvis.core.atoms import Atoms

    def theirs(crystal):
        atoms = Atoms(
            lattice_mat=crystal.lattice, coords=crystal.coordinates,
            elements=[SYMBOLS[number] for number in crystal.numbers], cartesian=False,
        )  # fmt: skip
        found, _ = graphs.nearest_neighbor_edges(
            atoms=atoms, cutoff=8.0, max_neighbors=12, use_canonize=True
        )
        _, _, vectors, _ = graphs.build_undirected_edgedata(atoms, found)
        return np.sort(np.linalg.norm(np.asarray(vectors), axis=1))

    moved = one._replace(coordinates=one.coordinates + cells)
    expected = theirs(moved)
    inside = theirs(one)
    if len(inside) == len(expected) and np.allclose(inside, expected, atol=1e-4):
        _, vectors = bonds(moved, "alignn")
        ours = np.sort(np.repeat(np.linalg.norm(vectors, axis=1), 2))
        assert len(ours) == len(expected)
        assert np.allclose(ours, expected, atol=1e-4)


@given(one=crystals(), seed=seeds)
@settings(max_examples=30)
def test_alignn_bonds_of_atoms_far_outside_are_those_of_atoms_inside(one, seed):
    moved = moved_far(one, np.random.default_rng(seed))
    lengths = [np.linalg.norm(bonds(c, "alignn")[1], axis=1) for c in (one, moved)]
    # round-off decides ties: a shell may lose other members, but no bond is longer than before
    assert lengths[1].max() < lengths[0].max() + 1e-3
    assert lengths[1].min() == pytest.approx(lengths[0].min(), abs=1e-3)


def test_the_copper_of_the_report():
    inside = crystal_of(bulk("Cu", cubic=True).repeat(2))
    outside = inside._replace(
        coordinates=inside.coordinates + np.arange(len(inside.numbers))[:, None] % [5, 3, 2]
    )
    for mode in ("shell", "alignn"):
        _, vectors = bonds(outside, mode)
        assert np.allclose(np.linalg.norm(vectors, axis=1), 2.5527, atol=1e-3)
    assert len(bonds(outside, "shell")[0]) == 192


# --- limits -----------------------------------------------------------------------------------


def test_ordinary_crystals_are_searched_as_they_are(some_crystals):
    inside = [c for c in some_crystals if c.coordinates.min() >= 0 and not c.cartesian]
    assert all(searchable(one, FARTHEST) is one for one in inside)


@given(
    exponents=st.lists(st.floats(-3, 6), min_size=3, max_size=3),
    shears=st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=3),
    n=st.integers(1, 5), seed=seeds, spread=st.floats(0, 1e7),
)  # fmt: skip
@settings(max_examples=400)
def test_any_cell_is_rejected_or_searched_in_bounded_memory(exponents, shears, n, seed, spread):
    lattice = np.diag(10.0 ** np.array(exponents))
    lattice[1, 0], lattice[2, 0], lattice[2, 1] = shears
    coordinates = np.random.default_rng(seed).uniform(-spread, spread, (n, 3))
    record = Record("x", 1.0, ["Cu"] * n, lattice, coordinates)
    table, rejected = clean([record])
    assert len(table) + len(rejected) == 1
    for one in table:
        pairs, vectors = bonds(one, "shell")
        assert np.isfinite(vectors).all()
        assert len(pairs) >= 6 * n


def test_a_skew_cell_needs_few_images():
    skew = SYMMETRIC[0]._replace(lattice=np.array([[4.0, 0, 0], [4e5, 4, 0], [0, 0, 4]]))
    smaller = searchable(skew, FARTHEST)
    assert len(images_within(smaller.lattice, smaller.coordinates, FARTHEST)) < MOST_IMAGES
    assert nearest_distances(skew, FARTHEST) == pytest.approx([4.0])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"coordinates": np.array([[FARTHEST_CELL * 2, 0, 0]])}, "farther than 1000000 cells"),
        ({"lattice": np.diag([LONGEST_VECTOR * 2, 3, 3])}, "longer than 1000000 Å"),
        ({"lattice": np.diag([1e-4, 300, 300])}, "closer than 0.5 Å"),
        ({"elements": ["Cu"] * (MOST_ATOMS + 1)}, "5001 atoms, more than 5000"),
    ],
)
def test_limits(changes, reason):
    record = Record("x", 1.0, ["Cu"], np.eye(3) * 2.5, np.zeros((1, 3)))._replace(**changes)
    assert reason in fault(record)


def test_a_fault_while_checking_costs_one_row_only():
    bad = Record("bad", 1.0, ["Cu"], np.array("no lattice"), np.zeros((1, 3)))
    worse = Record("worse", 1.0, None, np.eye(3), np.zeros((1, 3)))
    good = Record("good", 1.0, ["Cu"], np.eye(3) * 2.5, np.zeros((1, 3)))
    table, rejected = clean([bad, worse, good])
    assert table.ids.tolist() == ["good"]
    assert [row.id for row in rejected] == ["bad", "worse"]
