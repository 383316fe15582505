"""A protocol: the choices that decide how honest the numbers of a study are, each a switch."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, cast, get_type_hints


class Scaling(StrEnum):
    """Whose range becomes [-1, 1]: that of the whole dataset, test set included, or of the pool."""

    DATASET = "dataset"
    POOL = "pool"


class TestedEpoch(StrEnum):
    """Which model is tested or handed on: of the last epoch, or of the lowest validation loss."""

    LAST = "last"
    BEST = "best"


class FrozenNorms(StrEnum):
    """What running statistics of norms with frozen parameters do: they move, or stay."""

    MOVING = "moving"
    FROZEN = "frozen"


class Neighbours(StrEnum):
    """Which ties at the 12th neighbour's distance are kept, see `graphs.neighbours`."""

    ALIGNN = "alignn"
    SHELL = "shell"


class BondRule(StrEnum):
    """How bonds are found: which ties are kept, and mutual bonds once or twice."""

    ALIGNN = "alignn"
    SHELL = "shell"
    ALIGNN_DOUBLED = "alignn-doubled"
    SHELL_DOUBLED = "shell-doubled"

    @property
    def neighbours(self) -> Neighbours:
        """Which ties are kept."""
        return Neighbours(self.value.removesuffix("-doubled"))

    @property
    def doubled(self) -> bool:
        """Whether a bond that both of its atoms find is there twice."""
        return self.value.endswith("-doubled")


def bond_rule(neighbours: Neighbours, doubled: bool) -> BondRule:
    """Return the rule of its two parts."""
    return BondRule(f"{neighbours.value}-doubled" if doubled else neighbours.value)


class SeenInTest(StrEnum):
    """What happens to PT crystals that are in the test set of a dataset that is fine-tuned to."""

    KEPT = "kept"
    REMOVED = "removed"


class EqualsInPool(StrEnum):
    """What happens to crystals of a dataset's pool that equal one of its own test crystals."""

    KEPT = "kept"
    REMOVED = "removed"


class ScratchRate(StrEnum):
    """Peak learning rate of scratch: its own, as was published, or that of fine-tuning."""

    OWN = "own"
    FINETUNING = "finetuning"


class TrainingSeed(StrEnum):
    """Seed of initialisation and order: one for all trials, as was published, or one per trial."""

    PUBLISHED = "published"
    PER_TRIAL = "per_trial"


class MultiTraining(StrEnum):
    """Optimiser and batches of multi-property runs: their own, or the same as of all others."""

    OWN = "own"
    SAME = "same"


class MultiGraphs(StrEnum):
    """Bonds of multi-property runs that both atoms find: twice, or once as in all other graphs."""

    DOUBLED = "doubled"
    CANONICAL = "canonical"


class TestLabels(StrEnum):
    """Labels of test crystals of the other properties in multi-property pre-training."""

    KEPT = "kept"
    WITHHELD = "withheld"


class AbsentLabels(StrEnum):
    """How labels that a crystal lacks enter the loss: as zeros that are counted, or not at all."""

    COUNTED = "counted"
    LEFT_OUT = "left_out"


class LossOf(StrEnum):
    """Which loss a run has: its kind's own, or the same (that of scratch) for every run."""

    OWN = "own"
    SAME = "same"


@dataclass(frozen=True)
class Protocol:
    """The switches; config.yaml says what the paper did and what is cleaner."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    scaling: Scaling
    tested_epoch: TestedEpoch
    frozen_norms: FrozenNorms
    neighbours: Neighbours
    seen_in_test: SeenInTest
    equals_in_pool: EqualsInPool
    loss: LossOf
    scratch_rate: ScratchRate
    training_seed: TrainingSeed
    multi_epoch: TestedEpoch
    multi_training: MultiTraining
    multi_graphs: MultiGraphs
    multi_test_labels: TestLabels
    absent_labels: AbsentLabels


def protocol_of(switches: Mapping[str, str]) -> Protocol:
    """Return the protocol of plain words, each checked by the type of its switch."""
    types = {name: cast(type[StrEnum], kind) for name, kind in get_type_hints(Protocol).items()}
    words: dict[str, Any] = {name: types[name](word) for name, word in switches.items()}
    return Protocol(**words)
