"""One run: reproducible, resumable, and right in the corners."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import real_table
from hypothesis import given
from hypothesis import strategies as st
from runs import HOW, SCRATCH, SETTINGS, outputs, prepare, weights_of
from scipy.stats import spearmanr
from sklearn.metrics import mean_absolute_error, r2_score

from crystal_transfer.datasets import crystals, splits
from crystal_transfer.datasets.crystals import tabulate
from crystal_transfer.errors import InputError, Interrupted
from crystal_transfer.files import read_json, write_sealed_json
from crystal_transfer.metrics import scaled_metrics
from crystal_transfer.models.sizes import AlignnSizes
from crystal_transfer.protocols import FrozenNorms, TestedEpoch
from crystal_transfer.runs import Run, RunKind
from crystal_transfer.training import loop
from crystal_transfer.training.device import require_precision
from crystal_transfer.training.optimiser import AdamW
from crystal_transfer.training.paths import Inputs, Outputs
from crystal_transfer.training.run import train
from crystal_transfer.training.settings import Device, Precision


def assert_identical(one: Outputs, other: Outputs) -> None:
    a, b = weights_of(one), weights_of(other)
    assert all(torch.equal(a[name], b[name]) for name in a)
    for field in ("metrics", "predictions", "history"):
        assert Path(getattr(one, field)).read_bytes() == Path(getattr(other, field)).read_bytes()


@pytest.fixture(scope="module")
def inputs(alloys, tmp_path_factory) -> Inputs:
    return prepare(alloys, tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def undisturbed(inputs, tmp_path_factory) -> Outputs:
    result = outputs(tmp_path_factory.mktemp("undisturbed"))
    train(SCRATCH, inputs, result, SETTINGS)
    return result


def test_outputs(undisturbed, inputs):
    metrics = json.loads(Path(undisturbed.metrics).read_text())
    predictions = pd.read_csv(undisturbed.predictions, dtype={"id": str})
    split = splits.load(inputs.split)
    assert predictions["id"].tolist() == split.test
    assert metrics["r2"] == pytest.approx(
        r2_score(predictions["target"], predictions["prediction"])
    )
    mae = mean_absolute_error(predictions["target"], predictions["prediction"])
    assert metrics["mae"] == pytest.approx(mae)
    scaled = mean_absolute_error(predictions["target_scaled"], predictions["prediction_scaled"])
    assert metrics["mae_scaled"] == pytest.approx(scaled)
    table = crystals.load(inputs.table)
    true = dict(zip(table.ids.tolist(), table.targets, strict=True))
    assert predictions["target"].to_numpy() == pytest.approx([true[id] for id in split.test])
    described = json.loads(Path(undisturbed.description).read_text())
    assert described["run"]["id"] == "scratch_X_n20_t1"
    assert not set(described["sample"]) & set(split.test)
    assert len(pd.read_csv(undisturbed.history)) == HOW.epochs
    assert not Path(undisturbed.checkpoint).exists()


def test_the_seed_decides_every_bit(undisturbed, inputs, tmp_path):
    again = outputs(tmp_path)
    train(SCRATCH, inputs, again, SETTINGS)
    assert_identical(undisturbed, again)
    other = outputs(tmp_path / "other")
    train(replace(SCRATCH, trial=2), inputs, other, SETTINGS)
    a, b = weights_of(undisturbed), weights_of(other)
    assert not torch.equal(a["fc.weight"], b["fc.weight"])


@pytest.mark.parametrize("n_steps", [1, 5, 10, 24])  # four batches an epoch
def test_a_killed_training_continues_to_the_same_bits(
    undisturbed, inputs, tmp_path, monkeypatch, n_steps
):
    class Killed(BaseException):
        pass

    class Dying(loop.Training):
        steps = 0

        def step(self, found):
            self.steps += 1
            if self.steps == n_steps:
                raise Killed
            return super().step(found)

    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    undying = loop.Training
    monkeypatch.setattr(loop, "Training", Dying)
    result = outputs(tmp_path)
    with pytest.raises(Killed):
        train(SCRATCH, inputs, result, SETTINGS)
    assert Path(result.checkpoint).exists() == (n_steps > 1)
    assert not Path(result.model).exists()
    monkeypatch.setattr(loop, "Training", undying)
    train(SCRATCH, inputs, result, SETTINGS)
    assert_identical(undisturbed, result)


def test_a_training_that_is_asked_to_stop_saves_and_continues_to_the_same_bits(
    undisturbed, inputs, tmp_path
):
    result = outputs(tmp_path)
    asked = iter([False] * 6 + [True])
    with pytest.raises(Interrupted, match="epoch 2 of 6"):
        train(SCRATCH, inputs, result, SETTINGS, asked_to_stop=lambda: next(asked))
    assert Path(result.checkpoint).exists()
    train(SCRATCH, inputs, result, SETTINGS)
    assert_identical(undisturbed, result)


def test_a_test_of_many_crystals_stops_between_its_parts(
    undisturbed, inputs, tmp_path, monkeypatch
):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr("crystal_transfer.training.testing.TESTED_AT_ONCE", 2)
    result = outputs(tmp_path)
    asked = iter([False] * 25 + [True])  # 24 batches, and a part
    with pytest.raises(Interrupted, match="while testing"):
        train(SCRATCH, inputs, result, SETTINGS, asked_to_stop=lambda: next(asked))
    monkeypatch.undo()
    train(SCRATCH, inputs, result, SETTINGS)
    assert_identical(undisturbed, result)


def test_a_checkpoint_of_another_training_is_not_continued(
    undisturbed, inputs, tmp_path, monkeypatch
):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    result = outputs(tmp_path)
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)
    train(replace(SCRATCH, hyperparameters=replace(HOW, max_lr=1e-4)), inputs, result, SETTINGS)
    monkeypatch.undo()
    assert Path(result.checkpoint).exists()
    train(SCRATCH, inputs, result, SETTINGS)
    assert_identical(undisturbed, result)


def test_fine_tuning_starts_from_the_source(undisturbed, inputs, tmp_path):
    still = replace(HOW, epochs=1, max_lr=1e-12)
    run = Run(RunKind.FINETUNE, "X", 20, 1, still, source=SCRATCH, strategy="all")
    result = outputs(tmp_path)
    train(run, replace(inputs, weights=undisturbed.model), result, SETTINGS)
    before, after = weights_of(undisturbed), weights_of(result)
    for name, value in before.items():
        if value.is_floating_point() and "running" not in name:
            torch.testing.assert_close(after[name], value, rtol=0, atol=1e-9)


def test_the_best_epoch_is_tested_if_the_protocol_says_so(inputs, tmp_path):
    result = outputs(tmp_path)
    wild = replace(SCRATCH, hyperparameters=replace(HOW, epochs=8, max_lr=0.1))
    train(wild, inputs, result, replace(SETTINGS, tested_epoch=TestedEpoch.BEST))
    metrics = json.loads(Path(result.metrics).read_text())
    history = pd.read_csv(result.history)
    assert metrics["best_epoch"] == history["validation_loss"].idxmin() + 1
    last = outputs(tmp_path / "last")
    train(wild, inputs, last, SETTINGS)
    same = torch.equal(weights_of(result)["fc.weight"], weights_of(last)["fc.weight"])
    assert same == (metrics["best_epoch"] == 8)


def test_learning_lowers_the_error(inputs, tmp_path):
    result = outputs(tmp_path)
    long = replace(SCRATCH, hyperparameters=replace(HOW, epochs=40))
    train(long, inputs, result, SETTINGS)
    history = pd.read_csv(result.history)
    assert history["training_loss"].iloc[-1] < 0.3 * history["training_loss"].iloc[0]


def test_one_atom_cells_in_batches_of_one(alloys, tmp_path):
    copper = alloys[0]._replace(
        numbers=np.array([29], dtype=np.uint8),
        lattice=np.array([[0, 1.8, 1.8], [1.8, 0, 1.8], [1.8, 1.8, 0]]),
        coordinates=np.zeros((1, 3)),
    )
    table = tabulate(copper._replace(id=str(i), target=float(i % 5)) for i in range(20))
    result = outputs(tmp_path / "run")
    run = replace(SCRATCH, size=10, hyperparameters=replace(HOW, batch_size=1, epochs=2))
    train(run, prepare(table, tmp_path / "data"), result, SETTINGS)
    assert np.isfinite(pd.read_csv(result.predictions)["prediction"]).all()


def test_pretraining_leaves_out_what_others_test_on(inputs, tmp_path):
    split = splits.load(inputs.split)
    excluded = tmp_path / "seen.json"
    write_sealed_json(excluded, split.pool[:10])
    result = outputs(tmp_path / "run")
    run = Run(RunKind.PRETRAIN, "X", 40, 1, replace(HOW, epochs=1))
    train(run, replace(inputs, excluded=str(excluded)), result, SETTINGS)
    sample = json.loads(Path(result.description).read_text())["sample"]
    assert len(sample) == 22
    assert not set(sample) & set(split.pool[:10])


def test_the_reference_network_trains(alloys, tmp_path):
    pytest.importorskip("dgl", reason="needs DGL (Python 3.11)")
    full = prepare(alloys, tmp_path / "data", compress=False)
    ours, theirs = outputs(tmp_path / "torch"), outputs(tmp_path / "alignn")
    train(SCRATCH, full, ours, SETTINGS)
    train(replace(SCRATCH, network="reference"), full, theirs, SETTINGS)
    assert weights_of(ours).keys() == weights_of(theirs).keys()
    # other initial weights (other order of random numbers), but the same task
    a, b = (pd.read_csv(result.history)["training_loss"] for result in (ours, theirs))
    assert b.iloc[-1] < b.iloc[0]
    assert a.iloc[-1] < a.iloc[0]


def test_cuda_is_not_quietly_replaced(inputs, tmp_path):
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(InputError, match=r"training\.device"):
        train(SCRATCH, inputs, outputs(tmp_path), replace(SETTINGS, device=Device.CUDA))


def test_a_sample_larger_than_the_pool_is_refused(inputs, tmp_path):
    with pytest.raises(InputError, match="has only 32 crystals"):
        train(replace(SCRATCH, size=33), inputs, outputs(tmp_path), SETTINGS)


@pytest.mark.parametrize("steps", [2, 3, 10, 20, 100])
def test_a_rate_that_rises_for_one_step_is_refused(steps):
    """PyTorch's schedule divides by zero then; with any other share of the steps it can be made."""
    network = torch.nn.Linear(2, 1)
    for share in (0.0, 0.05, 0.1, 0.3, 0.5, 1.0):
        how = replace(HOW, epochs=steps, pct_start=share)
        if share * steps == 1:
            with pytest.raises(InputError, match=r"training.pct_start: \S+ of \d+ steps is one"):
                loop.Training(network, how, 1, FrozenNorms.MOVING)
        else:
            training = loop.Training(network, how, 1, FrozenNorms.MOVING)
            for _ in range(steps - 1):
                training.optimiser.step()
                training.schedule.step()
            assert 0 < training.schedule.get_last_lr()[0] <= how.max_lr


def test_twenty_epochs_end_alike_compressed_and_not(tmp_path):
    table = real_table("ph", every=16, most=70)
    how = replace(HOW, epochs=20, batch_size=16, max_lr=1e-3)
    run = replace(SCRATCH, size=40, hyperparameters=how)
    sizes = AlignnSizes(embedding_features=64, hidden_features=64)
    errors = []
    for compress in (True, False):
        folder = tmp_path / f"{compress}"
        inputs, result = prepare(table, folder, compress), outputs(folder / "run")
        train(run, inputs, result, replace(SETTINGS, sizes=sizes))
        errors.append(read_json(result.metrics)["mae_scaled"])
    assert errors[0] == pytest.approx(errors[1], abs=1e-3)


def test_a_gpu_is_not_given_another_precision():
    """PyTorch's word for bf16 means tf32 there."""
    with pytest.raises(InputError, match="bf16 is for CPUs"):
        require_precision(Precision.BF16, torch.device("cuda"))
    require_precision(Precision.BF16, torch.device("cpu"))
    require_precision(Precision.TF32, torch.device("cuda"))


@given(
    st.lists(
        st.tuples(st.integers(-3, 3), st.floats(-100, 100).map(lambda x: round(x, 1))),
        min_size=2, max_size=40,
    )
)  # fmt: skip
def test_metrics_are_those_of_scipy_and_scikit_learn(pairs):
    target, prediction = np.array(pairs, dtype=float).T / 10
    found = scaled_metrics(target, prediction, 20.0)
    assert found["mae_scaled"] == pytest.approx(mean_absolute_error(target, prediction) / 20)
    if np.ptp(target) == 0:
        assert found["r2"] is None
    else:
        assert found["r2"] == pytest.approx(r2_score(target, prediction))
    assert found["median_ae"] == pytest.approx(np.median(np.abs(target - prediction)))
    if np.ptp(target) == 0 or np.ptp(prediction) == 0:
        assert found["spearman"] is None
    else:
        assert found["spearman"] == pytest.approx(spearmanr(target, prediction).statistic)


@pytest.mark.parametrize("factor", [1e3, 1e20, np.inf, np.nan])
def test_errors_beyond_the_range_of_the_targets_are_no_metrics(factor):
    """Weights of a training that exploded may be finite; a constant within the range is a model."""
    target = np.array([-1.0, 0.0, 1.0])
    found = scaled_metrics(target, factor * np.array([1.0, 2.0, -1.0]), 1.0)
    assert found.pop("n_test") == 3
    assert set(found) == {"r2", "mae", "rmse", "median_ae", "spearman", "mae_scaled"}
    assert set(found.values()) == {None}
    for constant in (-1.0, 1.0):
        assert scaled_metrics(target, np.full(3, constant), 1.0)["mae_scaled"] == 1.0
    assert scaled_metrics(target, -target, 1.0)["mae_scaled"] == pytest.approx(4 / 3)


@pytest.mark.parametrize("known", [[], [0.3], [0.1, 0.1, 0.1]])
def test_validation_of_targets_that_do_not_differ_has_no_r2(known):
    target = torch.tensor([*known, torch.nan])
    assert np.isnan(loop._r2(target + 0.1, target))


def test_the_optimiser_is_pytorchs():
    ends = []
    for kind in (torch.optim.AdamW, AdamW):
        torch.manual_seed(0)
        parameter = torch.nn.Parameter(torch.randn(300))
        optimiser = kind([{"params": [parameter], "weight_decay": 0.1}], lr=1e-2, fused=True)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-2, total_steps=6)
        for _ in range(5):
            optimiser.zero_grad()
            (parameter**3).sum().backward()
            optimiser.step()
            schedule.step()
            optimiser.load_state_dict(optimiser.state_dict())
        ends.append(parameter.detach())
    assert torch.equal(*ends)
