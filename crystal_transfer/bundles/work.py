"""Files of a fine-tuning under way, from which it goes on after an interruption."""

from crystal_transfer.bundles.paths import WorkPaths
from crystal_transfer.bundles.plan import Part
from crystal_transfer.bundles.start import Start, from_plain
from crystal_transfer.datasets import crystals
from crystal_transfer.datasets.crystals import CrystalTable
from crystal_transfer.files import read_sealed_json
from crystal_transfer.models.saved import SavedModel, load_model


class Work(WorkPaths):
    """The folder of a bundle's trainings, and what is in it."""

    def is_done(self, part: Part) -> bool:
        """Return whether a training has ended."""
        return self.part(part.name).predictions.exists()

    def load_table(self) -> CrystalTable:
        """Read the crystals."""
        return crystals.load(self.crystals)

    def load_source(self) -> SavedModel | None:
        """Read the network to start from, None to start from nothing."""
        return load_model(self.source) if self.source.exists() else None

    def load_start(self) -> Start:
        """Read what was settled before the first training."""
        return from_plain(read_sealed_json(self.description))
