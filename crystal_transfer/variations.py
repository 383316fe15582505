"""The name of a run's variation: what differs from the usual network and hyperparameters."""

import re
from dataclasses import dataclass

PARTS = re.compile(
    r"(?P<network>(?!lr\d|b\d+(-|$)|e\d+(-|$))[a-z]\w*)?-?"
    r"(lr(?P<rate>[\dp]+(e-?\d+)?))?-?(b(?P<batch_size>\d+))?-?(e(?P<epochs>\d+))?"
)


@dataclass(frozen=True)
class Variation:
    """What differs; None or empty for the usual value.

    Attributes
    ----------
    network
        Name of the network.
    rate
        Peak learning rate, as `rate_name` writes it.
    batch_size
        Crystals in a step.
    epochs
        Passes over the sample.
    """

    network: str = ""
    rate: str = ""
    batch_size: int | None = None
    epochs: int | None = None

    @property
    def name(self) -> str:
        """Its name in the id of a run: `cgcnn-lr2p5e-4-b4-e623`; empty where nothing differs."""
        parts = [
            self.network,
            f"lr{self.rate}" if self.rate else "",
            f"b{self.batch_size}" if self.batch_size else "",
            f"e{self.epochs}" if self.epochs else "",
        ]
        return "-".join(filter(None, parts))


def rate_name(rate: float) -> str:
    """Write a learning rate for a name: 1e-2, 2p5e-4."""
    digits, exponent = f"{rate:e}".split("e")
    return f"{digits.rstrip('0').rstrip('.')}e{int(exponent)}".replace(".", "p")


def parsed(name: str) -> Variation:
    """Take a name apart; of a name that no variation has, all is the network."""
    found = PARTS.fullmatch(name)
    if found is None:
        return Variation(network=name)
    numbers = {part: int(found[part]) for part in ("batch_size", "epochs") if found[part]}
    variation = Variation(found["network"] or "", found["rate"] or "", **numbers)
    return variation if variation.name == name else Variation(network=name)
