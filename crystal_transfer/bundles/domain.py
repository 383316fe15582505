"""How near a crystal is to those a model was trained on."""

from dataclasses import dataclass

import numpy as np
from sklearn.neighbors import NearestNeighbors

USUAL = 0.95  # share of the training crystals that are as near to another one as `limit` says


@dataclass(frozen=True)
class Domain:
    """Where the training crystals lie in the space of a model's features.

    Attributes
    ----------
    ids
        Names of the training crystals, [n_crystals].
    features
        Their features, [n_crystals, n_features].
    elements
        Atomic numbers that occur in them.
    """

    ids: np.ndarray
    features: np.ndarray
    elements: frozenset[int]

    def nearest(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return names of, and distances to, the nearest training crystals, [n_crystals] each."""
        distances, places = NearestNeighbors(n_neighbors=1).fit(self.features).kneighbors(features)
        return self.ids[places[:, 0]], distances[:, 0]

    def limit(self) -> float:
        """Return the distance within which `USUAL` of the training crystals have another one."""
        # the first is the crystal itself, or its twin
        distances, _ = NearestNeighbors(n_neighbors=2).fit(self.features).kneighbors(self.features)
        return float(np.quantile(distances[:, 1], USUAL))

    def unseen(self, numbers: np.ndarray) -> list[int]:
        """Return the elements of a crystal that no training crystal has, as atomic numbers."""
        return sorted(set(numbers.tolist()) - self.elements)
