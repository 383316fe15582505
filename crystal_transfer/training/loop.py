"""The training loop: AdamW with a one-cycle schedule, checkpointed and reproducible."""

import hashlib
import io
import math
import time
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from crystal_transfer.errors import InputError, Interrupted
from crystal_transfer.files import replaced_when_whole
from crystal_transfer.graphs.batches import choose
from crystal_transfer.models.transfer import frozen_norms
from crystal_transfer.protocols import FrozenNorms
from crystal_transfer.runs import Hyperparameters, IncompleteBatch, Order
from crystal_transfer.training.criterion import MEAN_ABSOLUTE_ERROR, Criterion, criterion_of
from crystal_transfer.training.optimiser import AdamW
from crystal_transfer.training.prediction import predictions_of
from crystal_transfer.training.steps import (
    Gradients,
    LabelledGraphs,
    put_gradients,
    steps_of,
)

CHECKPOINT_SECONDS = 30.0  # of training that are lost at most when it is killed
REPORT_SECONDS = 5.0  # between two lines of progress, at the end of an epoch
SILENT_SECONDS = 60.0  # ... and within one
SEED_STRIDE = 1_000_003  # a prime, so that seed and epoch of two trainings hardly ever coincide


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
    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    best_weights: dict[str, Tensor] = field(default_factory=dict)


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Decay all weights but biases and the parameters of norms."""
    norms = {
        id(parameter)
        for module in model.modules()
        if isinstance(module, nn.BatchNorm1d)
        for parameter in module.parameters()
    }
    decayed: list[nn.Parameter] = []
    kept: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            spared = name.endswith("bias") or id(parameter) in norms
            (kept if spared else decayed).append(parameter)
    return [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": kept, "weight_decay": 0.0},
    ]


def batches_of(n: int, how: Hyperparameters, seed: int, epoch: int) -> list[Tensor]:
    """Divide n crystals into the batches of an epoch.

    alignn drops an incomplete batch too (`drop_last`): the statistics of a norm over one
    or two crystals would disturb the training. Its crystals wait for another epoch, which has
    another order.
    """
    order = torch.arange(n)
    if how.order is Order.SHUFFLED:
        generator = torch.Generator().manual_seed(seed * SEED_STRIDE + epoch)
        order = torch.randperm(n, generator=generator)
    batches = list(order.split(min(how.batch_size, n)))
    kept = how.incomplete_batch is IncompleteBatch.KEPT or len(batches[-1]) == len(batches[0])
    return batches if kept else batches[:-1]


def ended(progress: Progress, how: Hyperparameters) -> bool:
    """Say whether a training has had its epochs, or has not become better for too many."""
    waited = progress.epoch - progress.best_epoch
    return progress.epoch >= how.epochs or (how.patience is not None and waited >= how.patience)


class Training:
    """A training from its first step to its last, which can be saved and continued in between.

    Parameters
    ----------
    model
        On the device of the graphs; changed in place.
    how
        Epochs, batch size, learning rate, loss, weight decay.
    n_batches
        Steps of an epoch.
    frozen_norms
        What running statistics of norms with frozen parameters do.
    """

    def __init__(
        self, model: nn.Module, how: Hyperparameters, n_batches: int, frozen_norms: FrozenNorms
    ):
        self.model, self.frozen_norms = model, frozen_norms
        self.optimiser = AdamW(parameter_groups(model, how.weight_decay), lr=how.max_lr, fused=True)
        steps = max(2, n_batches * how.epochs)
        if float(how.pct_start * steps) == 1:  # PyTorch divides by the steps after the first
            raise InputError(
                f"config key training.pct_start: {how.pct_start:g} of {steps} steps is one, in "
                "which the learning rate cannot rise; write a larger share."
            )
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser,
            max_lr=how.max_lr,
            total_steps=steps,
            pct_start=how.pct_start,
        )
        self.progress = Progress()

    def begin_epoch(self) -> None:
        """Let norms use and follow the statistics of batches, those aside that stand still."""
        self.model.train()
        if self.frozen_norms is FrozenNorms.FROZEN:
            for norm in frozen_norms(self.model):
                norm.eval()

    def step(self, found: Gradients) -> Tensor:
        """Take one step down the gradients and return the loss of its batch."""
        put_gradients(found, self.model)
        self.optimiser.step()
        self.schedule.step()
        self.progress.batch += 1
        return found.loss

    def end_epoch(self, losses: dict[str, float]) -> dict[str, float]:
        """Note a finished epoch, keep its weights if it is the best, and return its row."""
        progress = self.progress
        rate = float(self.schedule.get_last_lr()[0])
        row = {"epoch": progress.epoch + 1, **losses, "learning_rate": rate}
        progress.history.append(row)
        progress.epoch, progress.batch, progress.loss = progress.epoch + 1, 0, 0.0
        best = progress.history[progress.best_epoch - 1] if progress.best_epoch else None
        if best is None or row["validation_loss"] < best["validation_loss"]:
            progress.best_epoch = progress.epoch
            progress.best_weights = {k: v.clone() for k, v in self.model.state_dict().items()}
        return row

    def save(self, path: Path, fingerprint: str) -> None:
        """Write a checkpoint: all that the next step depends on, with a checksum."""
        buffer = io.BytesIO()
        torch.save(
            {
                "fingerprint": fingerprint,
                "model": self.model.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "schedule": self.schedule.state_dict(),
                "progress": asdict(self.progress),
            },
            buffer,
        )
        content = buffer.getvalue()
        with replaced_when_whole(path) as temporary:
            temporary.write_bytes(hashlib.sha256(content).digest() + content)

    def resume(self, path: Path, fingerprint: str) -> str:
        """Go on from a checkpoint of the same training, if there is one.

        Parameters
        ----------
        path
            Where `save` wrote it.
        fingerprint
            Of all that decides the training. A checkpoint with another one is of another training.

        Returns
        -------
        What was found, for the log; empty where there is no checkpoint. One that is damaged, or of
        another training, is set aside beside its place and the training starts anew.
        """
        if not path.exists():
            return ""
        try:
            content = _read_checkpoint(path)
        except (OSError, ValueError, RuntimeError, KeyError, EOFError, zipfile.BadZipFile) as error:
            path.replace(path.with_suffix(".damaged"))
            return (
                f"the checkpoint is damaged ({' '.join(str(error).split())[:100]}): starting anew"
            )
        if content["fingerprint"] != fingerprint:
            path.replace(path.with_suffix(".other"))
            return (
                "the checkpoint is of another training (its data, source weights, settings or "
                "version have changed): starting anew"
            )
        self.model.load_state_dict(content["model"])
        self.optimiser.load_state_dict(content["optimiser"])
        self.schedule.load_state_dict(content["schedule"])
        self.progress = Progress(**content["progress"])
        return f"continuing after epoch {self.progress.epoch}, batch {self.progress.batch}"


def _read_checkpoint(path: Path) -> dict[str, Any]:
    """Read what `Training.save` wrote."""
    content = path.read_bytes()
    digest, body = content[:32], content[32:]
    if hashlib.sha256(body).digest() != digest:
        raise ValueError("its checksum differs")
    found: dict[str, Any] = torch.load(io.BytesIO(body), map_location="cpu", weights_only=True)
    return found


def fit(
    model: nn.Module,
    training: LabelledGraphs,
    validation: LabelledGraphs,
    how: Hyperparameters,
    seed: int,
    frozen_norms: FrozenNorms,
    checkpoint: Path,
    fingerprint: str,
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
    how
        Epochs, batch size, learning rate, loss, weight decay.
    seed
        Decides the order of the crystals. A training that is interrupted and continued ends
        with the same bits as one that is not.
    frozen_norms
        What running statistics of norms with frozen parameters do.
    checkpoint
        File to continue from and to save to; removed by the caller when all is written.
    fingerprint
        Of all that decides the training, see `Training.resume`.
    report
        Takes a line of progress now and then.
    asked_to_stop
        Asked after every batch; True saves the checkpoint and raises `Interrupted`.

    Raises
    ------
    Interrupted
        If it was asked to stop.
    """
    criterion, n = criterion_of(how), len(training.graphs)
    n_batches = len(batches_of(n, how, seed, 0))
    state = Training(model, how, n_batches, frozen_norms)
    if found := state.resume(checkpoint, fingerprint):
        report(found)
    progress = state.progress
    compute = steps_of(
        model,
        training,
        criterion,
        lambda: (batch for e in range(how.epochs) for batch in batches_of(n, how, seed, e)),
    )
    predict_validation = predictions_of(model, validation.graphs)
    pace = Pace(progress.epoch * n_batches + progress.batch, how.epochs * n_batches)
    while not ended(progress, how):
        state.begin_epoch()
        loss = torch.tensor(progress.loss, device=training.targets.device)
        batches = batches_of(n, how, seed, progress.epoch)[progress.batch :]
        for chosen in choose(training.graphs, batches):
            loss += state.step(compute(chosen))
            stop = asked_to_stop()
            if stop or pace.since_save() > CHECKPOINT_SECONDS:
                progress.loss = float(loss)
                state.save(checkpoint, fingerprint)
                pace.saved()
            if stop:
                raise Interrupted(f"stopped in epoch {progress.epoch + 1} of {how.epochs}")
            if pace.since_report() > SILENT_SECONDS:
                place = f"epoch {progress.epoch + 1} of {how.epochs}, batch {progress.batch}"
                done = progress.epoch * n_batches + progress.batch
                report(f"{place} of {n_batches}; {pace.left(done)}")
        row = state.end_epoch(
            {"training_loss": float(loss) / n_batches}
            | _validate(criterion, predict_validation(), validation)
        )
        if pace.since_report() > REPORT_SECONDS or ended(progress, how):
            mae = f"validation MAE {row['validation_mae']:.4f} (scaled)"
            left = pace.left(progress.epoch * n_batches)
            report(f"epoch {progress.epoch} of {how.epochs}: {mae}; {left}")
    if pace.since_save() > CHECKPOINT_SECONDS:  # the last validation may have taken long
        state.save(checkpoint, fingerprint)
    return progress


class Pace:
    """How fast a training goes, and when it last saved and reported."""

    def __init__(self, done: int, total: int):
        self.started = self.last_save = self.last_report = time.monotonic()
        self.first, self.total = done, total

    def since_save(self) -> float:
        """Return the seconds since the last checkpoint."""
        return time.monotonic() - self.last_save

    def saved(self) -> None:
        """Note that a checkpoint was written."""
        self.last_save = time.monotonic()

    def since_report(self) -> float:
        """Return the seconds since the last line of progress."""
        return time.monotonic() - self.last_report

    def left(self, done: int) -> str:
        """Say how long a step takes and how much is left after `done` steps."""
        self.last_report = time.monotonic()
        per_step = (self.last_report - self.started) / max(1, done - self.first)
        return f"{1000 * per_step:.0f} ms per step, {per_step * (self.total - done):.0f} s left"


def _validate(criterion: Criterion, prediction: Tensor, true: LabelledGraphs) -> dict[str, float]:
    """Return loss and MAE, and with several properties the MAE of each."""
    result = {
        "validation_loss": float(criterion(prediction, true.targets)),
        "validation_mae": float(MEAN_ABSOLUTE_ERROR(prediction, true.targets)),
        "validation_r2": _r2(prediction, true.targets),
    }
    if len(true.properties) > 1:
        columns = zip(true.properties, prediction.T, true.targets.T, strict=True)
        for code, own, target in columns:
            result[f"validation_mae_{code}"] = float(MEAN_ABSOLUTE_ERROR(own, target))
    return result


def _r2(prediction: Tensor, target: Tensor) -> float:
    """Return R2 over all labels together; NaN where they do not differ."""
    known = torch.isfinite(target)
    own, error = target[known], (prediction - target)[known]
    if not own.numel() or own.min() == own.max():
        return math.nan
    return float(1 - error.square().sum() / (own - own.mean()).square().sum())
