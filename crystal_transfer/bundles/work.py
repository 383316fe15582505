"""Files of a fine-tuning under way, from which it goes on after an interruption."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from crystal_transfer.bundles.plan import Part, Plan, from_plain
from crystal_transfer.datasets import crystals
from crystal_transfer.datasets.crystals import CrystalTable
from crystal_transfer.files import read_sealed_json
from crystal_transfer.models.saved import SavedModel, load_model


@dataclass(frozen=True)
class PartFiles:
    """Files of one training; the checkpoint exists only while it trains."""

    model: Path
    predictions: Path
    history: Path
    checkpoint: Path


@dataclass(frozen=True)
class Start:
    """What was settled before the first training.

    Attributes
    ----------
    plan
        How members are trained.
    source
        Name, checksum and licence of what they start from.
    crystals
        Checksum of the crystals.
    folds
        Fold of each crystal, [n_crystals].
    """

    plan: Plan
    source: dict[str, str]
    crystals: str
    folds: np.ndarray


@dataclass(frozen=True)
class Work:
    """A folder with all that the trainings of a bundle read and leave.

    Attributes
    ----------
    folder
        The folder.
    """

    folder: Path

    @property
    def description(self) -> Path:
        """Return the file of the `Start`; written last."""
        return self.folder / "plan.json"

    @property
    def remark(self) -> Path:
        """Return the file that says what the folder is; written first."""
        return self.folder / "README.txt"

    @property
    def inputs(self) -> Path:
        """Return the folder of what the trainings read besides."""
        return self.folder / "inputs"

    @property
    def crystals(self) -> Path:
        """Return the file of the clean crystals."""
        return self.inputs / "crystals.npz"

    @property
    def graphs(self) -> Path:
        """Return the folder of their graphs."""
        return self.inputs / "graphs"

    @property
    def source(self) -> Path:
        """Return the network to start from; absent without one."""
        return self.inputs / "source.safetensors"

    def part(self, part: Part) -> PartFiles:
        """Return the files of one training."""
        return PartFiles(
            *(
                self.folder / f"{part.name}.{suffix}"
                for suffix in ("safetensors", "json", "csv", "pt")
            )
        )

    def is_done(self, part: Part) -> bool:
        """Return whether a training has ended."""
        return self.part(part).predictions.exists()

    def load_table(self) -> CrystalTable:
        """Read the crystals."""
        return crystals.load(self.crystals)

    def load_source(self) -> SavedModel | None:
        """Read the network to start from, None to start from nothing."""
        return load_model(self.source) if self.source.exists() else None

    def load_start(self) -> Start:
        """Read what was settled before the first training."""
        content = read_sealed_json(self.description)
        return Start(
            from_plain(content["plan"]),
            content["source"],
            content["crystals"],
            np.array(content["folds"]),
        )
