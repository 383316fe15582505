"""Where the files of a bundle and of the work on it lie, for the command and for the rules."""

from dataclasses import dataclass
from pathlib import Path

DESCRIPTION = "model.json"
TRAINING = "training.npz"
SOURCE = "source.safetensors"
TEST = "test.csv"
WORK = "work"  # folder of what is needed only until the model is finished
LOCK = ".lock"  # of the process that makes the model


@dataclass(frozen=True)
class PartPaths:
    """Files of one training; the checkpoint exists only while it trains."""

    model: Path
    predictions: Path
    history: Path
    checkpoint: Path

    @property
    def outputs(self) -> dict[str, Path]:
        """What the training leaves when it has ended."""
        return {name: getattr(self, name) for name in ("model", "predictions", "history")}


@dataclass(frozen=True)
class WorkPaths:
    """A folder with all that the trainings of a bundle read and leave.

    Attributes
    ----------
    folder
        The folder.
    """

    folder: Path

    @property
    def description(self) -> Path:
        """Return the file of what was settled before the first training; written last."""
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
        return self.inputs / SOURCE

    def part(self, name: str) -> PartPaths:
        """Return the files of one training, by its name."""
        suffixes = ("safetensors", "json", "csv", "pt")
        return PartPaths(*(self.folder / f"{name}.{suffix}" for suffix in suffixes))
