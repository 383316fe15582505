"""What is settled before the first training, and decides the model."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from crystal_transfer.bundles import plan as plans
from crystal_transfer.bundles.plan import Plan

# raise it when a model of an older version, finished or under way, is of no use to this one
FORMAT = 3


@dataclass(frozen=True)
class Start:
    """All that decides a model; crystals and weights by their checksums.

    Attributes
    ----------
    plan
        How members are trained.
    source
        Name, checksum, licence and learned properties of what they start from.
    crystals
        Checksum of the crystals.
    folds
        Fold of each crystal, [n_crystals].
    """

    plan: Plan
    source: Mapping[str, str]
    crystals: str
    folds: np.ndarray


def plain(start: Start) -> dict[str, Any]:
    """Return a start as plain data."""
    return {
        "format": FORMAT,
        "plan": plans.plain(start.plan),
        "source": dict(start.source),
        "crystals": start.crystals,
        "folds": start.folds.tolist(),
    }


def from_plain(content: Mapping[str, Any]) -> Start:
    """Rebuild a start from `plain`."""
    plan, folds = plans.from_plain(content["plan"]), np.array(content["folds"])
    return Start(plan, content["source"], content["crystals"], folds)


def differences(before: Start, now: Start) -> list[str]:
    """Name what makes another model of one start than of the other; empty where nothing does."""
    was, wanted = _choices(before.plan), _choices(now.plan)
    named = [
        f"{name} {was.get(name)!r}, now {value!r}"
        for name, value in wanted.items()
        if was.get(name) != value
    ]
    others = [
        f"other {name}"
        for name, differ in (
            ("crystals", before.crystals != now.crystals),
            ("weights to start from", before.source["sha256"] != now.source["sha256"]),
            ("groups", not np.array_equal(before.folds, now.folds)),
        )
        if differ
    ]
    return named or others


def _choices(plan: Plan) -> dict[str, Any]:
    """Return a plan as plain data, hyperparameters beside the rest."""
    content = plans.plain(plan)
    return content | dict(content.pop("how"))
