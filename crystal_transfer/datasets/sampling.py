"""How the crystals of a sample are chosen from a pool: random, weighted or uniform.

The paper compares three ways by name. Here they are

random
    Every crystal is equally likely: the sample's targets are distributed like the pool's.
weighted
    The range of the pool's targets is divided into ten equal bins; a crystal is drawn without
    replacement with a probability inversely proportional to the number of crystals in its bin,
    so that rare targets occur more often (sequential draws as in Efraimidis & Spirakis, Inf.
    Process. Lett. 97, 181 (2006)).
uniform
    The same bins, each giving the same number of crystals as far as it has them: stratified
    sampling with equal allocation (Cochran, Sampling Techniques, 3rd ed. (1977), sec. 5).
"""

import hashlib
import math
import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from crystal_transfer.runs import Sampling

Item = TypeVar("Item")

BINS = 10


def shuffled(items: Sequence[Item], key: tuple[Any, ...]) -> list[Item]:
    """Return the items in an order that depends on a key only, on any machine.

    Python keeps `random.shuffle` the same across versions.
    """
    result = list(items)
    generator(key).shuffle(result)
    return result


def generator(key: tuple[Any, ...]) -> random.Random:
    """Return a source of random numbers that depend on a key only, on any machine."""
    digest = hashlib.sha256(repr(key).encode()).digest()
    return random.Random(int.from_bytes(digest[:8], "big"))


def choose(
    method: Sampling | str,
    pool: Sequence[str],
    targets: Mapping[str, float],
    size: int,
    key: tuple[Any, ...],
) -> list[str]:
    """Choose crystals from a pool, in random order.

    Parameters
    ----------
    method
        A word of `runs.Sampling`.
    pool
        Who may be chosen, in a fixed order; at least `size`.
    targets
        The target of each, in any unit; unused by ``random``.
    size
        How many to choose.
    key
        Equal keys give equal choices.
    """
    return _METHODS[method](pool, targets, size, key)


def _random(
    pool: Sequence[str], targets: Mapping[str, float], size: int, key: tuple[Any, ...]
) -> list[str]:
    return shuffled(pool, key)[:size]


def _weighted(
    pool: Sequence[str], targets: Mapping[str, float], size: int, key: tuple[Any, ...]
) -> list[str]:
    numbers = generator((*key, "weighted"))
    # the largest u^(1/w) of each, w = 1 / crystals in the bin; by logarithms, since of large bins
    # most such powers are too small for a float, and all of these would be equal
    ranks = {
        id: _log(numbers.random()) * len(members)
        for members in bins(pool, targets)
        for id in members
    }  # fmt: skip
    chosen = sorted(ranks, key=ranks.__getitem__, reverse=True)[:size]
    return shuffled(chosen, key)


def _log(number: float) -> float:
    return math.log(number) if number > 0 else -math.inf


def _uniform(
    pool: Sequence[str], targets: Mapping[str, float], size: int, key: tuple[Any, ...]
) -> list[str]:
    queues = [shuffled(members, (*key, "uniform", n)) for n, members in
              enumerate(bins(pool, targets))]  # fmt: skip
    chosen: list[str] = []
    while len(chosen) < size:
        queues = shuffled([queue for queue in queues if queue], (*key, "round", len(chosen)))
        chosen += [queue.pop() for queue in queues[: size - len(chosen)]]
    return shuffled(chosen, key)


def bins(pool: Sequence[str], targets: Mapping[str, float]) -> list[list[str]]:
    """Divide crystals into bins of equal width by their targets; empty bins are left out."""
    lowest = min(targets[id] for id in pool)
    width = (max(targets[id] for id in pool) - lowest) / BINS
    members = defaultdict(list)
    for id in pool:
        number = int((targets[id] - lowest) / width) if width else 0
        members[min(number, BINS - 1)].append(id)
    return [members[number] for number in sorted(members)]


_METHODS: dict[str, Callable[..., list[str]]] = {
    Sampling.RANDOM: _random,
    Sampling.WEIGHTED: _weighted,
    Sampling.UNIFORM: _uniform,
}
