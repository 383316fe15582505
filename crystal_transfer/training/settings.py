"""What all runs of a study share."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from crystal_transfer.models.sizes import SIZES, Sizes
from crystal_transfer.protocols import FrozenNorms, TestedEpoch, TestLabels, TrainingSeed
from crystal_transfer.runs import as_plain


class Device(StrEnum):
    """Where trainings run; `AUTO` takes a GPU if there is one."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


class Precision(StrEnum):
    """Precision of matrix products, with bf16 also of bond pairs; sums stay fp32."""

    FP32 = "fp32"
    TF32 = "tf32"
    BF16 = "bf16"


TESTED_AT_ONCE = 2048  # crystals in memory at once while testing


@dataclass(frozen=True)
class Settings:
    """What all runs of a study share.

    Attributes
    ----------
    seed
        Seed of the study.
    tested_epoch
        Which model is tested.
    frozen_norms
        What running statistics of frozen norms do.
    training_seed
        What decides initial weights and the order of crystals.
    multi_test_labels
        Whether multi-property pre-training sees labels of the other properties' test crystals.
    bond_rule
        How the graphs were built: a model that stands alone must know it.
    data
        Checksum of the choices that the run's files were made by, for those who compare runs.
    device
        Where to train.
    precision
        Of matrix products.
    record_steps
        Whether steps on a GPU are recorded as CUDA graphs.
    threads
        CPU threads of one training. Sums are rounded in another order with another number.
    sizes
        Of the network.
    """

    seed: int
    tested_epoch: TestedEpoch
    frozen_norms: FrozenNorms
    training_seed: TrainingSeed
    multi_test_labels: TestLabels
    bond_rule: str
    data: str
    device: Device
    precision: Precision
    record_steps: bool
    threads: int
    sizes: Sizes


def plain(settings: Settings) -> dict[str, Any]:
    """Return settings as plain data, for the parameters of a rule."""
    content: dict[str, Any] = as_plain(settings)
    return content


def deciding(settings: Settings | Mapping[str, Any]) -> dict[str, Any]:
    """Return plain settings that a new training would be started for: all but where it runs.

    Another device or number of threads rounds sums in another order, no more.
    """
    content = plain(settings) if isinstance(settings, Settings) else settings
    return {name: value for name, value in content.items() if name not in ("device", "threads")}


def from_plain(content: Mapping[str, Any], network: str) -> Settings:
    """Rebuild settings from `plain`; the network says what its sizes are."""
    typed = {
        "tested_epoch": TestedEpoch(content["tested_epoch"]),
        "frozen_norms": FrozenNorms(content["frozen_norms"]),
        "training_seed": TrainingSeed(content["training_seed"]),
        "multi_test_labels": TestLabels(content["multi_test_labels"]),
        "device": Device(content["device"]),
        "precision": Precision(content["precision"]),
        "sizes": SIZES[network](**content["sizes"]),
    }
    return Settings(**{**content, **typed})
