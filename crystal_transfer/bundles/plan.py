"""What fine-tuning to one's own crystals does: every choice in one frozen description."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from crystal_transfer.bundles.names import SCRATCH
from crystal_transfer.errors import InputError
from crystal_transfer.models.sizes import AlignnSizes
from crystal_transfer.models.strategies import STRATEGIES
from crystal_transfer.runs import Hyperparameters, Loss, as_plain, hyperparameters_of
from crystal_transfer.training.settings import Device
from crystal_transfer.units import drawable

# Shares of the first fold's training crystals that are trained on besides, for the learning curve.
CURVE = (0.25, 0.5)
WHOLE = 1.0
FEWEST_FOLDS = 3
STRATEGY = "mpt_new_head"  # unless a user says otherwise
SEEDS = 2**32  # scikit-learn takes smaller ones

# Of fine-tuning.
BATCH_SIZE = 16
MAX_LR = 1e-3
WEIGHT_DECAY = 1e-5
PCT_START = 0.3
STEPS = 1250  # of a training, whatever the number of crystals ...
FEWEST_EPOCHS, MOST_EPOCHS = 40, 150  # ... within these limits
# Of a network that starts from nothing: those of the weights that ship, so that it costs the same.
SCRATCH_SIZES = AlignnSizes(
    alignn_layers=2, gcn_layers=2, embedding_features=64, hidden_features=64
)


class Part(NamedTuple):
    """One training: the crystals outside of a fold, or a share of them."""

    fold: int
    share: float = WHOLE

    @property
    def name(self) -> str:
        """Its name in files and in the log; folds count from 1."""
        name = f"member_{self.fold + 1}"
        return name if self.share == WHOLE else f"{name}_of_{100 * self.share:.0f}"


@dataclass(frozen=True)
class Options:
    """What a user may choose.

    Attributes
    ----------
    target, unit
        Name and physical unit of the property.
    source
        Name of what members start from, see `bundles.sources`.
    strategy
        What they may change, see `models.strategies`; empty for `STRATEGY`, or for everything
        where they start from nothing.
    folds
        Number of members: each is trained on all crystals outside of one fold.
    group_by
        What keeps crystals together, see `bundles.folds`.
    chgnet
        Whether a baseline sees CHGNet's frozen features too; needs the package chgnet.
    epochs
        Of each member; 0 for a number that fits the number of crystals.
    seed
        Of folds, initial weights and the order of crystals.
    device
        Where to train.
    """

    target: str = "target"
    unit: str = ""
    source: str = "auto"
    strategy: str = ""
    folds: int = 5
    group_by: str = "formula"
    chgnet: bool = False
    epochs: int = 0
    seed: int = 0
    device: Device = Device.AUTO


@dataclass(frozen=True)
class Plan:
    """What decides a bundle, besides its crystals and its source; attributes as of `Options`.

    Attributes
    ----------
    how
        How a member is trained.
    """

    target: str
    unit: str
    source: str
    strategy: str
    folds: int
    group_by: str
    chgnet: bool
    seed: int
    how: Hyperparameters
    device: Device

    def parts(self) -> list[Part]:
        """Return its trainings."""
        return parts_of(self.folds)

    def epochs_of(self, part: Part) -> int:
        """Return the epochs of a training: of a share of the crystals as many steps as of all.

        Else a learning curve would show fewer steps, not fewer crystals.
        """
        return round(self.how.epochs / part.share)


def parts_of(folds: int) -> list[Part]:
    """Return the trainings of a bundle: the members, then those of the learning curve."""
    return [*(Part(fold) for fold in range(folds)), *(Part(0, share) for share in CURVE)]


def plan_of(options: Options, n_crystals: int) -> Plan:
    """Return the plan of what a user chose, for a number of crystals.

    Raises
    ------
    InputError
        If there is no such strategy, there are too few folds, or a number or word is none that
        can be used.
    """
    if options.folds < FEWEST_FOLDS:
        raise InputError(f"folds {options.folds}: are too few; take {FEWEST_FOLDS} or more.")
    if options.epochs < 0:
        raise InputError(f"epochs {options.epochs}: are too few; take 1 or more, or 0.")
    if not 0 <= options.seed < SEEDS:
        raise InputError(f"seed {options.seed}: is out of range; take one from 0 to {SEEDS - 1}.")
    require_drawable(target=options.target, unit=options.unit)
    return Plan(
        target=options.target,
        unit=options.unit,
        source=options.source,
        strategy=_strategy_of(options),
        folds=options.folds,
        group_by=options.group_by,
        chgnet=options.chgnet,
        seed=options.seed,
        how=usual_hyperparameters(options.epochs or usual_epochs(n_crystals, options.folds)),
        device=options.device,
    )


def _strategy_of(options: Options) -> str:
    """Return what members may change: what a user chose, or what suits the source."""
    strategy = options.strategy
    if strategy and strategy not in STRATEGIES:
        raise InputError(
            f"strategy '{strategy}': there is none; take one of {', '.join(STRATEGIES)}."
        )
    if options.source == SCRATCH:
        if strategy:
            raise InputError(
                f"strategy '{strategy}': a network that starts from {SCRATCH} has nothing to keep; "
                "leave the strategy out, or name a source."
            )
        return ""
    return strategy or STRATEGY


def require_drawable(**texts: str) -> None:
    """See that figures and reports can show what a user has written, by the option's name.

    Raises
    ------
    InputError
        For the first that they cannot.
    """
    for name, text in texts.items():
        try:
            drawable(text)
        except ValueError as error:
            raise InputError(f"{name} {text!r}: {error}.") from None


def usual_epochs(n_crystals: int, folds: int) -> int:
    """Return how many epochs a member has, unless the user says so: about `STEPS` steps."""
    steps = max(1, n_crystals * (folds - 1) // folds // BATCH_SIZE)
    return min(MOST_EPOCHS, max(FEWEST_EPOCHS, round(STEPS / steps)))


def usual_hyperparameters(epochs: int) -> Hyperparameters:
    """Return how members are trained: the absolute error, for targets with a long tail."""
    return Hyperparameters(
        epochs=epochs, batch_size=BATCH_SIZE, max_lr=MAX_LR, loss=Loss.L1,
        weight_decay=WEIGHT_DECAY, pct_start=PCT_START,
    )  # fmt: skip


def plain(plan: Plan) -> dict[str, Any]:
    """Return a plan as plain data."""
    content: dict[str, Any] = as_plain(plan)
    return content


def from_plain(content: Mapping[str, Any]) -> Plan:
    """Rebuild a plan from `plain`."""
    fields = dict(content)
    return Plan(
        **fields | {"how": hyperparameters_of(fields["how"]), "device": Device(fields["device"])}
    )


def options_from_plain(content: Mapping[str, Any]) -> Options:
    """Rebuild options from plain data."""
    return Options(**dict(content) | {"device": Device(content["device"])})


def part_of(name: str) -> Part:
    """Return the training of a name."""
    fold, _, percent = name.removeprefix("member_").partition("_of_")
    return Part(int(fold) - 1, int(percent) / 100 if percent else WHOLE)
