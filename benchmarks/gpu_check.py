"""First check on a GPU: whether training is right, repeatable and recorded there, and how fast.

    python benchmarks/gpu_check.py --graphs results/gpu/graphs/ph --batch 16
    python benchmarks/gpu_check.py --graphs results/gpu/graphs/ph --batch 4 correct resume

All parts run in this order, or only those that are named:

correct
    A step gives the loss, gradients and running statistics of the CPU, and so do predictions:
    with PyTorch's operations, with the fused kernels, and with a batch filled up by ghosts.
replay
    Steps recorded as CUDA graphs are those computed one by one; recorded trainings repeat.
resume
    A training that is interrupted and continued ends with the same bits as one that is not.
sync
    Choosing an epoch's batches, assembling them and stepping never waits for the GPU.
time
    Milliseconds of the pieces of a step, in fp32 and tf32.
tune
    Milliseconds of a recorded step with other shapes of the Triton launches.
profile
    The kernels of a recorded step, the longest first.

`make gpu` packs what a machine needs that has PyTorch, NumPy and Triton only. Without a GPU
`correct` and `resume` run on the CPU. The exit status is 1 if anything failed.
"""

import argparse
import itertools
import statistics
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import numpy as np
import torch
from gpu_step import DEVICE, SQUARED_ERROR, finish
from timing import side_by_side
from torch import Tensor, nn

from crystal_transfer.errors import Interrupted
from crystal_transfer.graphs.batches import Chosen, batch_of, choose, load_graphs
from crystal_transfer.graphs.padding import PaddedSize, pad, plan_sizes, size_for
from crystal_transfer.graphs.store import GraphStore, open_store
from crystal_transfer.models import kernels
from crystal_transfer.models.alignn import ALIGNN
from crystal_transfer.models.sizes import AlignnSizes
from crystal_transfer.protocols import FrozenNorms
from crystal_transfer.runs import Hyperparameters, Loss
from crystal_transfer.training.device import PRECISIONS
from crystal_transfer.training.loop import batches_of, fit
from crystal_transfer.training.prediction import predict, predictions_of
from crystal_transfer.training.replay import cuda_graphs
from crystal_transfer.training.settings import Precision
from crystal_transfer.training.steps import (
    Gradients,
    LabelledGraphs,
    ReplayedSteps,
    Step,
    gradients,
    put_gradients,
    step_by_step,
)

WARM_UP = 3  # calls until a step is compiled and recorded
REPEATS = 30  # calls between two waits for the GPU, when time is taken
LONGEST = 28  # kernels that a profile lists
WAIT = "called a synchronizing CUDA operation"  # how PyTorch's warning of a wait begins


class Line(NamedTuple):
    """A line of the output; `good` is None where it says a figure that is not judged."""

    text: str
    good: bool | None = None


class Case(NamedTuple):
    """What is checked: a graph store, crystals in a batch, and crystals in a training."""

    store: GraphStore
    batch: int
    n: int

    def model(self, device: str = DEVICE) -> ALIGNN:
        """Return the network of the paper in training mode, the same at every call."""
        torch.manual_seed(1)
        features = torch.from_numpy(np.array(self.store.features))
        return ALIGNN(AlignnSizes(), features).to(device).train()

    def data(self, n: int, device: str = DEVICE) -> LabelledGraphs:
        """Return the first n crystals of the store with targets in no order."""
        order = torch.randperm(n, generator=torch.Generator().manual_seed(5))
        targets = torch.linspace(-1, 1, n)[order].unsqueeze(1).to(device)
        return LabelledGraphs(load_graphs(self.store, np.arange(n), device), targets, ("X",))

    def how(self, epochs: int = 3) -> Hyperparameters:
        """Return how to train for a few epochs."""
        return Hyperparameters(
            epochs=epochs, batch_size=self.batch, max_lr=1e-3, loss=Loss.MSE, weight_decay=1e-5,
            pct_start=0.3,
        )  # fmt: skip

    def batches(self, epochs: int = 1) -> list[Tensor]:
        """Return the crystals of every batch of a training."""
        how = self.how(epochs)
        return [part for e in range(epochs) for part in batches_of(self.n, how, 0, e)]


def plain_kernels() -> AbstractContextManager:
    """Let the model use PyTorch's operations only."""
    return mock.patch.object(kernels, "device_for", lambda *_: None)


def sizes_of(batches: Sequence[Chosen]) -> list[PaddedSize]:
    """Plan the sizes that batches are filled up to."""
    return plan_sizes(np.array([chosen.totals for chosen in batches]))


def optimiser_of(model: nn.Module) -> torch.optim.Optimizer:
    """Return the optimiser of the trainings."""
    return torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)


def joined(tensors: Sequence[Tensor]) -> Tensor:
    """Return the numbers of all tensors in one, on the CPU in double precision."""
    return torch.cat([tensor.detach().flatten().double().cpu() for tensor in tensors])


def weights_of(model: nn.Module) -> Tensor:
    """Return all weights and running statistics in one tensor."""
    return joined(list(model.state_dict().values()))


# --- correct -----------------------------------------------------------------------------------


class Outcome(NamedTuple):
    """What a step and the predictions after it give."""

    loss: Tensor
    gradients: Tensor
    statistics: Tensor
    predictions: Tensor


LIMITS = {"loss": 1e-4, "gradients": 2e-3, "statistics": 1e-4, "predictions": 2e-3}


def outcome_of(case: Case, device: str, plain: bool, padded: bool) -> Outcome:
    """Take a step with the first crystals, and predict for them."""
    model, data = case.model(device), case.data(case.batch, device)
    (chosen,) = choose(data.graphs, [torch.arange(case.batch)])
    with plain_kernels() if plain else nullcontext():
        batch = batch_of(data.graphs, chosen)
        batch = pad(batch, size_for(chosen.totals, sizes_of([chosen]))) if padded else batch
        found = gradients(model, batch, data.targets[chosen.members], SQUARED_ERROR)
        predictions = predict(model, data.graphs)
    pairs = zip(model.parameters(), found.of_parameters, strict=True)
    return Outcome(
        joined([found.loss]),
        joined([torch.zeros_like(p) if gradient is None else gradient for p, gradient in pairs]),
        joined([buffer for name, buffer in model.named_buffers() if "running" in name]),
        joined([predictions]),
    )


def correct(case: Case) -> Iterator[Line]:
    """Compare a step on the GPU with that of PyTorch's operations on the CPU."""
    fused = kernels.device_for(torch.zeros(1, AlignnSizes().hidden_features, device=DEVICE))
    name = "none" if fused is None else type(fused).__name__
    yield Line(f"fused kernels: {name}", fused is not None or DEVICE == "cpu")
    expected = outcome_of(case, "cpu", plain=True, padded=False)
    yield Line(f"{'cpu, plain':20s} loss {expected.loss.item():.6f}")
    for name, plain, padded in [
        ("plain", True, False),
        ("fused", False, False),
        ("fused, padded", False, True),
    ]:
        ours = outcome_of(case, DEVICE, plain, padded)
        off = {
            what: float((value - true).norm() / true.norm())
            for what, value, true in zip(LIMITS, ours, expected, strict=True)
        }
        text = "  ".join(f"{what} {value:.1e}" for what, value in off.items())
        good = all(off[what] < limit for what, limit in LIMITS.items())
        yield Line(f"{f'{DEVICE}, {name}':20s} off by a share of  {text}", good)


# --- replay ------------------------------------------------------------------------------------


def recorded(model: nn.Module, data: LabelledGraphs, sizes: Sequence[PaddedSize]) -> ReplayedSteps:
    """Return steps that are recorded when a size comes for the second time."""
    return ReplayedSteps(model, data, SQUARED_ERROR, sizes, cuda_graphs())


def one_by_one(model: nn.Module, data: LabelledGraphs, sizes: Sequence[PaddedSize]) -> Step:
    """Return the same steps, computed kernel by kernel."""

    def step(chosen: Chosen) -> Gradients:
        batch = pad(batch_of(data.graphs, chosen), size_for(chosen.totals, sizes))
        return gradients(model, batch, data.targets[chosen.members], SQUARED_ERROR)

    return step


def trained(case: Case, data: LabelledGraphs, how: Callable[..., Step]) -> tuple[Tensor, Tensor]:
    """Train for four epochs; return the loss of every step, and the weights at the end."""
    batches, model, losses = choose(data.graphs, case.batches(4)), case.model(), []
    compute, optimiser = how(model, data, sizes_of(batches)), optimiser_of(model)
    for chosen in batches:
        found = compute(chosen)
        losses.append(found.loss.clone())  # the next step overwrites it
        put_gradients(found, model)
        optimiser.step()
    return joined(losses), weights_of(model)


def same(one: Sequence[Tensor], other: Sequence[Tensor]) -> bool:
    """Say whether tensors are equal to the bit."""
    return all(map(torch.equal, one, other))


def replay(case: Case) -> Iterator[Line]:
    """Compare recorded steps with each other and with those computed one by one."""
    data = case.data(case.n)
    one, two = (trained(case, data, recorded) for _ in range(2))
    text = f"loss {one[0][0]:.4f} to {one[0][-5:].mean():.4f}"
    yield Line(f"two recorded trainings agree to the bit; {text}", same(one, two))
    eager = trained(case, data, one_by_one)
    off = float((one[0] - eager[0]).abs().max())
    exact = "to the bit" if same(one, eager) else f"but NOT to the bit: losses within {off:.1e}"
    yield Line(f"recorded steps are those computed one by one, {exact}", off < 1e-3)
    again = predictions_of(case.model(), data.graphs)
    outputs = [again().clone() for _ in range(4)]
    yield Line("recorded validation repeats to the bit", same(outputs[:-1], outputs[1:]))
    reserved, allocated = torch.cuda.max_memory_reserved(), torch.cuda.max_memory_allocated()
    yield Line(f"memory: {reserved / 1e9:.2f} GB reserved, {allocated / 1e9:.2f} GB allocated")


# --- resume ------------------------------------------------------------------------------------


def fitted(case: Case, data: LabelledGraphs, stop_after: int | None = None) -> Tensor:
    """Train, interrupted after a step and continued if one is named; return the weights."""
    with tempfile.TemporaryDirectory() as folder:
        said: list[str] = []
        train = partial(
            fit, training=data, validation=data, how=case.how(), seed=1,
            frozen_norms=FrozenNorms.MOVING, checkpoint=Path(folder) / "checkpoint",
            fingerprint="check", report=said.append,
        )  # fmt: skip
        if stop_after is not None:
            steps = itertools.count(1)
            with suppress(Interrupted):
                train(case.model(), asked_to_stop=lambda: next(steps) == stop_after)
                raise AssertionError("the training was not interrupted")
        model = case.model()
        train(model)
        assert stop_after is None or any(line.startswith("continuing") for line in said), said
    return weights_of(model)


def resume(case: Case) -> Iterator[Line]:
    """Interrupt a training in the middle of its second epoch, and continue it."""
    n = case.n if DEVICE == "cuda" else min(case.n, 2 * case.batch)
    data, stop_after = case.data(n), max(1, 3 * (n // case.batch) // 2)
    off = float((fitted(case, data) - fitted(case, data, stop_after)).abs().max())
    yield Line(f"interrupted after step {stop_after} and continued: weights off by {off}", off == 0)


# --- sync --------------------------------------------------------------------------------------


def waits_in(function: Callable[[], None]) -> list[str]:
    """Return the places that wait for the GPU while a function runs."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            function()
        finally:
            torch.cuda.set_sync_debug_mode("default")
    waits = [warning for warning in seen if str(warning.message).startswith(WAIT)]
    return [f"{Path(warning.filename).name}:{warning.lineno}" for warning in waits]


def sync(case: Case) -> Iterator[Line]:
    """Count the waits in an epoch whose sizes are all recorded."""
    data, batches, model = case.data(case.n), case.batches(), case.model()
    compute = recorded(model, data, sizes_of(choose(data.graphs, batches)))
    optimiser = optimiser_of(model)

    def epoch() -> None:
        for chosen in choose(data.graphs, batches):
            put_gradients(compute(chosen), model)
            optimiser.step()

    for _ in range(WARM_UP):
        epoch()
    waits = waits_in(epoch)
    places = ", ".join(f"{waits.count(place)} at {place}" for place in sorted(set(waits)))
    yield Line(f"{len(waits)} waits in an epoch of {len(batches)} steps {places}", not waits)


# --- time, tune, profile -----------------------------------------------------------------------


def milliseconds(functions: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Time functions in turn; return the median of a call of each."""

    def often(function: Callable[[], object]) -> None:
        for _ in range(REPEATS):
            function()
        finish()

    times = side_by_side({k: partial(often, f) for k, f in functions.items()}, 0, least=5)
    return {name: 1000 * statistics.median(values) / REPEATS for name, values in times.items()}


def replay_of(compute: ReplayedSteps, chosen: Chosen) -> Callable[[], Gradients]:
    """Record the step of a batch and return what replays it."""
    for _ in range(WARM_UP):
        compute(chosen)
    ((_, step),) = compute.steps.values()
    return step


def pieces_of_a_step(case: Case) -> dict[str, Callable[[], object]]:
    """Return the pieces of a recorded step, the whole, and the same without recording."""
    data, batches, model = case.data(case.n), case.batches(), case.model()
    chosen = choose(data.graphs, batches)[0]
    sizes = sizes_of([chosen])
    compute, optimiser = recorded(model, data, sizes), optimiser_of(model)
    replay_once, eager = replay_of(compute, chosen), step_by_step(model, data, SQUARED_ERROR)

    def whole() -> None:
        put_gradients(compute(chosen), model)
        optimiser.step()

    def plain() -> None:
        with plain_kernels():
            eager(chosen)

    whole()  # the optimiser needs gradients
    return {
        f"choosing {len(batches)} batches": lambda: choose(data.graphs, batches),
        "assembling and padding": lambda: pad(batch_of(data.graphs, chosen), sizes[0]),
        "replay": replay_once,
        "optimiser": optimiser.step,
        "whole recorded step": whole,
        "gradients, fused, kernel by kernel": lambda: eager(chosen),
        "gradients, plain, kernel by kernel": plain,
    }


def take_times(case: Case) -> Iterator[Line]:
    """Say where the time of a step goes."""
    for precision in (Precision.FP32, Precision.TF32):
        torch.set_float32_matmul_precision(PRECISIONS[precision])
        for name, value in milliseconds(pieces_of_a_step(case)).items():
            yield Line(f"{precision.value}, batch {case.batch:3d}  {name:36s} {value:8.3f} ms")


SHAPES = [  # warps of a program, its rows at once, programs that share a sum
    (4, 8, 256), (1, 8, 256), (2, 8, 256), (1, 4, 512), (1, 8, 1024), (2, 16, 1024),
    (4, 16, 512), (4, 32, 512),
]  # fmt: skip


def tune(case: Case) -> Iterator[Line]:
    """Say whether other shapes of the launches are faster; the first is that of the code."""
    from crystal_transfer.models.kernels.gpu import calls

    torch.set_float32_matmul_precision(PRECISIONS[Precision.TF32])
    data = case.data(case.n)
    (chosen,) = choose(data.graphs, case.batches()[:1])
    for warps, rows, parts in SHAPES:

        def launch(kernel, grid, *arguments, warps=warps, **constants):
            small = kernel is calls.loops.finish_moments
            kernel[grid](*arguments, **constants, num_warps=4 if small else warps)

        with mock.patch.multiple(calls, launch=launch, ROWS=rows, PARTS=parts):
            step = replay_of(recorded(case.model(), data, sizes_of([chosen])), chosen)
        value = milliseconds({"replay": step})["replay"]
        yield Line(f"{warps} warps, {rows:2d} rows, {parts:4d} parts: replay {value:.3f} ms")


def profile(case: Case) -> Iterator[Line]:
    """List the kernels of a recorded step by the time they take."""
    torch.set_float32_matmul_precision(PRECISIONS[Precision.TF32])
    data, times = case.data(case.n), 10
    (chosen,) = choose(data.graphs, case.batches()[:1])
    step = replay_of(recorded(case.model(), data, sizes_of([chosen])), chosen)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profiler:
        for _ in range(times):
            step()
        finish()
    rows = [row for row in profiler.key_averages() if row.self_device_time_total > 0]
    rows.sort(key=lambda row: -row.self_device_time_total)
    busy, n = sum(row.self_device_time_total for row in rows), sum(row.count for row in rows)
    yield Line(f"{n / times:.0f} kernels, {busy / times / 1000:.3f} ms busy in a replay")
    for row in rows[:LONGEST]:
        microseconds, count = row.self_device_time_total / times, row.count / times
        yield Line(f"{microseconds:8.1f} us {count:5.0f} x  {row.key[:80]}")


# --- all of it ---------------------------------------------------------------------------------

PARTS: dict[str, Callable[[Case], Iterator[Line]]] = {
    "correct": correct, "replay": replay, "resume": resume, "sync": sync, "time": take_times,
    "tune": tune, "profile": profile,
}  # fmt: skip
WITHOUT_GPU = ("correct", "resume")
MARKS = {True: "ok  ", False: "FAIL", None: "    "}


def lines_of(name: str, case: Case) -> Iterator[Line]:
    """Run a part; if it breaks off, say so, and let the next begin: time on a GPU is short."""
    torch.set_float32_matmul_precision(PRECISIONS[Precision.FP32])
    begun = time.perf_counter()
    try:
        yield from PARTS[name](case)
    except Exception as error:
        traceback.print_exc(limit=-6, file=sys.stdout)
        yield Line(f"{name} broke off: {type(error).__name__}: {str(error)[:300]}", False)
    yield Line(f"{time.perf_counter() - begun:.0f} s")


def arguments() -> argparse.Namespace:
    """Parse the options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="part", help="default: all, in this order")
    parser.add_argument("--graphs", required=True, help="graph store")
    parser.add_argument("--batch", type=int, default=16, help="crystals per batch")
    parser.add_argument("--n", type=int, default=160, help="crystals per training, at most")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no part is called {', '.join(sorted(unknown))}; they are {', '.join(PARTS)}")
    return options


def main() -> None:
    options = arguments()
    warnings.filterwarnings("error", message="no CUDA graph")  # what is timed is recorded
    store = open_store(options.graphs)
    n = min(options.n, len(store))
    case = Case(store, min(options.batch, n), n)
    name = torch.cuda.get_device_name() if DEVICE == "cuda" else "CPU"
    print(f"{name}, torch {torch.__version__}, {options.graphs}, batch {case.batch}", flush=True)
    failed = 0
    for part in options.parts or PARTS:
        if DEVICE == "cpu" and part not in WITHOUT_GPU:
            print(f"--- {part}: skipped, it needs a CUDA GPU", flush=True)
            continue
        print(f"--- {part}", flush=True)
        for line in lines_of(part, case):
            print(f"{MARKS[line.good]}  {line.text}", flush=True)
            failed += line.good is False
    print(f"{failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
