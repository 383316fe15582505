"""Against alignn on DGL, the implementation that the paper used: graphs, outputs, gradients."""

from typing import NamedTuple

import numpy as np
import pytest
import torch
from conftest import assert_close, real_rows, real_table, saved

from crystal_transfer.datasets import scaling
from crystal_transfer.datasets.crystals import Crystal, CrystalTable, tabulate
from crystal_transfer.graphs.batches import assemble, load_graphs
from crystal_transfer.graphs.build import build
from crystal_transfer.graphs.line_graph import expand
from crystal_transfer.graphs.neighbours import bonds
from crystal_transfer.graphs.store import open_store
from crystal_transfer.models.alignn import ALIGNN
from crystal_transfer.models.reference import ReferenceALIGNN
from crystal_transfer.models.sizes import AlignnSizes
from crystal_transfer.species import ATOMIC_NUMBERS, SYMBOLS

alignn_graphs = pytest.importorskip("alignn.graphs", reason="needs alignn, the reference")
dgl = pytest.importorskip("dgl", reason="needs DGL (Python 3.11), the reference's backend")

from alignn.models import alignn as reference  # noqa: E402
from jarvis.core.atoms import Atoms  # noqa: E402


def jarvis_atoms(crystal: Crystal) -> Atoms:
    return Atoms(
        lattice_mat=crystal.lattice,
        coords=crystal.coordinates,
        elements=[SYMBOLS[number] for number in crystal.numbers],
        cartesian=crystal.cartesian,
    )


def reference_graph(crystal: Crystal):
    return alignn_graphs.Graph.atom_dgl_multigraph(
        jarvis_atoms(crystal),
        neighbor_strategy="k-nearest",
        cutoff=8.0,
        max_neighbors=12,
        use_canonize=True,
        compute_line_graph=True,
    )


def directed_rows(pairs: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Bonds in both directions as sorted rows (from, to, x, y, z)."""
    there = np.column_stack([pairs, vectors])
    back = np.column_stack([pairs[:, ::-1], -vectors])
    return sorted_rows(np.concatenate([there, back]))


def sorted_rows(rows: np.ndarray) -> np.ndarray:
    # no two bonds of one pair of atoms reach equally far along this direction
    along = rows[:, 2:] @ np.array([0.3713, 0.5521, 0.7467])
    return rows[np.lexsort((along, rows[:, 1], rows[:, 0]))]


def assert_same_bonds(crystal: Crystal) -> None:
    found, _ = alignn_graphs.nearest_neighbor_edges(
        atoms=jarvis_atoms(crystal), cutoff=8.0, max_neighbors=12, use_canonize=True
    )
    u, v, r, _ = alignn_graphs.build_undirected_edgedata(jarvis_atoms(crystal), found)
    theirs = sorted_rows(np.column_stack([u, v, r]))
    ours = directed_rows(*bonds(crystal, "alignn"))
    assert ours.shape == theirs.shape, f"{crystal.id}: {len(ours)} edges, alignn has {len(theirs)}"
    assert_close(ours, theirs, 1e-4, crystal.id)


@pytest.mark.parametrize(
    ("code", "every"),
    [("ph", 9), ("dc", 8), ("pz", 8), ("gv", 50), ("jarvis2d", 12), ("ebg", 45)],
)
def test_bonds_of_real_crystals(code, every):
    rows = real_rows(code)[::every]
    for row in rows:
        atoms = row["atoms"]
        numbers = np.array([ATOMIC_NUMBERS[symbol] for symbol in atoms["elements"]])
        if len(numbers) > 60:
            continue
        assert_same_bonds(
            Crystal(
                str(row["jid"]),
                row["target"],
                numbers,
                np.array(atoms["lattice_mat"]),
                np.array(atoms["coords"]),
                atoms["cartesian"],
            )
        )


def test_bonds_of_alloys(alloys):
    for crystal in alloys:
        assert_same_bonds(crystal)


def test_line_graph_is_dgls(alloys, tmp_path):
    build(saved(alloys, tmp_path), tmp_path / "graphs", "alignn", compress=False)
    store = open_store(tmp_path / "graphs")
    for index in range(0, len(alloys), 5):
        ours = expand(store, np.array([index]))
        graph, line_graph = reference_graph(alloys[index])
        assert len(ours.source) == graph.num_edges()
        assert len(ours.after) == line_graph.num_edges()
        assert_close(np.sort(ours.cosine), np.sort(line_graph.edata["h"].numpy()), 1e-5)


class Step(NamedTuple):
    """What a training step gives: outputs, gradients, and all weights and statistics after it."""

    output: torch.Tensor
    gradients: dict[str, torch.Tensor]
    state: dict[str, torch.Tensor]


def step(model, inputs, targets) -> Step:
    model.train()
    model.zero_grad()
    output = model(inputs).reshape(-1)
    ((output - targets) ** 2).mean().backward()
    parameters = getattr(model, "network", model).named_parameters()
    gradients = {name: p.grad.clone() for name, p in parameters if p.grad is not None}
    state = {name: value.clone() for name, value in model.state_dict().items()}
    return Step(output.detach(), gradients, state)


def in_double(graph):
    for features in (graph.ndata, graph.edata):
        for name, value in features.items():
            features[name] = value.double() if value.is_floating_point() else value
    return graph


def both_sides(table: CrystalTable, compress: bool, folder) -> list[tuple]:
    """Return (model, input) of ours and of alignn's, on equal weights and crystals.

    Alignn's computes in double precision: its statistics in single are off by up to 4e-5.
    """
    torch.manual_seed(3)
    theirs = reference.ALIGNN(reference.ALIGNNConfig(name="alignn")).double()
    graphs, line_graphs = zip(*(reference_graph(crystal) for crystal in table), strict=True)
    inputs = in_double(dgl.batch(graphs)), in_double(dgl.batch(line_graphs)), None
    build(saved(table, folder), folder / "graphs", "alignn", compress)
    store = open_store(folder / "graphs")
    ours = ALIGNN(AlignnSizes(), torch.from_numpy(np.array(store.features)))
    ours.load_state_dict(theirs.state_dict())
    resident = load_graphs(store, np.arange(len(table)))
    batch = assemble(resident, torch.arange(len(table)))
    return [(ours, batch), (theirs, inputs)]


def assert_same_step(ours: Step, theirs: Step, statistics: float) -> None:
    """Compare outputs to 1e-5, gradients to 1e-4, and running statistics as asked for."""
    assert_close(ours.output, theirs.output, 1e-5, "outputs")
    # norms make some biases irrelevant: their gradients are round-off, so all are compared
    # relative to the gradient as a whole
    scale = torch.sqrt(sum(gradient.square().sum() for gradient in theirs.gradients.values()))
    for name, gradient in theirs.gradients.items():
        if name in ours.gradients:
            difference = float((ours.gradients[name] - gradient).norm() / scale)
            assert difference <= 1e-4, f"gradient of {name}: {difference}"
        else:
            assert gradient.abs().max() == 0, f"{name} has a gradient in alignn only"
    for name, value in theirs.state.items():
        if "running" in name or "num_batches" in name:
            assert_close(ours.state[name], value, statistics, name)


@pytest.mark.parametrize("compress", [False, True], ids=["full", "compressed"])
def test_a_training_step_is_alignns(some_crystals, compress, tmp_path):
    table = tabulate(list(some_crystals)[:16])
    (ours, batch), (theirs, inputs) = both_sides(table, compress, tmp_path)
    assert sum(p.numel() for p in ours.parameters()) == 4_026_753
    targets = torch.linspace(-1, 1, len(table))
    assert_same_step(step(ours, batch, targets), step(theirs, inputs, targets.double()), 1e-5)

    ours.load_state_dict(theirs.state_dict())
    ours.eval()
    theirs.eval()
    with torch.no_grad():
        assert_close(ours(batch).squeeze(1), theirs(inputs), 1e-5, "outputs in evaluation mode")


# both ways to find neighbours, on the same crystals of four datasets, 512 in all; alignn computes
# in single precision here, for speed
@pytest.mark.parametrize("neighbours", ["alignn", "shell"])
@pytest.mark.parametrize(("code", "every"), [("ph", 8), ("dc", 7), ("pz", 6), ("gv", 40)])
def test_training_steps_on_real_crystals_are_alignns(code, every, neighbours, tmp_path):
    table = real_table(code, every, most=128)
    assert len(table) == 128
    path = saved(table, tmp_path)
    sides = {}
    for compress in (False, True):
        build(path, tmp_path / f"{compress}", neighbours, compress)
        store = open_store(tmp_path / f"{compress}")
        features = torch.from_numpy(np.array(store.features))
        sides[compress] = load_graphs(store, np.arange(len(table))), features
    full, features = sides[False]
    torch.manual_seed(4)
    theirs = ReferenceALIGNN(AlignnSizes(), features)
    ours = ALIGNN(AlignnSizes(), features)
    targets = torch.from_numpy(scaling.fit(table.targets, code).scale(table.targets)).float()
    for members in torch.arange(len(table)).split(32):
        start = {name: value.clone() for name, value in theirs.state_dict().items()}
        expected = step(theirs, assemble(full, members), targets[members])
        for graphs, _ in sides.values():
            ours.load_state_dict(start)
            ours_step = step(ours, assemble(graphs, members), targets[members])
            assert_same_step(ours_step, expected, statistics=5e-5)


def test_parameters_have_alignns_names(alloys, tmp_path):
    (ours, _), (theirs, _) = both_sides(tabulate(list(alloys)[:2]), False, tmp_path)
    shapes = {name: value.shape for name, value in theirs.state_dict().items()}
    assert {name: value.shape for name, value in ours.state_dict().items()} == shapes
