"""The training loop: AdamW with a one-cycle schedule, checkpointed and reproducible."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from crystal_transfer.errors import Interrupted
from crystal_transfer.experiments.runs import Hyperparameters
from crystal_transfer.files import replaced_when_whole
from crystal_transfer.models.transfer import frozen_norms
from crystal_transfer.training.prediction import predictions_of
from crystal_transfer.training.steps import (
    LOSSES,
    Gradients,
    LabelledGraphs,
    hand_over,
    masked_mean,
    steps_of,
)

CHECKPOINT_SECONDS = 30.0  # at most this much work is lost when a training is killed
REPORT_SECONDS = 5.0  # between two lines of progress, at the end of an epoch
SILENT_SECONDS = 60.0  # ... and within one


@dataclass
class Progress:
    """Where a training stands, and its best epoch so far.

    Attributes
    ----------
    epoch
        Finished epochs.
    batch, loss
        Finished batches of the next epoch, and the sum of their losses.
    history
        A row per finished epoch.
    best_epoch, best_weights
        Of the lowest validation loss.
    """

    epoch: int = 0
    batch: int = 0
    loss: float = 0.0
    history: list[dict] = field(default_factory=list)
    best_epoch: int = 0
    best_weights: dict[str, Tensor] = field(default_factory=dict)


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


def fit(
    model: nn.Module,
    training: LabelledGraphs,
    validation: LabelledGraphs,
    hyperparameters: Hyperparameters,
    seed: int,
    freeze_norms: bool,
    checkpoint: Path,
    report: Callable[[str], None],
    asked_to_stop: Callable[[], bool] = lambda: False,
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
    asked_to_stop
        Asked after every batch; True saves the checkpoint and raises `Interrupted`.

    Raises
    ------
    Interrupted
        If it was asked to stop.
    """
    of_error, epochs = LOSSES[hyperparameters.loss], hyperparameters.epochs
    optimizer = torch.optim.AdamW(
        parameter_groups(model, hyperparameters.weight_decay),
        lr=hyperparameters.max_lr,
        fused=True,
    )
    n_batches = len(batches_of(len(training.graphs), hyperparameters.batch_size, seed, 0))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=hyperparameters.max_lr,
        total_steps=max(2, n_batches * epochs),
        pct_start=hyperparameters.pct_start,
    )
    moving = Moving(model, optimizer, schedule)
    made_by = [asdict(hyperparameters), seed]
    progress = _resume(checkpoint, made_by, moving)
    if progress.epoch or progress.batch:
        report(f"continuing after epoch {progress.epoch} of {epochs}, batch {progress.batch}")
    compute = steps_of(model, training, of_error)
    predict_validation = predictions_of(model, validation.graphs)
    pace = Pace(progress.epoch * n_batches + progress.batch, epochs * n_batches)
    while progress.epoch < epochs:
        _training_mode(model, freeze_norms)
        loss = torch.tensor(progress.loss, device=training.targets.device)
        batches = batches_of(
            len(training.graphs), hyperparameters.batch_size, seed, progress.epoch
        )  # fmt: skip
        for members in batches[progress.batch :]:
            loss += _step(moving, compute(members))
            progress.batch += 1
            stop = asked_to_stop()
            if stop or pace.since_save() > CHECKPOINT_SECONDS:
                progress.loss = float(loss)
                _save(checkpoint, made_by, progress, moving)
                pace.saved()
            if stop:
                raise Interrupted(f"stopped in epoch {progress.epoch + 1} of {epochs}")
            if pace.since_report() > SILENT_SECONDS:
                done = progress.epoch * n_batches + progress.batch
                place = f"epoch {progress.epoch + 1} of {epochs}, batch {progress.batch}"
                report(f"{place} of {n_batches}; {pace.left(done)}")
        row = {
            "epoch": progress.epoch + 1,
            "training_loss": float(loss) / n_batches,
            **_validate(of_error, predict_validation(), validation),
            "learning_rate": schedule.get_last_lr()[0],
        }
        _end_epoch(progress, row, model)
        if pace.since_report() > REPORT_SECONDS or progress.epoch == epochs:
            mae = f"validation MAE {row['validation_mae']:.4f} (scaled)"
            left = pace.left(progress.epoch * n_batches)
            report(f"epoch {progress.epoch} of {epochs}: {mae}; {left}")
    return progress


class Moving(NamedTuple):
    """All that changes with every step."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler


class Pace:
    """How fast a training goes, and when it last saved and reported."""

    def __init__(self, done: int, total: int):
        self.started = self.last_save = self.last_report = time.monotonic()
        self.first, self.total = done, total

    def since_save(self) -> float:
        """Give the seconds since the last checkpoint."""
        return time.monotonic() - self.last_save

    def saved(self) -> None:
        """Note that a checkpoint was written."""
        self.last_save = time.monotonic()

    def since_report(self) -> float:
        """Give the seconds since the last line of progress."""
        return time.monotonic() - self.last_report

    def left(self, done: int) -> str:
        """Say how long a step takes and how much is left after `done` steps."""
        self.last_report = time.monotonic()
        per_step = (self.last_report - self.started) / max(1, done - self.first)
        return f"{1000 * per_step:.0f} ms per step, {per_step * (self.total - done):.0f} s left"


def _training_mode(model: nn.Module, freeze_norms: bool) -> None:
    model.train()
    if freeze_norms:
        for norm in frozen_norms(model):
            norm.eval()


def _step(moving: Moving, found: Gradients) -> Tensor:
    """Take one step and give its loss."""
    hand_over(found, moving.model)
    moving.optimizer.step()
    moving.schedule.step()
    return found.loss


def _end_epoch(progress: Progress, row: dict, model: nn.Module) -> None:
    """Add a finished epoch, and keep its weights if it is the best."""
    progress.history.append(row)
    progress.epoch, progress.batch, progress.loss = progress.epoch + 1, 0, 0.0
    best = progress.history[progress.best_epoch - 1] if progress.best_epoch else None
    if best is None or row["validation_loss"] < best["validation_loss"]:
        progress.best_epoch = progress.epoch
        progress.best_weights = {k: v.clone() for k, v in model.state_dict().items()}


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


def _save(checkpoint: Path, made_by: list, progress: Progress, moving: Moving) -> None:
    content = {"made_by": made_by, "progress": asdict(progress)}
    content |= {name: part.state_dict() for name, part in moving._asdict().items()}
    with replaced_when_whole(checkpoint) as temporary:
        torch.save(content, temporary)


def _resume(checkpoint: Path, made_by: list, moving: Moving) -> Progress:
    """Restore all that `_save` wrote; start anew where the checkpoint is of another training."""
    if checkpoint.exists():
        content = torch.load(checkpoint, map_location="cpu", weights_only=True)
        if content["made_by"] == made_by:
            for name, part in moving._asdict().items():
                part.load_state_dict(content[name])
            return Progress(**content["progress"])
    return Progress()
