"""Each strategy changes exactly the parameters it names, and no others by a single bit."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from runs import HOW, SCRATCH, SETTINGS, outputs, prepare, weights_of

from crystal_transfer.errors import InputError
from crystal_transfer.graphs.batches import assemble, load_graphs
from crystal_transfer.graphs.store import open_store
from crystal_transfer.models.networks import build_network
from crystal_transfer.models.saved import load_model, save_model
from crystal_transfer.models.strategies import STRATEGIES
from crystal_transfer.models.transfer import transfer
from crystal_transfer.protocols import FrozenNorms
from crystal_transfer.runs import Run, RunKind
from crystal_transfer.training.run import train

BODY = ["atom_embedding", "edge_embedding", "angle_embedding", "alignn_layers", "gcn_layers"]
NODE_UPDATES = "alignn_layers.0.node_update"
EDGE_UPDATES = "alignn_layers.0.edge_update"
MOVING = {  # strategy -> modules of the pre-trained body that may change, written out by hand
    "all": BODY,
    "new_head": [],
    "last_layer": [],
    "two_body": [NODE_UPDATES, "gcn_layers"],
    "three_body": [EDGE_UPDATES],
    "freeze_1": BODY[1:],
    "freeze_6": [],
    "all_new_head": BODY,
    "mpt_new_head": BODY,
}
HEADS = {  # strategy -> widths of the linear layers of the output network
    "all": [1], "last_layer": [1], "two_body": [1], "three_body": [1],
    "new_head": [64, 1], "freeze_1": [64, 1], "freeze_6": [64, 1], "all_new_head": [64, 1],
    "mpt_new_head": [128, 128, 1],
}  # fmt: skip
# the last layers' edge and angle updates feed nothing, so that no gradient reaches them
UNUSED = re.compile(r"(gcn_layers\.0|alignn_layers\.0\.edge_update)\.bn_edges\.(weight|bias)")


@pytest.fixture(scope="module")
def inputs(alloys, tmp_path_factory):
    return prepare(alloys, tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def pretrained(inputs, tmp_path_factory):
    result = outputs(tmp_path_factory.mktemp("pretrained"))
    train(replace(SCRATCH, hyperparameters=replace(HOW, epochs=2)), inputs, result, SETTINGS)
    return result


def is_statistic(name: str) -> bool:
    return "running_" in name or "num_batches" in name


def belongs_to(name: str, modules: list[str]) -> bool:
    return any(name.startswith(f"{module}.") for module in modules)


def test_every_strategy_is_tested():
    assert MOVING.keys() == HEADS.keys() == STRATEGIES.keys()


@pytest.mark.parametrize("frozen_norms", FrozenNorms)
@pytest.mark.parametrize("strategy", MOVING)
def test_what_moves(strategy, frozen_norms, inputs, pretrained, tmp_path):
    result = outputs(tmp_path)
    run = Run(
        RunKind.FINETUNE, "X", 20, 1, replace(HOW, epochs=2), source=SCRATCH, strategy=strategy
    )
    settings = replace(SETTINGS, frozen_norms=frozen_norms)
    train(run, replace(inputs, weights=pretrained.model), result, settings)
    before, after = weights_of(pretrained), weights_of(result)
    body = [name for name in before if not name.startswith("fc.") and name != "fc"]
    assert [name for name in after if not name.startswith("fc.")] == body
    for name in body:
        same = torch.equal(before[name], after[name])
        moves = belongs_to(name, MOVING[strategy])
        if name.endswith(".centers"):
            assert same, f"{name} is a constant"
        elif is_statistic(name):
            # a norm stands still if its parameters are frozen and the protocol says so
            assert same == (frozen_norms is FrozenNorms.FROZEN and not moves), name
        elif not UNUSED.fullmatch(name):
            assert same == (not moves), name
    widths = [v.shape[0] for name, v in after.items() if re.fullmatch(r"fc\..*weight", name)]
    assert widths == HEADS[strategy]
    if HEADS[strategy] == [1]:
        assert not torch.equal(before["fc.weight"], after["fc.weight"])


@pytest.mark.parametrize("strategy", ["all", "last_layer"])
def test_a_source_from_outside_must_fit(strategy, inputs, pretrained, tmp_path, capsys):
    origin = Run(RunKind.CHECKPOINT, "OUTSIDE", 0, 1, None)
    run = Run(RunKind.FINETUNE, "X", 20, 1, HOW, source=origin, strategy=strategy)
    own = load_model(pretrained.model)
    path = tmp_path / "source.safetensors"
    given = replace(inputs, weights=str(path))
    save_model(own, path)
    with pytest.raises(InputError, match="was trained on X itself"):
        train(run, given, outputs(tmp_path / "run"), SETTINGS)
    other = replace(own, scalers={"Y": own.scalers["X"]})
    save_model(replace(other, species_features=own.species_features + 1), path)
    with pytest.raises(InputError, match="with other input features of the elements"):
        train(run, given, outputs(tmp_path / "run"), SETTINGS)
    save_model(replace(other, bond_rule="alignn-doubled"), path)
    capsys.readouterr()
    train(run, given, outputs(tmp_path / "run"), SETTINGS)
    assert "trained on bonds of rule alignn-doubled, not as here" in capsys.readouterr().err


def test_a_new_head_sees_the_pretrained_body(inputs, pretrained):
    store = open_store(inputs.graphs)
    features = torch.from_numpy(np.array(store.features))
    before, after = (build_network("alignn", SETTINGS.sizes, features) for _ in range(2))
    before.load_state_dict(weights_of(pretrained))
    transfer(after, weights_of(pretrained), STRATEGIES["new_head"], "weights.pt")
    batch = assemble(load_graphs(store, torch.arange(8).numpy()), torch.arange(8))
    with torch.no_grad():
        pooled = before.eval().embed(batch)
        first, last = after.fc
        expected = last(first(pooled))
        assert torch.equal(after.eval()(batch), expected)
