"""What CHGNet, a pre-trained universal potential, sees of a crystal: an optional extra.

CHGNet (Deng et al., Nat. Mach. Intell. 5, 1031 (2023); version 0.3.0 of the weights, which are
inside the package's wheel) was trained on energies, forces, stresses and magnetic moments of
Materials Project structures. The datasets of this project, JARVIS2D apart, have structures from
there too: it may have seen them, though without the properties that are learned here. Say so
beside every figure.
"""

import warnings
from typing import Any

import numpy as np
import torch
from pymatgen.core import Structure
from tqdm import tqdm

from crystal_transfer.baselines.features import Features
from crystal_transfer.datasets.crystals import CrystalTable
from crystal_transfer.datasets.overlap import structure
from crystal_transfer.errors import InputError

WEIGHTS = "0.3.0"
WIDTH = 64  # of an atom's features
HEAVIEST = 94  # plutonium, the last element CHGNet knows
LEVELS = ("third", "last")  # third convolution, and last one with its norm, of four


def chgnet_features_of(table: CrystalTable) -> Features:
    """Compute frozen CHGNet's features of every crystal of a table.

    Parameters
    ----------
    table
        The crystals.

    Returns
    -------
    features
        Mean over the atoms of their 64 features after the third and after the last convolution,
        [n_crystals, 128]; those of a crystal depend on nothing but this crystal. A crystal with an
        element beyond plutonium, which CHGNet does not know, has zeros, and a warning says how
        many they are.

    Raises
    ------
    InputError
        If the package `chgnet` is not installed.
    """
    model = _chgnet()
    rows = [
        _row(model, structure(crystal)) if crystal.numbers.max() <= HEAVIEST else _unseen()
        for crystal in tqdm(table, unit="crystal", desc="CHGNet", mininterval=1.0)
    ]
    n_unseen = sum(not row.any() for row in rows)
    if n_unseen:
        warnings.warn(
            f"{n_unseen} of {len(table)} crystals have an element that CHGNet does not know; "
            "their features are zeros.",
            stacklevel=2,
        )
    names = [f"CHGNet {WEIGHTS} {level} {i}" for level in LEVELS for i in range(WIDTH)]
    values = np.array(rows, dtype=np.float32).reshape(-1, len(names))
    return Features(table.ids, np.array(names, dtype=np.str_), values)


def require_chgnet() -> Any:
    """Import CHGNet's network, which takes seconds and is not everyone's.

    Raises
    ------
    InputError
        If its package cannot be imported.
    """
    try:
        from chgnet.model import CHGNet
    except ImportError as error:
        raise InputError(
            f"features of CHGNet: its package cannot be imported ({error}); run "
            "`pip install chgnet`, or take baselines without it."
        ) from None
    return CHGNet


def _chgnet() -> Any:
    """Load the pre-trained network."""
    CHGNet = require_chgnet()
    model = CHGNet.load(model_name=WEIGHTS, use_device="cpu", verbose=False)
    # the atoms without a neighbour within CHGNet's 5 Å still have their own embedding
    model.graph_converter.set_isolated_atom_response("ignore")
    return model


@torch.no_grad()
def _row(model: Any, atoms: Structure) -> np.ndarray:
    """Compute the features of one crystal; in a batch others would change its last bits."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = model.predict_structure(
            atoms, task="e", return_atom_feas=True, return_crystal_feas=True
        )
    # the network adds up its last features over the atoms
    return np.concatenate([found["atom_fea"].mean(axis=0), found["crystal_fea"] / len(atoms)])


def _unseen() -> np.ndarray:
    return np.zeros(len(LEVELS) * WIDTH)
