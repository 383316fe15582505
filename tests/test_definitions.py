"""What the paper did, switch by switch: each does what it says."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import ROOT, real_table
from runs import HOW, SCRATCH, SETTINGS, outputs, prepare, weights_of

from crystal_transfer.datasets import splits
from crystal_transfer.experiments.config_files import read_config
from crystal_transfer.experiments.study import load_study, with_defaults
from crystal_transfer.files import read_json
from crystal_transfer.graphs.neighbours import bonds
from crystal_transfer.models.alignn import ALIGNN
from crystal_transfer.models.heads import build_head, new_head
from crystal_transfer.models.sizes import AlignnSizes
from crystal_transfer.models.strategies import MULTI_HEAD, STRATEGIES
from crystal_transfer.protocols import AbsentLabels, TestedEpoch, TrainingSeed
from crystal_transfer.runs import IncompleteBatch, Order, Run, RunKind
from crystal_transfer.training.criterion import Criterion
from crystal_transfer.training.loop import Progress, batches_of, ended
from crystal_transfer.training.run import train, training_seed


def studies(**switches):
    """The paper's study, and the same with some switches of its protocol turned."""
    paper = read_config(ROOT / "config.yaml")["protocols"]["paper"]
    own = {"protocol": "turned", "protocols": {"turned": paper | switches}}
    return load_study(with_defaults({})), load_study(with_defaults(own))


# --- row 0: the rate of scratch ------------------------------------------------------------------


def test_the_rate_of_scratch():
    paper, turned = studies(scratch_rate="finetuning")
    rates = {
        study.runs[id].hyperparameters.max_lr
        for study, id in ((paper, "scratch_PH_n800_t1"), (turned, "scratch_PH_n800_t1"))
    }
    assert rates == {1e-4, 1e-3}
    assert turned.runs["scratch_PH_n800_t1"].variation == ""
    assert paper.runs["finetune_BG-n941_to_PH_n800_all_t1"].hyperparameters.max_lr == 1e-3


# --- rows 1 to 3: heads --------------------------------------------------------------------------


def layers(network: torch.nn.Module) -> list:
    return [
        (m.in_features, m.out_features) if isinstance(m, torch.nn.Linear) else type(m).__name__
        for m in network
    ]


def test_the_head_of_strategy_2_has_no_activation():
    for name in ("new_head", "freeze_1", "freeze_6", "all_new_head"):
        head = new_head(STRATEGIES[name].head, 256)
        assert layers(head) == [(256, 64), (64, 1)]
        assert sum(p.numel() for p in head.parameters()) == 256 * 64 + 64 + 64 + 1


def test_the_head_after_several_properties():
    head = new_head(STRATEGIES["mpt_new_head"].head, 256)
    assert layers(head) == ["SiLU", (256, 128), "SiLU", (128, 128), "SiLU", (128, 1)]
    assert sum(p.numel() for p in head.parameters()) == 256 * 128 + 128 + 128 * 128 + 128 + 128 + 1


def test_the_heads_of_several_properties():
    heads = build_head(MULTI_HEAD, 256, ["A", "B", "C"])
    each = 256 * 128 + 128 + 128 * 128 + 128 + 128 + 1
    assert sum(p.numel() for p in heads.parameters()) == 3 * each
    pooled = torch.randn(5, 256)
    expected = heads.heads["B"](torch.nn.functional.silu(pooled))
    assert torch.equal(heads(pooled)[:, 1:2], expected)


def test_the_whole_network_with_every_head():
    body = 4_026_753 - 257
    network = ALIGNN(AlignnSizes(), torch.zeros(101, 92))
    for name, strategy in STRATEGIES.items():
        head = strategy.head and new_head(strategy.head, 256)
        if head is not None:
            network.fc = head
        own = sum(p.numel() for p in network.fc.parameters())
        assert sum(p.numel() for p in network.parameters()) == body + own, name
        network.fc = torch.nn.Linear(256, 1)


# --- row 4: the model that multi-property pre-training hands on -----------------------------------


def test_patience():
    how = replace(HOW, epochs=500, patience=30)
    for best, epoch, over in ((17, 46, False), (17, 47, True), (24, 53, False), (24, 54, True)):
        assert ended(Progress(epoch=epoch, best_epoch=best), how) == over
    assert not ended(Progress(epoch=499, best_epoch=1), replace(how, patience=None))
    assert ended(Progress(epoch=500, best_epoch=500), how)


def test_a_training_ends_when_it_does_not_become_better(alloys, tmp_path):
    inputs, result = prepare(alloys, tmp_path / "data"), outputs(tmp_path / "run")
    wild = replace(HOW, epochs=60, max_lr=0.3, patience=4)
    train(replace(SCRATCH, hyperparameters=wild), inputs, result, SETTINGS)
    history = pd.read_csv(result.history)
    best = history["validation_loss"].idxmin() + 1
    assert len(history) == min(best + 4, 60) < 60


def test_pretraining_on_several_properties_hands_on_its_best_epoch():
    paper, turned = studies(multi_epoch="last")
    for study, epoch in ((paper, TestedEpoch.BEST), (turned, TestedEpoch.LAST)):
        assert study.settings(study.runs["multipretrain_MPT-no-PH"]).tested_epoch is epoch
        assert study.settings(study.runs["scratch_PH_n800_t1"]).tested_epoch is TestedEpoch.LAST
    assert paper.runs["multipretrain_MPT-no-PH"].hyperparameters.patience == 30


# --- row 5: Eq. 1 ---------------------------------------------------------------------------------


def test_eq_1_by_hand():
    nan = torch.nan
    target = torch.tensor([[1.0, nan, nan], [nan, 2.0, 4.0]])
    prediction = torch.tensor([[0.5, 7.0, -7.0], [9.0, 2.5, 2.0]])
    # crystal 1: |0.5| / 3; crystal 2: (|0.5| + |2|) / 3; mean of the two
    by_hand = ((0.5 / 3) + (2.5 / 3)) / 2
    counted = Criterion(torch.Tensor.abs, AbsentLabels.COUNTED)
    assert float(counted(prediction, target)) == pytest.approx(by_hand)
    left_out = Criterion(torch.Tensor.abs, AbsentLabels.LEFT_OUT)
    assert float(left_out(prediction, target)) == pytest.approx(3.0 / 3)


def test_with_one_property_both_losses_are_the_plain_mean():
    target, prediction = torch.randn(7, 1), torch.randn(7, 1)
    plain = torch.nn.functional.mse_loss(prediction, target)
    for absent in AbsentLabels:
        torch.testing.assert_close(
            Criterion(torch.Tensor.square, absent)(prediction, target), plain
        )


# --- row 6: labels of test sets; in test_multi_property.py as well --------------------------------


def test_labels_of_test_crystals_are_a_switch():
    paper, turned = studies(multi_test_labels="withheld")
    kinds = {
        study.settings(study.runs["multipretrain_MPT-no-PH"]).multi_test_labels.value
        for study in (paper, turned)
    }
    assert kinds == {"kept", "withheld"}


# --- row 7: PT sizes ------------------------------------------------------------------------------


def test_pt_sizes_are_crystals_drawn(alloys, tmp_path):
    inputs = prepare(alloys, tmp_path / "data")
    n_pool = len(splits.load(inputs.split).pool)
    drawn = {}
    for size in (10, n_pool, 1000):
        result = outputs(tmp_path / str(size))
        train(Run(RunKind.PRETRAIN, "X", size, 1, replace(HOW, epochs=1)), inputs, result, SETTINGS)
        sample = read_json(result.description)["sample"]
        drawn[size] = len(sample)
        assert not set(sample) & set(splits.load(inputs.split).test)
    assert drawn == {10: 10, n_pool: n_pool, 1000: n_pool}


def test_all_of_a_dataset_is_its_pool():
    runs = load_study(with_defaults({})).runs
    for id in ("pretrain_BG_n95502", "pretrain_FE_n119477", "pretrain_DC_n950", "pretrain_PZ_n941"):
        assert id in runs


# --- row 8: the seed ------------------------------------------------------------------------------


def test_the_published_seed_is_that_of_every_trial(alloys, tmp_path):
    published = replace(SETTINGS, training_seed=TrainingSeed.PUBLISHED)
    seeds = {training_seed(replace(SCRATCH, trial=trial), published) for trial in (1, 2, 3)}
    assert seeds == {123}
    assert len({training_seed(replace(SCRATCH, trial=t), SETTINGS) for t in (1, 2, 3)}) == 3
    inputs = prepare(alloys, tmp_path / "data")
    still = replace(HOW, epochs=1, max_lr=1e-12)
    first = []
    for trial in (1, 2):
        result = outputs(tmp_path / str(trial))
        train(replace(SCRATCH, trial=trial, hyperparameters=still), inputs, result, published)
        first.append(weights_of(result)["fc.weight"])
    torch.testing.assert_close(*first, rtol=0, atol=1e-9)


def test_parameters_are_made_in_the_order_of_alignn():
    """With one seed, ours and alignn's own network begin with the same numbers."""
    original = pytest.importorskip("alignn.models.alignn", reason="needs alignn and dgl")
    if original.dgl is None:
        pytest.skip("needs DGL (Python 3.11)")
    torch.manual_seed(123)
    theirs = original.ALIGNN(original.ALIGNNConfig(name="alignn")).state_dict()
    torch.manual_seed(123)
    ours = ALIGNN(AlignnSizes(), torch.zeros(101, 92)).state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], value) for name, value in theirs.items())


# --- rows 9 and 10: optimiser and batches of multi-property runs ----------------------------------


def test_optimiser_and_batches_of_several_properties():
    paper, turned = studies(multi_training="same")
    ids = ("multipretrain_MPT-no-PH", "finetune_MPT-no-PH_to_PH_n800_mpt_new_head_t1")
    for id in ids:
        how = paper.runs[id].hyperparameters
        assert (how.weight_decay, how.order, how.incomplete_batch) == (
            1e-2, Order.FIXED, IncompleteBatch.KEPT
        )  # fmt: skip
        how = turned.runs[id].hyperparameters
        assert (how.weight_decay, how.order, how.incomplete_batch) == (
            1e-5, Order.SHUFFLED, IncompleteBatch.DROPPED
        )  # fmt: skip
    usual = paper.runs["scratch_PH_n800_t1"].hyperparameters
    assert (usual.weight_decay, usual.order) == (1e-5, Order.SHUFFLED)


def test_orders_and_incomplete_batches():
    how = replace(HOW, batch_size=4)
    for order in Order:
        dropped = batches_of(10, replace(how, order=order), 0, 0)
        assert [len(batch) for batch in dropped] == [4, 4]
        kept = replace(how, order=order, incomplete_batch=IncompleteBatch.KEPT)
        assert [len(batch) for batch in batches_of(10, kept, 0, 0)] == [4, 4, 2]
    fixed = replace(how, order=Order.FIXED)
    assert [b.tolist() for b in batches_of(8, fixed, 0, 3)] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    shuffled = [torch.cat(batches_of(8, how, 0, epoch)).tolist() for epoch in (0, 1)]
    assert shuffled[0] != shuffled[1]
    assert [len(batch) for batch in batches_of(3, how, 0, 0)] == [3]


# --- row 11: graphs -------------------------------------------------------------------------------


def test_doubled_bonds_are_those_that_both_atoms_find(alloys):
    for crystal in list(alloys)[:10]:
        once, _ = bonds(crystal, "alignn")
        twice, vectors = bonds(crystal, "alignn-doubled")
        numbered = [
            (*pair, *np.round(vector, 6))
            for pair, vector in zip(twice.tolist(), vectors, strict=True)
        ]
        assert len(set(numbered)) == len(once)
        assert max(numbered.count(bond) for bond in set(numbered)) == 2


def test_doubled_bonds_are_alignns_that_are_not_canonised():
    graphs = pytest.importorskip("alignn.graphs", reason="needs alignn and dgl")
    from jarvis.core.atoms import Atoms

    from crystal_transfer.species import SYMBOLS

    ratios = []
    for crystal in real_table("dc", every=90, most=8):
        atoms = Atoms(
            lattice_mat=crystal.lattice,
            coords=crystal.coordinates,
            elements=[SYMBOLS[number] for number in crystal.numbers],
            cartesian=crystal.cartesian,
        )
        edges, *_ = graphs.nearest_neighbor_edges(
            atoms=atoms, cutoff=8.0, max_neighbors=12, use_canonize=False
        )
        theirs = sum(len(images) for images in edges.values())
        ours, _ = bonds(crystal, "alignn-doubled")
        assert len(ours) == theirs
        ratios.append(len(ours) / len(bonds(crystal, "alignn")[0]))
    assert 1.1 < np.mean(ratios) < 1.9


def test_only_runs_of_several_properties_have_doubled_bonds():
    paper, turned = studies(multi_graphs="canonical")
    expected = {
        "multipretrain_MPT-no-PH": "alignn-doubled",
        "finetune_MPT-no-PH_to_PH_n800_mpt_new_head_t1": "alignn-doubled",
        "finetune_BG-n941_to_PH_n800_all_t1": "alignn",
        "scratch_PH_n800_t1": "alignn",
    }
    for id, rule in expected.items():
        assert paper.bond_rule(paper.runs[id]).value == rule
        assert turned.bond_rule(turned.runs[id]).value == "alignn"
    assert paper.inputs(paper.runs["scratch_PH_n800_t1"])["graphs"] == "results/graphs/alignn/PH"
