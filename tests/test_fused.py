"""The fused operations against the plain ones, on weighted and unweighted graphs."""

import os
import subprocess
import sys
from dataclasses import dataclass, replace
from importlib import import_module

import numpy as np
import pytest
import torch
from conftest import ROOT, moved
from hypothesis import given
from hypothesis import strategies as st
from numba import njit
from runs import HOW, SCRATCH, SETTINGS, outputs, prepare
from torch import nn

from crystal_transfer.files import read_json
from crystal_transfer.models import kernels
from crystal_transfer.models.alignn import EdgeGatedGraphConv
from crystal_transfer.models.kernels import autograd, plain
from crystal_transfer.models.kernels.cpu import simd
from crystal_transfer.models.kernels.cpu.calls import DEVICE as CPU
from crystal_transfer.training.run import train

FEATURES = 48
GPU = "cuda" if torch.cuda.is_available() else "cpu"
if GPU == "cpu":
    os.environ["TRITON_INTERPRET"] = "1"  # Triton's own interpreter; read when it is imported


@dataclass
class Fused:
    """The fused operations of one device, called as the plain ones are."""

    device: autograd.Device

    def edge_gated_convolution(self, *arguments):
        return autograd.edge_gated_convolution(self.device, *arguments)

    def batch_norm_silu(self, *arguments):
        return autograd.batch_norm_silu(self.device, *arguments)


@pytest.fixture(params=["1 thread", "2 threads", "triton"])
def kernel(request):
    """The fused operations of a device."""
    if request.param == "triton":
        pytest.importorskip("triton")
        yield Fused(import_module("crystal_transfer.models.kernels.gpu.calls").DEVICE)
        return
    before = torch.get_num_threads()
    torch.set_num_threads(int(request.param[0]))
    yield Fused(CPU)
    torch.set_num_threads(before)


@pytest.fixture
def device(kernel):
    return "cpu" if kernel.device is CPU else GPU


@pytest.fixture
def graph(some_batch, kernel, device):
    # the interpreter is slow: there are fewer bonds than bond pairs
    return moved(some_batch.pairs if kernel.device is CPU else some_batch.bonds, device)


def random(n, seed, device="cpu", scale=1.0):
    values = torch.randn(n, FEATURES, generator=torch.Generator().manual_seed(seed))
    return scale * values.to(device)


def randomised(module: nn.Module, training: bool, device="cpu") -> nn.Module:
    generator = torch.Generator().manual_seed(5)
    for tensor in module.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand(tensor.shape, generator=generator) - 0.3).abs_()
    return module.train(training).to(device)


def outcome(module, function, *inputs):
    """Values, gradients and running statistics for fixed but arbitrary upstream gradients."""
    inputs = [x.clone().requires_grad_() for x in inputs]
    values = [value for value in function(*inputs) if value is not None]
    upstream = [random(len(value), 9 + i, value.device) for i, value in enumerate(values)]
    torch.autograd.backward(values, upstream)
    gradients = [x.grad for x in inputs] + [p.grad for p in module.parameters()]
    return [*values, *gradients, *module.buffers()]


def assert_equal(fast, plain):
    for mine, theirs in zip(fast, plain, strict=True):
        if theirs is None:
            assert mine is None
        else:
            theirs = theirs.detach()
            scale = float(theirs.abs().max())
            torch.testing.assert_close(mine.detach(), theirs, rtol=1e-4, atol=1e-5 * (1 + scale))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("update_edges", [True, False])
@pytest.mark.parametrize("gathered", [True, False])
def test_edge_gated_convolution(kernel, device, graph, training, update_edges, gathered):
    if kernel.device is not CPU and gathered != update_edges:
        pytest.skip("the interpreter is slow: half the combinations show all there is")
    n_edges = len(graph.source)
    place = (torch.arange(n_edges, device=device) * 7 % 11).int() if gathered else None
    x, y = (
        random(len(graph.first) - 1, 1, device),
        random(11 if gathered else n_edges, 2, device, 3.0),
    )
    fast, slow = (randomised(EdgeGatedGraphConv(FEATURES), training, device) for _ in range(2))
    assert_equal(
        outcome(
            fast,
            lambda x, y: kernel.edge_gated_convolution(fast, graph, x, y, place, update_edges),
            x, y,
        ),
        outcome(
            slow,
            lambda x, y: plain.edge_gated_convolution(slow, graph, x, y, place, update_edges),
            x, y,
        ),
    )  # fmt: skip


def assert_near(halves, wholes):
    """Compare what was computed with edges in bf16 with what was not: 8 bits are kept of 24.

    Gradients of biases before a norm are zero but for round-off: all may differ by a small part of
    the largest.
    """
    pairs = [(mine.detach(), theirs.detach()) for mine, theirs in zip(halves, wholes, strict=True)
             if theirs is not None and theirs.is_floating_point()]  # fmt: skip
    largest = max(theirs.norm() for _, theirs in pairs)
    for mine, theirs in pairs:
        assert (mine - theirs).norm() <= 0.02 * theirs.norm() + 1e-4 * largest


@pytest.mark.parametrize("update_edges", [True, False])
@pytest.mark.parametrize("gathered", [True, False])
def test_edges_in_bf16(some_batch, update_edges, gathered):
    graph = some_batch.pairs
    n_edges = len(graph.source)
    place = (torch.arange(n_edges) * 7 % 11).int() if gathered else None
    x, y = random(len(graph.first) - 1, 1), random(11 if gathered else n_edges, 2, scale=3.0)
    results = []
    for kept in (torch.bfloat16, torch.float32):
        layer = randomised(EdgeGatedGraphConv(FEATURES), True)

        def convolution(x, y, layer=layer, kept=kept):
            rows = y.to(kept)
            x_out, y_out = autograd.edge_gated_convolution(
                CPU, layer, graph, x, rows, place, update_edges
            )
            assert y_out is None or y_out.dtype is kept
            return x_out, None if y_out is None else y_out.float()

        results.append(outcome(layer, convolution, x, y))
    assert_near(*results)


@njit
def through_halves(wholes, halves, back):
    """Store numbers as halves and load them again; the arguments are addresses of 64 numbers."""
    for f in range(0, 64, simd.LANES):
        simd.store_as(simd.HALF, halves, f, simd.load_as(simd.SINGLE, wholes, f))
        simd.store(back, f, simd.load_as(simd.HALF, halves, f))


@given(st.lists(st.integers(0, 2**32 - 1), min_size=64, max_size=64))
def test_halves_are_pytorchs(bits):
    """Of all patterns of bits: numbers, subnormal ones, infinities and what is no number."""
    wholes = torch.from_numpy(np.array(bits, np.uint32).view(np.float32))
    halves, back = torch.empty(64, dtype=torch.bfloat16), torch.empty(64)
    through_halves(wholes.data_ptr(), halves.data_ptr(), back.data_ptr())
    torch.testing.assert_close(halves, wholes.bfloat16(), rtol=0, atol=0, equal_nan=True)
    torch.testing.assert_close(back, halves.float(), rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("training", [True, False])
def test_batch_norm_silu(kernel, device, graph, training):
    x = random(len(graph.source), 1, device) + 20.0  # far from 0: moments must not cancel
    results = []
    for module in [kernel, plain]:
        norm = randomised(nn.BatchNorm1d(FEATURES), training, device)
        results.append(
            outcome(
                norm, lambda x, k=module, n=norm: [k.batch_norm_silu(n, x, graph.edge_weight)], x
            )
        )
    assert_equal(*results)


def test_the_number_of_threads_changes_no_bit_of_the_loops(some_batch):
    weight = some_batch.pairs.edge_weight
    x = random(len(some_batch.pairs.source), 1)
    results = []
    for threads in [1, 2]:
        torch.set_num_threads(threads)
        norm = randomised(nn.BatchNorm1d(FEATURES), True)
        results.append(
            outcome(norm, lambda x, n=norm: [Fused(CPU).batch_norm_silu(n, x, weight)], x)
        )
    torch.set_num_threads(1)
    for one, two in zip(*results, strict=True):
        assert torch.equal(one, two)


@pytest.mark.parametrize("error", [RuntimeError("no C compiler"), PermissionError("read-only")])
def test_a_gpu_whose_kernels_cannot_be_compiled_is_used_without(error, monkeypatch):
    """Said once, by whichever step comes first."""
    pytest.importorskip("triton")

    def fails(*_):
        raise error

    monkeypatch.setattr(kernels, "_try_out", fails)
    kernels._device.cache_clear()
    try:
        with pytest.warns(UserWarning, match=f"cuda cannot be used.*{error}"):
            assert kernels._device("cuda") is None
        assert kernels._device("cuda") is None
    finally:
        kernels._device.cache_clear()


def test_a_single_row_is_normalised_to_the_bias(kernel, device):
    norm = nn.BatchNorm1d(FEATURES).to(device)
    nn.init.constant_(norm.bias, 0.5)
    before = [buffer.clone() for buffer in norm.buffers()]
    y = kernel.batch_norm_silu(norm, random(1, 1, device))
    torch.testing.assert_close(y, nn.functional.silu(torch.full_like(y, 0.5)))
    assert all(torch.equal(old, new) for old, new in zip(before, norm.buffers(), strict=True))


def test_frozen_layers_get_no_gradient(kernel, device, graph):
    layer = EdgeGatedGraphConv(FEATURES).requires_grad_(False).to(device)
    layer.src_gate.requires_grad_(True)
    x, y = random(len(graph.first) - 1, 1, device), random(len(graph.source), 2, device)
    values = kernel.edge_gated_convolution(layer, graph, x, y)
    (values[0].sum() + values[1].sum()).backward()
    for name, parameter in layer.named_parameters():
        assert (parameter.grad is not None) == name.startswith("src_gate"), name


def test_extreme_gates(kernel, device, graph):
    x, y = random(len(graph.first) - 1, 1, device), random(len(graph.source), 2, device, 300.0)
    layer = EdgeGatedGraphConv(FEATURES).eval().to(device)
    with torch.no_grad():
        assert_equal(
            kernel.edge_gated_convolution(layer, graph, x, y),
            plain.edge_gated_convolution(layer, graph, x, y),
        )


WITHOUT_PACKAGES = """
import sys
for name in ["numba", "triton", "pandas", "scipy", "yaml", "pymatgen", "ase", "jarvis", "matminer",
             "dgl", "tqdm", "snakemake", "psutil", "matplotlib", "sklearn", "jsonschema", "pooch",
             "pydantic", "safetensors", "crepes", "jinja2"]:
    sys.modules[name] = None  # an import of it fails
sys.path.insert(0, sys.argv[1])
from pathlib import Path
import numpy as np
import torch
import crystal_transfer.bundles.member  # a member of a bundle is trained with no more
from crystal_transfer.runs import Hyperparameters, Loss, Run, RunKind
from crystal_transfer.models import kernels
from crystal_transfer.models.sizes import AlignnSizes
from crystal_transfer.protocols import FrozenNorms, TestedEpoch, TestLabels, TrainingSeed
from crystal_transfer.training.paths import Inputs, Outputs
from crystal_transfer.training.run import train
from crystal_transfer.training.settings import Device, Precision, Settings
assert kernels.device_for(torch.zeros(1, 16)) is None
folder = Path(sys.argv[2])
names = ["model.safetensors", "metrics.json", "predictions.csv", "history.csv", "run.json",
         "c.pt"]
how = Hyperparameters(
    epochs=6, batch_size=4, max_lr=1e-4, loss=Loss.MSE, weight_decay=1e-5, pct_start=0.3
)
train(
    Run(RunKind.SCRATCH, "X", 20, 1, how),
    Inputs(*[str(folder / name)
             for name in ["graphs", "crystals.npz", "split.json", "scaler.json"]]),
    Outputs(*[str(folder / name) for name in names]),
    Settings(0, TestedEpoch.LAST, FrozenNorms.MOVING, TrainingSeed.PER_TRIAL,
             TestLabels.WITHHELD, "shell", "", Device.CPU, Precision.FP32, True, 1,
             AlignnSizes(1, 1, embedding_features=8, hidden_features=16)),
)
assert "torch._dynamo" not in sys.modules  # PyTorch's compiler is seconds of import
"""


def test_training_needs_torch_and_numpy_only_and_gives_the_same(alloys, tmp_path):
    inputs = prepare(alloys, tmp_path)
    command = [sys.executable, "-c", WITHOUT_PACKAGES, str(ROOT), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0, done.stderr
    fused_result = outputs(tmp_path / "fused")
    # at large learning rates AdamW makes much of round-off: biases before a norm have no gradient
    gently = replace(SCRATCH, hyperparameters=replace(HOW, max_lr=1e-4))
    train(gently, inputs, fused_result, SETTINGS)
    plain = read_json(tmp_path / "metrics.json")
    assert read_json(fused_result.metrics)["mae_scaled"] == pytest.approx(
        plain["mae_scaled"], abs=1e-3
    )
