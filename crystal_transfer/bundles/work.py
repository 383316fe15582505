"""Files of a fine-tuning under way, from which it goes on after an interruption."""

from collections.abc import Mapping
from typing import Any

from crystal_transfer.bundles.paths import WorkPaths
from crystal_transfer.bundles.plan import Part
from crystal_transfer.bundles.start import Start, from_plain
from crystal_transfer.datasets import crystals
from crystal_transfer.datasets.crystals import CrystalTable
from crystal_transfer.errors import InputError
from crystal_transfer.files import checksum, read_json, read_sealed_json, write_json
from crystal_transfer.models.saved import SavedModel, load_model

# keys of a file of predictions: checksum of what was settled, and crystal -> prediction
START, PREDICTIONS = "start", "predictions"


class Work(WorkPaths):
    """The folder of a bundle's trainings, and what is in it."""

    def is_done(self, part: Part) -> bool:
        """Return whether a training of what was settled has ended."""
        path = self.part(part.name).predictions
        return path.exists() and self._is_of_start(read_json(path))

    def save_predictions(self, part: Part, predictions: Mapping[str, float]) -> None:
        """Write what a training predicted: the last of its files."""
        content = {START: checksum(self.description), PREDICTIONS: dict(predictions)}
        write_json(self.part(part.name).predictions, content)

    def load_predictions(self, part: Part) -> dict[str, float]:
        """Read what a training predicted for the crystals of its fold, in physical units.

        Raises
        ------
        InputError
            If it is the training of something else than what was settled.
        """
        path = self.part(part.name).predictions
        content = read_json(path)
        if not self._is_of_start(content):
            raise InputError(f"{path}: is of another training; delete {self.folder} and run again.")
        found: dict[str, float] = content[PREDICTIONS]
        return found

    def _is_of_start(self, content: Mapping[str, Any]) -> bool:
        """Return whether predictions are of what was settled."""
        return content.get(START) == checksum(self.description)

    def load_table(self) -> CrystalTable:
        """Read the crystals."""
        return crystals.load(self.crystals)

    def load_source(self) -> SavedModel | None:
        """Read the network to start from, None to start from nothing."""
        return load_model(self.source) if self.source.exists() else None

    def load_start(self) -> Start:
        """Read what was settled before the first training."""
        return from_plain(read_sealed_json(self.description))
