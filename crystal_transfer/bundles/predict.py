"""What a bundle says of crystals: value, interval, and whether it knows such crystals at all."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from crystal_transfer.baselines.features import joined
from crystal_transfer.bundles.bundle import Bundle
from crystal_transfer.bundles.comparison import BLEND, CHGNET, NETWORK, RIDGE, blended, fitted
from crystal_transfer.bundles.intervals import factor
from crystal_transfer.datasets.cells import in_primitive_cells
from crystal_transfer.datasets.crystals import CrystalTable
from crystal_transfer.errors import InputError
from crystal_transfer.files import as_cell
from crystal_transfer.graphs.line_graph import Graphs
from crystal_transfer.models.contract import Network
from crystal_transfer.models.saved import SavedModel
from crystal_transfer.prediction import graphs_of
from crystal_transfer.species import SYMBOLS
from crystal_transfer.training.prediction import embed

LEVEL = 0.9  # of intervals, unless the user says so


class MemberOutputs(NamedTuple):
    """What the members say of crystals.

    Attributes
    ----------
    predictions
        Of each member, in physical units, [n_members, n_crystals].
    embedding
        Their pooled features beside each other, [n_crystals, n_members x features].
    """

    predictions: np.ndarray
    embedding: np.ndarray


def predict_bundle(
    bundle: Bundle,
    table: CrystalTable,
    level: float = LEVEL,
    device: str = "cpu",
    processes: int = 1,
    model: str = NETWORK,
) -> pd.DataFrame:
    """Predict a property of crystals, with intervals.

    Parameters
    ----------
    bundle
        The model.
    table
        Clean crystals; their targets are not used.
    level
        Share of crystals like the training crystals whose target lies within the interval.
    device
        Where to compute, such as ``cuda``.
    processes
        Worker processes for graphs and features.
    model
        `NETWORK`, `BLEND`, or the best baseline of the bundle.

    Returns
    -------
    A row per crystal, in the order of the table:

    id, prediction
        Its name; the predicted property in the physical unit.
    std
        Standard deviation over the members, in the same unit; not calibrated; NaN of a baseline.
    lower, upper
        Ends of the calibrated interval.
    in_domain
        Whether a training crystal is as near as training crystals usually are to each other, and
        all elements occur in them.
    nearest, distance
        The nearest training crystal in the space of the members' features, and how far it is.
    difficulty
        How large an error is to be expected, in the unit of the property: half the mean absolute
        error of the training crystals near it, half that of all.
    unseen_elements
        Elements that no training crystal has, separated by spaces.

    Raises
    ------
    InputError
        If the bundle has no such model, or the level is no share.
    """
    if not 0 < level < 1:
        raise InputError(f"level {level:g}: is no share between 0 and 1; take 0.9, say.")
    known = (NETWORK, BLEND, bundle.verdict.baseline)
    if model not in known:
        raise InputError(f"model '{model}': the bundle has none; take one of {', '.join(known)}.")
    table = in_primitive_cells(table)
    outputs = outputs_of(bundle.members, table, device, processes)
    training, domain = bundle.training, bundle.training.domain
    embedding = training.standardised(outputs.embedding)
    each = outputs.predictions
    if model != NETWORK:
        baseline = _of_baseline(bundle, table, device, processes)
        each = blended(each, baseline) if model == BLEND else baseline[None]
    predicted = each.mean(axis=0)
    spread = each.std(axis=0, ddof=1) if len(each) > 1 else np.full(len(table), np.nan)
    calibration = training.calibration(model)
    difficulty = calibration.difficulty(embedding)
    half = difficulty * factor(calibration.residuals, calibration.own_difficulty(), level)
    nearest, distances = domain.nearest(embedding)
    unseen = [domain.unseen(crystal.numbers) for crystal in table]
    usual = distances <= domain.limit()
    return pd.DataFrame({
        "id": table.ids.astype(object),
        "prediction": predicted,
        "std": spread,
        "lower": predicted - half,
        "upper": predicted + half,
        "in_domain": usual & np.array([not elements for elements in unseen], dtype=bool),
        "nearest": nearest.astype(object),
        "distance": distances,
        "difficulty": difficulty,
        "unseen_elements": [" ".join(SYMBOLS[z] for z in elements) for elements in unseen],
    })  # fmt: skip


def csv_of(table: pd.DataFrame) -> str:
    """Write predictions; no name is a formula to a spreadsheet, see `files.name_in_csv`."""
    names = {name: table[name].map(as_cell) for name in ("id", "nearest")}
    text: str = table.assign(**names).to_csv(index=False)
    return text


def embed_bundle(
    bundle: Bundle, table: CrystalTable, device: str = "cpu", processes: int = 1
) -> np.ndarray:
    """Return the members' features of crystals beside each other, [n, n_members x features]."""
    return outputs_of(bundle.members, in_primitive_cells(table), device, processes).embedding


def outputs_of(
    members: list[SavedModel], table: CrystalTable, device: str = "cpu", processes: int = 1
) -> MemberOutputs:
    """Compute what members say of crystals in primitive cells; graphs are built once for all."""
    networks = [member.build().to(device) for member in members]
    parts = [
        [_of_network(network, graphs) for network in networks]
        for graphs in graphs_of(members[0], table, device, processes)
    ]
    predictions, embedding = [], []
    for place, member in enumerate(members):
        (scaler,) = member.scalers.values()
        scaled = np.concatenate([np.empty(0), *(part[place][0][:, 0] for part in parts)])
        predictions.append(scaler.restore(scaled))
        width = networks[place].features
        embedding.append(
            np.concatenate([np.empty((0, width)), *(part[place][1] for part in parts)])
        )
    return MemberOutputs(np.array(predictions), np.hstack(embedding))


@torch.no_grad()
def _of_network(network: Network, graphs: Graphs) -> tuple[np.ndarray, np.ndarray]:
    """Return scaled predictions, [n_crystals, n_properties], and pooled features, [n, features]."""
    features = embed(network, graphs)
    return _numbers(network.fc(features)), _numbers(features)


def _numbers(tensor: torch.Tensor) -> np.ndarray:
    found: np.ndarray = tensor.double().cpu().numpy()
    return found


def _of_baseline(bundle: Bundle, table: CrystalTable, device: str, processes: int) -> np.ndarray:
    """Fit the best baseline to all training crystals, and predict; seconds, so it is not stored."""
    training, name = bundle.training, bundle.verdict.baseline
    if name == RIDGE and bundle.source_model is not None:
        seen = frozen_features(bundle.source_model, table, device, processes)
    else:
        seen = seen_by(name, table, processes)
    return fitted(name, training.features, training.targets, bundle.plan.seed).predict(seen)


def seen_by(baseline: str, table: CrystalTable, processes: int = 1) -> np.ndarray:
    """Return what a baseline sees of crystals, the source's features aside, [n, n_features].

    Raises
    ------
    InputError
        If it needs CHGNet, which is not installed.
    """
    # matminer takes seconds to import, which a network does without
    from crystal_transfer.baselines.matminer_features import features_of

    own = features_of(table, processes)
    if baseline != CHGNET:
        return own.values
    from crystal_transfer.baselines.chgnet_features import chgnet_features_of

    return joined(own, chgnet_features_of(table)).values


def frozen_features(
    source: SavedModel, table: CrystalTable, device: str = "cpu", processes: int = 1
) -> np.ndarray:
    """Return what a source sees of crystals in primitive cells.

    Pooled features, and the properties that it predicts, scaled, [n_crystals, features +
    n_properties].
    """
    network = source.build().to(device)
    parts = (_of_network(network, graphs) for graphs in graphs_of(source, table, device, processes))
    return np.concatenate([np.hstack([features, scaled]) for scaled, features in parts])
