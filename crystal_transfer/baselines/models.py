"""The baselines: simple models that a network has to beat.

Each is a function of training features, standardised training targets and a seed, and returns a
fitted model whose `predict` takes features; `fit_baseline` standardises the targets and gives
predictions their unit back, so that no model depends on it. A baseline trains on the whole sample
of a trial, that is on the training and the validation part together: it has no epochs, so it needs
nobody to tell it when to stop, and what it has to choose it chooses by cross-validation within the
sample. Equal arguments give equal predictions, whatever `n_jobs`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Protocol

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold
from sklearn.svm import SVR

from crystal_transfer.errors import InputError

TREES = 300
FEATURES_PER_SPLIT = 1 / 3  # of all: the advice of Breiman, Mach. Learn. 45, 5 (2001), in R's form
FOLDS = 5
PENALTIES = (1.0, 10.0, 100.0)  # C of the kernel method, for targets of unit variance
WIDTHS = (0.1, 0.3, 1.0)  # gamma, for distances averaged over the features
TUBE = 0.01  # epsilon: errors of less than this cost nothing, for targets of unit variance
RIDGE_PENALTIES = np.logspace(-1, 5, 13)
FARTHEST = 5.0  # standard deviations: features are clipped here, for a line has no bounds
PREDICTED_AT_ONCE = 4096  # crystals; bounds the memory of their kernel


class Predictor(Protocol):
    """A fitted model."""

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Return predictions on the scale of the training targets, [n_crystals]."""


def median(features: np.ndarray, targets: np.ndarray, seed: int = 0, n_jobs: int = 1) -> Predictor:
    """Return the constant with the lowest MAE: the median of the training targets."""
    return DummyRegressor(strategy="median").fit(features, targets)


def forest(features: np.ndarray, targets: np.ndarray, seed: int = 0, n_jobs: int = 1) -> Predictor:
    """Fit a random forest; nothing is chosen, since its defaults suit any number of crystals."""
    model = RandomForestRegressor(
        TREES, max_features=FEATURES_PER_SPLIT, random_state=seed, n_jobs=n_jobs
    ).fit(features, targets)
    # threads would add up the trees in the order in which they finish
    return model.set_params(n_jobs=1)


def kernel(features: np.ndarray, targets: np.ndarray, seed: int = 0, n_jobs: int = 1) -> Predictor:
    """Fit a support vector regression with the kernel ``exp(-gamma mean |x - x'|)``.

    C and gamma are those of `PENALTIES` and `WIDTHS` with the lowest MAE in `FOLDS`-fold
    cross-validation within the sample (as many folds as crystals, if fewer; a single crystal
    gives the constant). Neither is the loss squared nor the kernel Gaussian, because targets and
    features have outliers. A crystal that is far from all of the sample (with ten crystals, up to
    one in seven) is predicted to be the machine's constant.
    """
    if len(targets) < 2:
        return median(features, targets)
    scaling = standardisation(features)
    own = scaling.transform(features)
    distances = _mean_distances(own, own)
    similarities = {width: np.exp(-width * distances) for width in WIDTHS}
    folds = list(KFold(min(FOLDS, len(targets)), shuffle=True, random_state=seed).split(own))

    def error(choice: tuple[float, float]) -> float:
        penalty, width = choice
        return _cross_validated(similarities[width], targets, penalty, folds)

    penalty, width = min(product(PENALTIES, WIDTHS), key=error)
    machine = _machine(penalty).fit(similarities[width], targets)
    return KernelModel(scaling, own, machine, width)


def ridge(features: np.ndarray, targets: np.ndarray, seed: int = 0, n_jobs: int = 1) -> Predictor:
    """Fit a ridge regression, its penalty chosen by leave-one-out within the sample.

    Meant for the frozen features of a pre-trained network, on which many properties depend nearly
    linearly. A single crystal gives the constant.
    """
    if len(targets) < 2:
        return median(features, targets)
    scaling = standardisation(features)
    return LinearModel(scaling, RidgeCV(RIDGE_PENALTIES).fit(scaling.clipped(features), targets))


@dataclass(frozen=True)
class Standardisation:
    """From features to numbers with mean 0 and variance 1 in the sample.

    Attributes
    ----------
    varying
        The columns that vary in the sample, [n_varying]. A constant one teaches nothing, and its
        unit would decide how far a crystal with another value is away.
    centre, spread
        Their mean and standard deviation in the sample, [n_varying].
    """

    varying: np.ndarray
    centre: np.ndarray
    spread: np.ndarray

    def transform(self, features: np.ndarray) -> np.ndarray:
        """Return standardised features, [n_crystals, n_varying]."""
        return (features[:, self.varying].astype(np.float64) - self.centre) / self.spread

    def clipped(self, features: np.ndarray) -> np.ndarray:
        """Return standardised features within `FARTHEST`.

        One that hardly varies within a small sample may be far out for another crystal.
        """
        return self.transform(features).clip(-FARTHEST, FARTHEST)


def standardisation(features: np.ndarray) -> Standardisation:
    """Fit a standardisation to a sample; if all its columns are constant, the first is kept."""
    varying = np.flatnonzero(features.max(axis=0) > features.min(axis=0))
    if len(varying) == 0:
        return Standardisation(np.array([0]), features[:1, 0].astype(np.float64), np.ones(1))
    values = features[:, varying].astype(np.float64)
    return Standardisation(varying, values.mean(axis=0), values.std(axis=0))


@dataclass(frozen=True)
class KernelModel:
    """What `kernel` fitted.

    Attributes
    ----------
    scaling
        Of the features.
    own
        Standardised features of the sample, [n_sample, n_varying].
    machine
        Fitted to the kernel matrix of the sample.
    width
        The chosen gamma.
    """

    scaling: Standardisation
    own: np.ndarray
    machine: SVR
    width: float

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Return predictions on the scale of the training targets, [n_crystals]."""
        starts = range(0, len(features), PREDICTED_AT_ONCE)
        parts = [self._part(features[start : start + PREDICTED_AT_ONCE]) for start in starts]
        return np.concatenate([np.empty(0), *parts])

    def _part(self, features: np.ndarray) -> np.ndarray:
        distances = _mean_distances(self.scaling.transform(features), self.own)
        return self.machine.predict(np.exp(-self.width * distances))


@dataclass(frozen=True)
class LinearModel:
    """What `ridge` fitted: a regression on clipped standardised features."""

    scaling: Standardisation
    regression: RidgeCV

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Return predictions on the scale of the training targets, [n_crystals]."""
        return self.regression.predict(self.scaling.clipped(features))


@dataclass(frozen=True)
class InUnit:
    """A model of standardised targets, and what gives its predictions their unit back."""

    model: Predictor
    centre: float
    spread: float

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Return predictions in the unit of the training targets, [n_crystals]."""
        return self.model.predict(features) * self.spread + self.centre


Folds = Sequence[tuple[np.ndarray, np.ndarray]]  # indices to fit, and to test on
Baseline = Callable[[np.ndarray, np.ndarray, int, int], Predictor]
BASELINES: dict[str, Baseline] = {
    "median": median,
    "forest": forest,
    "kernel": kernel,
    "ridge": ridge,
}


def fit_baseline(
    name: str, features: np.ndarray, targets: np.ndarray, seed: int = 0, n_jobs: int = 1
) -> Predictor:
    """Fit one of `BASELINES`.

    Parameters
    ----------
    name
        Which one.
    features
        Of the crystals of the sample, finite, [n_crystals, n_features].
    targets
        In any unit: the predictions have the same; [n_crystals].
    seed
        Of the trees or the folds.
    n_jobs
        Threads, where the model can use them; they change nothing but time.

    Raises
    ------
    InputError
        If there is no such baseline, or no crystal.
    """
    if name not in BASELINES:
        raise InputError(f"baseline '{name}': there is none; take one of {', '.join(BASELINES)}.")
    if len(targets) == 0:
        raise InputError(f"baseline '{name}': its sample has no crystal; take a larger size.")
    centre, spread = float(targets.mean()), float(targets.std()) or 1.0
    return InUnit(
        BASELINES[name](features, (targets - centre) / spread, seed, n_jobs), centre, spread
    )


def _mean_distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Compute ``mean |x - x'|`` over the features, [n_first, n_second]."""
    return cdist(first, second, "cityblock") / first.shape[1]


def _machine(penalty: float) -> SVR:
    return SVR(kernel="precomputed", C=penalty, epsilon=TUBE)


def _cross_validated(
    similarity: np.ndarray, targets: np.ndarray, penalty: float, folds: Folds
) -> float:
    """Compute the MAE over all folds."""
    errors = [
        np.abs(
            _machine(penalty)
            .fit(similarity[np.ix_(inside, inside)], targets[inside])
            .predict(similarity[np.ix_(outside, inside)])
            - targets[outside]
        )
        for inside, outside in folds
    ]
    return float(np.concatenate(errors).mean())
