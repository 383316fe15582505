"""What a training minimises: a function of the error, averaged over labels or over crystals."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from crystal_transfer.protocols import AbsentLabels
from crystal_transfer.runs import Hyperparameters, Loss

TERMS: dict[Loss, Callable[[Tensor], Tensor]] = {Loss.MSE: Tensor.square, Loss.L1: Tensor.abs}


@dataclass(frozen=True)
class Criterion:
    """A loss of predictions, on scaled targets of one or several properties.

    With m_ip = 1 where crystal i has a label of property p, else 0, and f the term of an error:

    absent labels left out
        L = sum_ip m_ip f(y_ip - p_ip) / sum_ip m_ip, the mean over the labels that exist.
    absent labels counted
        L = 1/n sum_i 1/N sum_p m_ip f(y_ip - p_ip), Eq. 1 of Devi et al. 2024: the sum over the N
        properties divided by N, then the mean over the n crystals, so that a crystal with one label
        of N counts a N-th.

    With one property that every crystal has, both are the plain mean.

    Attributes
    ----------
    term
        f.
    absent_labels
        Which of the two.
    """

    term: Callable[[Tensor], Tensor]
    absent_labels: AbsentLabels

    def __call__(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the loss; both are [n_crystals, n_properties], NaN where there is no label."""
        if self.absent_labels is AbsentLabels.COUNTED:
            return self._terms(prediction, target).sum() / target.numel()
        return self._terms(prediction, target).sum() / torch.isfinite(target).sum()

    def _terms(self, prediction: Tensor, target: Tensor) -> Tensor:
        return self.term(torch.where(torch.isfinite(target), prediction - target, 0.0))


MEAN_ABSOLUTE_ERROR = Criterion(Tensor.abs, AbsentLabels.LEFT_OUT)


def criterion_of(how: Hyperparameters) -> Criterion:
    """Return what a run minimises."""
    return Criterion(TERMS[how.loss], how.absent_labels)
