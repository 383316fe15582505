"""Loss and gradients of one training step: computed kernel by kernel, or replayed as a whole."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from crystal_transfer.graphs.batches import Batch, Chosen, batch_of
from crystal_transfer.graphs.line_graph import Graphs
from crystal_transfer.graphs.padding import PaddedSize, pad, plan_sizes, size_for
from crystal_transfer.training.criterion import Criterion
from crystal_transfer.training.replay import Recorder, can_record, cuda_graphs, repeated


class LabelledGraphs(NamedTuple):
    """Crystals and their scaled targets, [n_crystals, n_properties]; NaN where there is none."""

    graphs: Graphs
    targets: Tensor
    properties: tuple[str, ...]


class Gradients(NamedTuple):
    """Loss of a batch, and gradients of all trainable parameters; None where there is none."""

    loss: Tensor
    of_parameters: tuple[Tensor | None, ...]


Step = Callable[[Chosen], Gradients]  # from the crystals of a batch


def trainable(model: nn.Module) -> list[nn.Parameter]:
    """List the parameters that a step changes."""
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def gradients(model: nn.Module, batch: Batch, targets: Tensor, criterion: Criterion) -> Gradients:
    """Compute loss and gradients of a batch; the running statistics of the model's norms move."""
    loss = criterion(model(batch), targets)
    found = torch.autograd.grad(loss, trainable(model), allow_unused=True)
    return Gradients(loss.detach(), found)


def put_gradients(found: Gradients, model: nn.Module) -> None:
    """Put gradients where an optimiser looks for them."""
    for parameter, gradient in zip(trainable(model), found.of_parameters, strict=True):
        parameter.grad = gradient


def step_by_step(model: nn.Module, training: LabelledGraphs, criterion: Criterion) -> Step:
    """Return a function that computes loss and gradients for the crystals it is given."""

    def step(chosen: Chosen) -> Gradients:
        targets = training.targets[chosen.members]
        return gradients(model, batch_of(training.graphs, chosen), targets, criterion)

    return step


class ReplayedSteps:
    """The same with batches of a few sizes, each of them recorded.

    Parameters
    ----------
    model, training, criterion
        What is trained, on what, and with which loss. The mode of the norms must not change.
    sizes
        Of its batches, see `padding.plan_sizes`.
    record
        See `replay.cuda_graphs`.
    """

    def __init__(
        self,
        model: nn.Module,
        training: LabelledGraphs,
        criterion: Criterion,
        sizes: Sequence[PaddedSize],
        record: Recorder,
    ):
        self.model, self.training, self.criterion, self.record = model, training, criterion, record
        self.sizes = sizes
        self.steps: dict[tuple[int, PaddedSize], tuple[list[Tensor], Callable[[], Gradients]]] = {}

    def __call__(self, chosen: Chosen) -> Gradients:
        """Return loss and gradients; the next step of the size overwrites their tensors."""
        sizes = size_for(chosen.totals, self.sizes)
        batch = pad(batch_of(self.training.graphs, chosen), sizes)
        wanted = self.training.targets[chosen.members]
        kind = len(chosen.members), sizes
        if kind not in self.steps:
            function = partial(_gradients_anew, self.model, batch, wanted, self.criterion)
            self.steps[kind] = _tensors(batch, wanted), repeated(function, self.record)
        fixed, step = self.steps[kind]
        for tensor, new in zip(fixed, _tensors(batch, wanted), strict=True):
            tensor.copy_(new)
        return step()


def _gradients_anew(
    model: nn.Module, batch: Batch, targets: Tensor, criterion: Criterion
) -> Gradients:
    """Compute `gradients` of tensors that have changed since the batch kept what it derives."""
    return gradients(model, batch.fresh(), targets, criterion)


def _tensors(batch: Batch, targets: Tensor) -> list[Tensor]:
    """List the tensors of a batch and its targets, in a fixed order."""
    return [tensor for tensor in [*batch.tensors(), targets] if tensor is not None]


def steps_of(
    model: nn.Module,
    training: LabelledGraphs,
    criterion: Criterion,
    batches: Callable[[], Iterable[Tensor]],
) -> Step:
    """Return the fastest way to compute loss and gradients where the graphs are.

    Parameters
    ----------
    model, training, criterion
        What is trained, on what, and with which loss.
    batches
        Returns the members of every batch to come, of all epochs; asked only where sizes are
        planned.
    """
    if not can_record(model, training.targets.device):
        return step_by_step(model, training, criterion)
    counts = training.graphs.counts
    totals = np.array([counts[:, members].sum(1).tolist() for members in batches()])
    return ReplayedSteps(model, training, criterion, plan_sizes(totals), cuda_graphs())
