"""A bundle: a folder with a trained model that stands alone.

`model.json` says what the model is, and has checksums of every other file and of itself, so that a
damaged copy is noticed; it is written last, so that a folder without it is no bundle.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from crystal_transfer import __version__
from crystal_transfer.arrays import packed, unpacked
from crystal_transfer.bundles.comparison import BLEND, NETWORK, Score, Verdict, blended, winner
from crystal_transfer.bundles.domain import Domain
from crystal_transfer.bundles.intervals import Calibration
from crystal_transfer.bundles.paths import DESCRIPTION, SOURCE, TRAINING, WORK
from crystal_transfer.bundles.plan import Plan, from_plain, plain
from crystal_transfer.bundles.start import FORMAT
from crystal_transfer.errors import InputError
from crystal_transfer.files import digest_of, read_json, replaced_when_whole, sha256, write_json
from crystal_transfer.models.saved import SavedModel, load_model
from crystal_transfer.species import SYMBOLS

SEAL = "sha256"  # key of the checksum of all the others


@dataclass(frozen=True)
class TrainingSet:
    """The crystals that a bundle was trained on, and what its models say of them.

    Attributes
    ----------
    ids
        Names, [n_crystals].
    targets
        In physical units, [n_crystals].
    folds
        Fold of each crystal, [n_crystals].
    numbers
        Atomic numbers that occur.
    network, baseline
        Predictions out of fold of the network and of the best baseline, in physical units,
        [n_crystals].
    embedding
        Pooled features of all members beside each other, [n_crystals, n_members x features].
    features
        What the best baseline sees, [n_crystals, n_features].
    """

    ids: np.ndarray
    targets: np.ndarray
    folds: np.ndarray
    numbers: np.ndarray
    network: np.ndarray
    baseline: np.ndarray
    embedding: np.ndarray
    features: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)

    def standardised(self, embedding: np.ndarray) -> np.ndarray:
        """Return features with mean 0 and variance 1 over the training crystals."""
        spread = self.embedding.std(axis=0)
        return (embedding - self.embedding.mean(axis=0)) / np.where(spread > 0, spread, 1.0)

    @property
    def domain(self) -> Domain:
        """Where the training crystals lie."""
        features, elements = self.standardised(self.embedding), frozenset(self.numbers.tolist())
        return Domain(self.ids, features, self.folds, elements)

    def calibration(self, model: str) -> Calibration:
        """Return what intervals of the network, the best baseline or both are made from."""
        predictions = {NETWORK: self.network, BLEND: blended(self.network, self.baseline)}
        residuals = self.targets - predictions.get(model, self.baseline)
        return Calibration(self.standardised(self.embedding), residuals, self.folds)


@dataclass(frozen=True)
class Bundle:
    """A trained model with all that belongs to it.

    Attributes
    ----------
    plan
        How it was trained.
    members
        Its networks, one per fold.
    training
        The crystals that it was trained on.
    scores
        Of the network and of each baseline, out of fold.
    verdict
        Whether the network beats the best baseline.
    source
        Name, checksum and licence of what it was fine-tuned from.
    crystals
        Checksum of the crystals, structures included.
    tested
        Checksum of the crystals that it was tested on in the end; empty without any.
    source_model
        That network, where the best baseline needs it.
    """

    plan: Plan
    members: list[SavedModel]
    training: TrainingSet
    scores: list[Score]
    verdict: Verdict
    source: Mapping[str, str]
    crystals: str
    tested: str = ""
    source_model: SavedModel | None = None

    @property
    def best(self) -> str:
        """The model with the lowest MAE out of fold: network, best baseline, or both blended."""
        return winner(self.scores)


def member_name(fold: int) -> str:
    """Return the file of a member; folds count from 0, files from 1."""
    return f"member_{fold + 1}.safetensors"


def write_description(
    bundle: Bundle, folder: Path, rejected: int, versions: dict[str, str]
) -> None:
    """Write `model.json`, the last file of a bundle; all others are there."""
    others = sorted(file for file in folder.iterdir() if file.is_file() and file.name[0] != ".")
    content = {
        "format": FORMAT,
        "version": __version__,
        "target": bundle.plan.target,
        "unit": bundle.plan.unit,
        "crystals": len(bundle.training),
        "rejected": rejected,
        "elements": [SYMBOLS[number] for number in bundle.training.numbers.tolist()],
        "bond_rule": bundle.members[0].bond_rule,
        "source": dict(bundle.source),
        "crystals_sha256": bundle.crystals,
        "tested_sha256": bundle.tested,
        "plan": plain(bundle.plan),
        "scores": [score._asdict() for score in bundle.scores],
        "verdict": bundle.verdict._asdict(),
        "versions": versions,
        "files": {file.name: sha256(file) for file in others if file.name != DESCRIPTION},
    }
    write_json(folder / DESCRIPTION, sealed(content))


def sealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a description with a checksum of all else in it: an edited one is refused."""
    others = {key: value for key, value in content.items() if key != SEAL}
    return others | {SEAL: digest_of(others)}


def load_bundle(folder: str | Path) -> Bundle:
    """Read a bundle.

    Raises
    ------
    InputError
        If the folder holds none, one of a newer version, or one with a missing or damaged file.
    """
    folder = Path(folder)
    if not (folder / DESCRIPTION).is_file():
        work = folder / WORK
        raise InputError(
            f"{folder}: has no {DESCRIPTION}, so it is no model"
            + (
                ": its training has not ended; run the same finetune command again."
                if work.is_dir()
                else "; give the folder that `crystal-transfer finetune` wrote."
            )
        )
    content: dict[str, Any] = read_json(folder / DESCRIPTION)
    try:
        if content["format"] > FORMAT:
            raise InputError(
                f"{folder}: was written by version {content['version']}, this is {__version__}; "
                "update crystal-transfer to read it."
            )
        if content["format"] < FORMAT:
            raise InputError(
                f"{folder}: was written by an older version ({content['version']}), whose models "
                "are of another kind; make the model again."
            )
        if content != sealed(content):
            raise InputError(
                f"{folder / DESCRIPTION}: is damaged or was edited, its checksum is another; copy "
                "the model again."
            )
        needed = [TRAINING, *(member_name(fold) for fold in range(content["plan"]["folds"]))]
        has_source = SOURCE in content["files"]
        for name in [*needed, *([SOURCE] if has_source else [])]:
            _require_whole(folder / name, content["files"][name])
        training = folder / TRAINING
        return Bundle(
            plan=from_plain(content["plan"]),
            members=[load_model(folder / name) for name in needed[1:]],
            training=unpacked(
                TrainingSet, training.read_bytes(), training, "no training set of a model"
            ),
            scores=[Score(**row) for row in content["scores"]],
            verdict=Verdict(**content["verdict"]),
            source=content["source"],
            crystals=content["crystals_sha256"],
            tested=content["tested_sha256"],
            source_model=load_model(folder / SOURCE) if has_source else None,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{folder / DESCRIPTION}: is damaged ({type(error).__name__}: {error}); copy the model "
            "again."
        ) from None


def save_training_set(training: TrainingSet, folder: Path) -> None:
    """Write the training set of a bundle."""
    with replaced_when_whole(folder / TRAINING) as temporary:
        temporary.write_bytes(packed(training))


def _require_whole(file: Path, noted: str) -> None:
    if not file.is_file():
        raise InputError(f"{file}: is missing; copy the whole folder of the model again.")
    if sha256(file) != noted:
        raise InputError(
            f"{file}: is damaged, its checksum is not the one in {DESCRIPTION}; copy the model "
            "again."
        )
