"""Steps as a GPU takes them: padded, recorded, and without waiting; on a GPU where there is one."""

import itertools
import os
import subprocess
import sys
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
import torch
from conftest import ROOT, moved, saved
from hypothesis import given
from hypothesis import strategies as st
from runs import HOW, SCRATCH, SETTINGS, SMALL, outputs, prepare

from crystal_transfer.files import read_json
from crystal_transfer.graphs.batches import assemble, choose, load_graphs
from crystal_transfer.graphs.build import build
from crystal_transfer.graphs.padding import cheapest_ends, pad, plan_sizes, size_for
from crystal_transfer.graphs.store import open_store
from crystal_transfer.models import kernels
from crystal_transfer.models.alignn import ALIGNN
from crystal_transfer.protocols import AbsentLabels
from crystal_transfer.runs import Loss
from crystal_transfer.training import steps
from crystal_transfer.training.criterion import TERMS, Criterion
from crystal_transfer.training.prediction import predict, predictions_of
from crystal_transfer.training.replay import cuda_graphs
from crystal_transfer.training.run import train
from crystal_transfer.training.settings import Device
from crystal_transfer.training.steps import (
    Gradients,
    LabelledGraphs,
    ReplayedSteps,
    gradients,
    step_by_step,
)

MSE = Criterion(TERMS[Loss.MSE], AbsentLabels.LEFT_OUT)


@pytest.fixture(params=[False, True], ids=["full", "compressed"])
def training(request, alloys, tmp_path) -> LabelledGraphs:
    build(saved(alloys, tmp_path), tmp_path / "graphs", "shell", request.param)
    graphs = load_graphs(open_store(tmp_path / "graphs"), np.arange(len(alloys)))
    return LabelledGraphs(graphs, torch.linspace(-1, 1, len(alloys)).unsqueeze(1), ("X",))


@pytest.fixture
def model(alloys, tmp_path, training) -> ALIGNN:
    torch.manual_seed(3)
    return ALIGNN(SMALL, torch.from_numpy(np.array(open_store(tmp_path / "graphs").features)))


def outcome(model, function) -> dict[str, torch.Tensor]:
    """Loss, gradients and running statistics of a step from the same start."""
    found = function()
    names = [name for name, _ in model.named_parameters()]
    of_parameters = zip(names, found.of_parameters, strict=True)
    present = {name: value.clone() for name, value in of_parameters if value is not None}
    statistics = {name: value.clone() for name, value in model.named_buffers()}
    return {"loss": found.loss.clone()} | present | statistics


def assert_same(ours: dict, theirs: dict) -> None:
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        scale = 1 + float(theirs[name].abs().max())
        torch.testing.assert_close(value, theirs[name], rtol=1e-4, atol=1e-4 * scale,
            msg=lambda text, name=name: f'{name}: {text}')  # fmt: skip


def reset_after(model, function):
    """Call a function and take back what it did to the model."""
    before = {name: value.clone() for name, value in model.state_dict().items()}
    result = function()
    model.load_state_dict(before)
    return result


def test_ghosts_change_nothing(model, training):
    members, targets = torch.tensor([3, 0, 17, 5]), training.targets[[3, 0, 17, 5]]
    batch = assemble(training.graphs, members)
    (sizes,) = plan_sizes(totals_of(training.graphs, [members]))
    assert sizes > (len(batch.bonds.first) - 1, len(batch.bonds.source), len(batch.pairs.source))
    padded = pad(batch, sizes)
    assert len(padded.bonds.node_weight) == sizes.atoms
    assert len(padded.pairs.target) == sizes.triplets
    model.train()
    ours, theirs = (
        reset_after(
            model, lambda b=b: outcome(model, lambda: gradients(model, b, targets, MSE))
        )
        for b in (padded, batch)
    )  # fmt: skip
    assert_same(ours, theirs)


def totals_of(graphs, batches) -> np.ndarray:
    return np.array([chosen.totals for chosen in choose(graphs, batches)])


@pytest.mark.parametrize("n", [1, 2, 8])
def test_few_planned_sizes_hold_all_batches(training, n):
    generator = torch.Generator().manual_seed(0)
    batches = [torch.randperm(len(training.graphs), generator=generator)[:n] for _ in range(200)]
    totals = totals_of(training.graphs, batches)
    sizes, found = plan_sizes(totals), []
    for members, total in zip(batches, totals.tolist(), strict=True):
        found.append(size := size_for(total, sizes))
        pad(assemble(training.graphs, members), size)
    assert 1 < len(set(found)) <= len(sizes) <= 8
    pairs = totals[:, 2]
    padded = sum(size.triplets for size in found)
    # no more than equal shares of the batches, or powers of 1.25 of the average batch, would
    shares = np.array_split(np.sort(pairs), 8)
    assert padded <= sum(len(share) * share.max() for share in shares) + 16 * len(pairs)
    average = totals.mean(axis=0)
    level = np.ceil(np.log(((totals + 1) / average).max(axis=1)) / np.log(1.25))
    if len(np.unique(level)) <= 8:
        assert padded <= (1.25**level * average[2]).sum()


@given(rows=st.lists(st.integers(1, 50), min_size=1, max_size=9), most=st.integers(1, 4))
def test_batches_are_divided_where_it_costs_least(rows, most):
    rows = np.sort(rows)

    def cost(ends):
        return sum((end - start) * rows[end - 1] for start, end in itertools.pairwise([0, *ends]))

    shares = min(most, len(rows))
    every = itertools.combinations(range(1, len(rows)), shares - 1)
    found = cheapest_ends(rows, most)
    assert len(found) == shares and found[-1] == len(rows)
    assert cost(found) == min(cost([*inner, len(rows)]) for inner in every)


@given(
    totals=st.lists(st.tuples(*[st.integers(1, 5000)] * 3), min_size=1, max_size=60),
    most=st.integers(1, 9),
)
def test_every_planned_batch_has_a_size(totals, most):
    sizes = plan_sizes(np.array(totals), most)
    assert 1 <= len(sizes) <= most
    for total in totals:
        assert all(rows < limit for rows, limit in zip(total, size_for(total, sizes), strict=True))
    with pytest.raises(ValueError, match="was it planned"):
        size_for((10**6, 1, 1), sizes)


def chosen_of(graphs, members):
    (chosen,) = choose(graphs, [members])
    return chosen


def planned(training, n=6) -> list:
    """The sizes of a training whose batches are any n crystals."""
    counts = training.graphs.counts.sort(dim=1, descending=True).values[:, :n].sum(1)
    return plan_sizes(np.array([counts.tolist()]))


def tensors_of(found: Gradients) -> list[torch.Tensor]:
    return [found.loss, *(value for value in found.of_parameters if value is not None)]


def rerun(function):
    """Record as a CUDA graph does: nothing happens until the replay, which repeats the function."""
    model = function.args[0]
    result = reset_after(model, function)

    def replay():
        for old, new in zip(tensors_of(result), tensors_of(function()), strict=True):
            old.copy_(new)

    return replay, result


def test_replayed_steps_are_those_computed_one_by_one(model, training):
    recordings = []
    generator = torch.Generator().manual_seed(1)
    n = len(training.graphs)
    batches = choose(
        training.graphs, [torch.randperm(n, generator=generator)[:6] for _ in range(12)]
    )
    replayed = ReplayedSteps(
        model, training, MSE, plan_sizes(np.array([chosen.totals for chosen in batches]), 3),
        lambda f: recordings.append(f) or rerun(f),
    )  # fmt: skip
    plain = step_by_step(model, training, MSE)
    model.train()
    for chosen in batches:
        expected = reset_after(model, lambda c=chosen: outcome(model, lambda: plain(c)))
        assert_same(outcome(model, lambda c=chosen: replayed(c)), expected)
        for parameter in model.parameters():  # as an optimizer would
            parameter.data.mul_(0.999)
    assert 1 < len(recordings) <= len(replayed.steps)


def test_where_nothing_can_be_recorded_steps_go_on(model, training):
    def record(function):
        raise RuntimeError("operation not permitted when stream is capturing")

    replayed = ReplayedSteps(model, training, MSE, planned(training), record)
    members = chosen_of(training.graphs, torch.arange(6))
    replayed(members)
    with pytest.warns(UserWarning, match="no CUDA graph"):
        replayed(members)
    assert torch.isfinite(replayed(members).loss)


def test_a_step_asks_no_tensor_for_its_values(model, training, monkeypatch):
    """Meta tensors have none: whatever would make the host wait for a GPU fails on them."""
    pytest.importorskip("triton")
    gpu = import_module("crystal_transfer.models.kernels.gpu.calls")
    monkeypatch.setattr(gpu, "launch", lambda *_, **__: None)
    monkeypatch.setattr(kernels, "device_for", lambda *_: gpu.DEVICE)
    on_meta = LabelledGraphs(moved(training.graphs, "meta"), training.targets.to("meta"), ("X",))
    model.to("meta").train()
    chosen = chosen_of(on_meta.graphs, torch.tensor([3, 0, 17, 5]))
    found = ReplayedSteps(model, on_meta, MSE, planned(training, 4), rerun)(chosen)
    shapes = [None if g is None else g.shape for g in found.of_parameters]
    assert [shape for shape in shapes if shape] == [
        p.shape for p, g in zip(model.parameters(), found.of_parameters, strict=True)
        if g is not None
    ]  # fmt: skip


COMPILE_ALL = """
import torch, triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from crystal_transfer.graphs.batches import Adjacency
from crystal_transfer.models.alignn import EdgeGatedGraphConv
from crystal_transfer.models.kernels import autograd
from crystal_transfer.models.kernels.gpu import calls

TYPES = {torch.float32: "*fp32", torch.int32: "*i32", torch.int64: "*i64"}
compiled = set()

def type_of(value):
    if isinstance(value, torch.Tensor):
        return TYPES[value.dtype]
    return {int: "i32", float: "fp32", type(None): "constexpr"}[type(value)]

def compile_only(kernel, grid, *arguments, **constants):
    values = dict(zip(kernel.arg_names, arguments)) | constants
    assert set(values) == set(kernel.arg_names)
    signature = {
        name: "constexpr" if name in constants else type_of(values[name])
        for name in kernel.arg_names
    }
    fixed = {name: values[name] for name, kind in signature.items() if kind == "constexpr"}
    for capability in (80, 90):
        source = ASTSource(kernel, signature=signature, constexprs=fixed)
        result = triton.compile(source, target=GPUTarget("cuda", capability, 32))
        assert result.asm["cubin"]
        compiled.add((kernel.fn.__name__, capability))

calls.launch = compile_only
first, edge = torch.tensor([0, 1, 2], dtype=torch.int32), torch.tensor([0, 1], dtype=torch.int32)
weight = torch.ones(2, 1)
for weights in ([weight] * 3, [None] * 3):
    layer = EdgeGatedGraphConv(256)
    graph = Adjacency(edge, edge, first, *weights)
    x, y = (torch.zeros(2, 256, requires_grad=True) for _ in range(2))
    x_out, y_out = autograd.edge_gated_convolution(calls.DEVICE, layer, graph, x, y)
    (x_out.sum() + y_out.sum()).backward()
    autograd.batch_norm_silu(calls.DEVICE, layer.bn_nodes, x, weights[0]).sum().backward()
print(len(compiled), "kernels")
"""


def test_all_kernels_compile_for_gpus():
    """Triton's compiler and NVIDIA's assembler need no GPU; what they make does."""
    pytest.importorskip("triton")
    environment = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    done = subprocess.run(
        [sys.executable, "-c", COMPILE_ALL], cwd=ROOT, env=environment, capture_output=True,
        text=True,
    )  # fmt: skip
    assert "16 kernels" in done.stdout, done.stdout + done.stderr


needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")


@needs_gpu
def test_a_training_on_a_gpu_is_that_on_a_cpu(alloys, tmp_path):
    inputs = prepare(alloys, tmp_path)
    gently = replace(SCRATCH, hyperparameters=replace(HOW, max_lr=1e-3))
    found = {}
    for device in ("cpu", "cuda"):
        result = outputs(tmp_path / device)
        train(gently, inputs, result, replace(SETTINGS, device=Device(device)))
        found[device] = read_json(result.metrics)["mae_scaled"]
    assert found["cuda"] == pytest.approx(found["cpu"], abs=1e-3)


@needs_gpu
@pytest.mark.filterwarnings("error:no CUDA graph")
def test_cuda_graphs_are_recorded_and_right(model, training):
    on_gpu = LabelledGraphs(moved(training.graphs, "cuda"), training.targets.cuda(), ("X",))
    model.cuda().train()
    replayed = steps.steps_of(model, on_gpu, MSE, lambda: [torch.arange(6)])
    plain = step_by_step(model, on_gpu, MSE)
    chosen = chosen_of(on_gpu.graphs, torch.arange(6))
    for _ in range(4):
        expected = reset_after(model, lambda: outcome(model, lambda: plain(chosen)))
        assert_same(outcome(model, lambda: replayed(chosen)), expected)
    again = predictions_of(model, on_gpu.graphs)
    for _ in range(4):
        torch.testing.assert_close(again(), predict(model, on_gpu.graphs))


@needs_gpu
def test_an_epoch_waits_for_no_gpu(model, training):
    """Choosing, assembling and stepping; only what reads a loss waits."""
    on_gpu = LabelledGraphs(moved(training.graphs, "cuda"), training.targets.cuda(), ("X",))
    model.cuda().train()
    batches = list(torch.arange(36).split(6))
    compute = steps.steps_of(model, on_gpu, MSE, lambda: batches)
    for _ in range(3):  # until every size is recorded
        for chosen in choose(on_gpu.graphs, batches):
            compute(chosen)
    torch.cuda.set_sync_debug_mode("error")
    try:
        for chosen in choose(on_gpu.graphs, batches):
            compute(chosen)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@needs_gpu
def test_after_a_failed_recording_another_succeeds(model, training):
    record = cuda_graphs()
    with pytest.raises(RuntimeError):
        record(lambda: torch.ones(3, device="cuda").sum().item())
    number = torch.ones(3, device="cuda")
    replay, result = record(lambda: number * 2)
    replay()
    assert result.tolist() == [2.0, 2.0, 2.0]
