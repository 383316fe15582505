"""The FT size at which datasets stand beside each other in a figure."""

from collections.abc import Hashable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import TypeVar

Name = TypeVar("Name", bound=Hashable)


def largest_common(sizes: Mapping[Name, AbstractSet[int]]) -> dict[Name, int]:
    """Return the largest size that all datasets have; where they share none, each its own largest.

    Parameters
    ----------
    sizes
        Dataset -> its FT sizes, at least one.
    """
    common = set.intersection(*map(set, sizes.values())) if sizes else set()
    return {name: max(common or own) for name, own in sizes.items()}


def size_label(sizes: Iterable[int]) -> str:
    """Name the sizes in a figure, `n = 200` or `n = 40, 1000`; empty without any."""
    return f"n = {', '.join(map(str, named))}" if (named := sorted(set(sizes))) else ""
