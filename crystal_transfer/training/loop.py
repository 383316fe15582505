"""The training loop: AdamW with a one-cycle schedule, checkpointed and reproducible."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from crystal_transfer.experiments.runs import Hyperparameters
from crystal_transfer.files import replaced_when_whole
from crystal_transfer.graphs.batches import ResidentGraphs, assemble
from crystal_transfer.models.transfer import frozen_norms

LOSSES = {"mse": Tensor.square, "l1": Tensor.abs}  # of the error of one target
CHECKPOINT_SECONDS = 30.0  # at most this much work is lost when a training is killed
EVALUATION_BATCH = 64  # crystals; changes nothing but memory


class LabelledGraphs(NamedTuple):
    """Crystals and their scaled targets, [n_crystals, n_properties]; NaN where there is none."""

    graphs: ResidentGraphs
    targets: Tensor
    properties: tuple[str, ...]


@dataclass
class Progress:
    """Where a training stands at the end of an epoch, and its best epoch so far."""

    epoch: int
    history: list[dict]
    best_epoch: int
    best_weights: dict[str, Tensor]


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict]:
    """Decay all weights but biases and the parameters of norms."""
    norms = {
        id(parameter)
        for module in model.modules()
        if isinstance(module, nn.BatchNorm1d)
        for parameter in module.parameters()
    }
    decayed, kept = [], []
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            spared = name.endswith("bias") or id(parameter) in norms
            (kept if spared else decayed).append(parameter)
    return [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": kept, "weight_decay": 0.0},
    ]


def batches_of(n: int, batch_size: int, seed: int, epoch: int) -> list[Tensor]:
    """Shuffle n crystals into whole batches; the few left over wait for another epoch.

    alignn drops the incomplete batch too (`drop_last`): the statistics of a norm over one
    or two crystals would disturb the training.
    """
    generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
    order = torch.randperm(n, generator=generator)
    size = min(batch_size, n)
    return [order[start : start + size] for start in range(0, n - size + 1, size)]


def masked_mean(of_error: Callable[[Tensor], Tensor], prediction: Tensor, target: Tensor) -> Tensor:
    """Average a function of the error over the targets that exist.

    L = sum_ip m_ip f(y_ip - p_ip) / sum_ip m_ip with m_ip = 1 where crystal i has a target of
    property p, else 0: Eq. 1 of Devi et al. 2024 for f(x) = abs(x). With one property it is the
    plain mean.

    Parameters
    ----------
    of_error
        f.
    prediction, target
        [n_crystals, n_properties]; NaN where there is no target.
    """
    present = torch.isfinite(target)
    error = torch.where(present, prediction - target, 0.0)
    return of_error(error).sum() / present.sum()


def fit(
    model: nn.Module,
    training: LabelledGraphs,
    validation: LabelledGraphs,
    hyperparameters: Hyperparameters,
    seed: int,
    freeze_norms: bool,
    checkpoint: Path,
    report: Callable[[str], None],
) -> Progress:
    """Train a model, continuing from its checkpoint if there is one.

    Parameters
    ----------
    model
        On the device of the graphs; changed in place to its last epoch.
    training, validation
        The two parts of the sample.
    hyperparameters
        Epochs, batch size, learning rate, loss, weight decay.
    seed
        Decides the order of the crystals. A training that is interrupted and continued ends
        with the same bits as one that is not.
    freeze_norms
        Whether the running statistics of frozen norms stay as they are.
    checkpoint
        File to continue from and to save to; removed by the caller when all is written.
    report
        Takes a line of progress now and then.
    """
    of_error = LOSSES[hyperparameters.loss]
    optimizer = torch.optim.AdamW(
        parameter_groups(model, hyperparameters.weight_decay), lr=hyperparameters.max_lr
    )
    n_batches = len(batches_of(len(training.graphs), hyperparameters.batch_size, seed, 0))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=hyperparameters.max_lr,
        total_steps=max(2, n_batches * hyperparameters.epochs),
        pct_start=hyperparameters.pct_start,
    )
    progress = _resume(checkpoint, hyperparameters, seed, model, optimizer, schedule)
    if progress.epoch:
        report(f"continuing after epoch {progress.epoch} of {hyperparameters.epochs}")
    started = reported = saved = time.monotonic()
    first_epoch = progress.epoch
    for epoch in range(first_epoch, hyperparameters.epochs):
        model.train()
        if freeze_norms:
            for norm in frozen_norms(model):
                norm.eval()
        total = torch.zeros((), device=training.targets.device)
        for members in batches_of(len(training.graphs), hyperparameters.batch_size, seed, epoch):
            optimizer.zero_grad(set_to_none=True)
            prediction = model(assemble(training.graphs, members))
            target = training.targets[members.to(prediction.device)]
            loss = masked_mean(of_error, prediction, target)
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.detach()
        row = {
            "epoch": epoch + 1,
            "training_loss": float(total) / n_batches,
            **_validate(of_error, predict(model, validation.graphs), validation),
            "learning_rate": schedule.get_last_lr()[0],
        }
        progress.history.append(row)
        progress.epoch = epoch + 1
        best = progress.history[progress.best_epoch - 1] if progress.best_epoch else None
        if best is None or row["validation_loss"] < best["validation_loss"]:
            progress.best_epoch = epoch + 1
            progress.best_weights = {k: v.clone() for k, v in model.state_dict().items()}
        now = time.monotonic()
        if now - saved > CHECKPOINT_SECONDS:
            _save(checkpoint, hyperparameters, seed, progress, model, optimizer, schedule)
            saved = now
        if now - reported > 5 or progress.epoch == hyperparameters.epochs:
            per_epoch = (now - started) / (progress.epoch - first_epoch)
            left = per_epoch * (hyperparameters.epochs - progress.epoch)
            report(
                f"epoch {progress.epoch} of {hyperparameters.epochs}: validation MAE "
                f"{row['validation_mae']:.4f} (scaled), {per_epoch:.2f} s per epoch, "
                f"{left:.0f} s left"
            )
            reported = now
    return progress


def _validate(of_error, prediction: Tensor, true: LabelledGraphs) -> dict[str, float]:
    """Give loss and MAE, and with several properties the MAE of each."""
    result = {
        "validation_loss": float(masked_mean(of_error, prediction, true.targets)),
        "validation_mae": float(masked_mean(Tensor.abs, prediction, true.targets)),
    }
    if len(true.properties) > 1:
        columns = zip(true.properties, prediction.T, true.targets.T, strict=True)
        for code, own, target in columns:
            result[f"validation_mae_{code}"] = float(masked_mean(Tensor.abs, own, target))
    return result


@torch.no_grad()
def predict(model: nn.Module, graphs: ResidentGraphs) -> Tensor:
    """Predict scaled targets in evaluation mode, [n_crystals, n_properties]."""
    model.eval()
    parts = torch.arange(len(graphs)).split(EVALUATION_BATCH)
    return torch.cat([model(assemble(graphs, members)) for members in parts])


def _save(checkpoint, hyperparameters, seed, progress, model, optimizer, schedule) -> None:
    content = {
        "made_by": [asdict(hyperparameters), seed],
        "progress": asdict(progress),
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "schedule": schedule.state_dict(),
    }
    with replaced_when_whole(checkpoint) as temporary:
        torch.save(content, temporary)


def _resume(checkpoint, hyperparameters, seed, model, optimizer, schedule) -> Progress:
    """Restore all that `_save` wrote; start anew where the checkpoint is of another training."""
    if checkpoint.exists():
        content = torch.load(checkpoint, map_location="cpu", weights_only=True)
        if content["made_by"] == [asdict(hyperparameters), seed]:
            model.load_state_dict(content["model"])
            optimizer.load_state_dict(content["optimizer"])
            schedule.load_state_dict(content["schedule"])
            return Progress(**content["progress"])
    return Progress(epoch=0, history=[], best_epoch=0, best_weights={})
