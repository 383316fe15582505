"""Bonds, symmetry and the graph store: unit tests and properties."""

import hashlib

import numpy as np
import pytest
from conftest import saved
from hypothesis import given, settings
from hypothesis import strategies as st

from crystal_transfer.datasets.crystals import Crystal
from crystal_transfer.datasets.geometry import nearest_distances
from crystal_transfer.errors import InputError
from crystal_transfer.graphs.build import build, crystal_graph
from crystal_transfer.graphs.line_graph import expand
from crystal_transfer.graphs.neighbours import bonds
from crystal_transfer.graphs.store import open_store, positions_of


def crystal(numbers, lattice, coordinates) -> Crystal:
    return Crystal(
        "x",
        0.0,
        np.array(numbers, dtype=np.uint8),
        np.array(lattice, dtype=float),
        np.array(coordinates, dtype=float),
        False,
    )


ROCK_SALT = crystal(
    [11, 17], [[0, 2.8, 2.8], [2.8, 0, 2.8], [2.8, 2.8, 0]], [[0, 0, 0], [0.5, 0.5, 0.5]]
)
ONE_ATOM = crystal([29], np.eye(3) * 2.5, [[0, 0, 0]])


@st.composite
def random_crystals(draw):
    """Crystals without symmetry, no two atoms closer than about 1 Å."""
    n = draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    lattice = np.eye(3) * rng.uniform(3, 8, 3) + rng.uniform(-0.8, 0.8, (3, 3))
    grid = rng.choice(27, size=n, replace=False)
    places = np.stack([grid // 9, grid // 3 % 3, grid % 3], axis=1) / 3
    return crystal(rng.integers(1, 90, n), lattice, places + rng.uniform(0, 0.02, (n, 3)))


def graph_of(one: Crystal, mode: str, compress: bool, folder):
    from crystal_transfer.datasets.crystals import tabulate

    build(saved(tabulate([one]), folder), folder / "graphs", mode, compress)
    return expand(open_store(folder / "graphs"), np.array([0]))


@given(random_crystals())
@settings(max_examples=40)
def test_bonds_are_the_nearest_neighbours_by_brute_force(one):
    pairs, vectors = bonds(one, "shell")
    found = np.linalg.norm(vectors, axis=1)
    cartesian = one.coordinates @ np.around(one.lattice, 5)
    images = np.stack(np.meshgrid(*[np.arange(-5, 6)] * 3, indexing="ij"), -1).reshape(-1, 3)
    for atom in range(len(one.numbers)):
        apart = cartesian[None] + (images @ one.lattice)[:, None] - cartesian[atom]
        distances = np.sort(np.linalg.norm(apart, axis=2).ravel())[1:]
        nearest = distances[distances <= distances[11] + 1e-5]
        mine = np.concatenate([found[pairs[:, 0] == atom], found[pairs[:, 1] == atom]])
        missing = [d for d in nearest if not np.isclose(mine, d, atol=1e-4).any()]
        assert not missing


@given(random_crystals(), st.integers(0, 2**32 - 1))
@settings(max_examples=40)
def test_shell_bonds_do_not_depend_on_the_orientation(one, seed):
    rotation, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    turned = one._replace(lattice=one.lattice @ rotation)
    pairs, vectors = bonds(one, "shell")
    turned_pairs, turned_vectors = bonds(turned, "shell")
    assert np.array_equal(pairs, turned_pairs)
    lengths, turned_lengths = (np.linalg.norm(v, axis=1) for v in (vectors, turned_vectors))
    assert np.allclose(np.sort(lengths), np.sort(turned_lengths), atol=1e-7)


@given(random_crystals())
@settings(max_examples=30)
def test_compression_keeps_every_count_of_the_full_graph(one):
    full, small = crystal_graph(one, "shell", False), crystal_graph(one, "shell", True)
    assert small.weights.sum() == full.weights.sum() == len(one.numbers)
    assert (small.weights * small.degrees).sum() == full.degrees.sum()
    assert small.n_edges <= full.n_edges


def test_a_cell_of_hundreds_of_layers_loses_no_bond():
    """The one odd atom is seen from a layer farther in each round, of which there are too few."""
    heights = [[0, 0, layer / 260] for layer in range(260)]
    one = crystal([28] + [29] * 259, np.diag([2.0, 2.0, 520.0]), heights)
    full, small = crystal_graph(one, "shell", False), crystal_graph(one, "shell", True)
    assert sorted(set(full.degrees)) == sorted(set(small.degrees))
    assert (small.weights * small.degrees).sum() == full.degrees.sum()


def test_rock_salt_has_one_class_of_bonds_per_direction(tmp_path):
    full = graph_of(ROCK_SALT, "shell", False, tmp_path)
    small = graph_of(ROCK_SALT, "shell", True, tmp_path)
    # 6 unlike neighbours at 2.8 Å and 12 like ones at 3.96 Å, seen from Na and from Cl
    assert len(small.species) == 2
    assert sorted(np.round(small.distance.numpy(), 2)) == [2.8, 2.8, 3.96, 3.96]
    # a bond to an atom's own image is there for that image and for its opposite, as in alignn
    assert sorted(small.multiplicity) == [6, 6, 24, 24]
    assert len(full.source) == 2 * 6 + 2 * 24
    assert small.multiplicity @ small.atom_weight[small.target] == len(full.source)


@pytest.mark.parametrize("compress", [False, True])
def test_one_atom_cell(tmp_path, compress):
    graphs = graph_of(ONE_ATOM, "alignn", compress, tmp_path)
    assert len(graphs.species) == 1
    assert (graphs.source == 0).all()
    assert graphs.multiplicity.sum() >= 12
    assert np.isfinite(graphs.cosine.numpy()).all()


@pytest.mark.parametrize("compress", [False, True])
def test_store_is_the_same_to_the_byte_for_any_number_of_processes(alloys, tmp_path, compress):
    digests = []
    for processes in (1, 2):
        folder = tmp_path / str(processes)
        build(saved(alloys, tmp_path), folder, "alignn", compress, processes)
        content = b"".join(path.read_bytes() for path in sorted(folder.iterdir()))
        digests.append(hashlib.sha256(content).hexdigest())
    assert digests[0] == digests[1]


def test_crystals_are_found_by_name(alloys, tmp_path):
    build(saved(alloys, tmp_path), tmp_path / "graphs", "shell", True)
    store = open_store(tmp_path / "graphs")
    names = [str(alloys.ids[7]), str(alloys.ids[2])]
    assert positions_of(store, names).tolist() == [7, 2]
    with pytest.raises(InputError, match="no crystal 'nobody'"):
        positions_of(store, ["nobody"])


def test_a_damaged_store_is_refused(alloys, tmp_path):
    build(saved(alloys, tmp_path), tmp_path / "graphs", "shell", True)
    (tmp_path / "graphs" / "vectors.npy").write_bytes(b"")
    with pytest.raises(InputError, match="not a whole graph store"):
        open_store(tmp_path / "graphs")


def test_nearest_distances_see_atoms_on_one_site():
    twice = crystal([29, 29], np.eye(3) * 4, [[0, 0, 0], [0.01, 0, 0]])
    assert nearest_distances(twice, 8.0) == pytest.approx([0.04, 0.04])
    alone = crystal([29], np.eye(3) * 30, [[0, 0, 0]])
    assert np.isinf(nearest_distances(alone, 8.0)).all()
