"""How near a crystal is to those a model was trained on."""

from dataclasses import dataclass

import numpy as np
from sklearn.neighbors import NearestNeighbors

USUAL = 0.95  # share of the training crystals that are as near to others as `limit` says


@dataclass(frozen=True)
class Domain:
    """Where the training crystals lie in the space of a model's features.

    Attributes
    ----------
    ids
        Names of the training crystals, [n_crystals].
    features
        Their features, [n_crystals, n_features].
    folds
        Fold of each, [n_crystals].
    elements
        Atomic numbers that occur in them.
    """

    ids: np.ndarray
    features: np.ndarray
    folds: np.ndarray
    elements: frozenset[int]

    def nearest(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return names of, and distances to, the nearest training crystals, [n_crystals] each."""
        distances, places = _nearest(self.features, features)
        return self.ids[places], distances

    def limit(self) -> float:
        """Return the distance within which `USUAL` of the training crystals have another one.

        One of another fold: a new crystal has none of its formula among them either.
        """
        distances = [
            _nearest(self.features[self.folds != fold], self.features[self.folds == fold])[0]
            for fold in np.unique(self.folds)
        ]
        return float(np.quantile(np.concatenate(distances), USUAL))

    def unseen(self, numbers: np.ndarray) -> list[int]:
        """Return the elements of a crystal that no training crystal has, as atomic numbers."""
        return sorted(set(numbers.tolist()) - self.elements)


def _nearest(known: np.ndarray, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return distance to, and place of, the nearest known crystal, [n_crystals] each."""
    distances, places = NearestNeighbors(n_neighbors=1).fit(known).kneighbors(features)
    return distances[:, 0], places[:, 0]
