"""One structure read by two libraries, and used only if both find the same crystal."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
from scipy.spatial import cKDTree

from crystal_transfer.datasets.records import Fault, Structure, because, require_periodic

Read = TypeVar("Read")
SAME_POSITION = 5e-3  # fractional; special positions are given with three digits


def tried(library: str, kind: str, read: Callable[[], Read]) -> Read:
    """Return what a library reads; whatever it stumbles over is a `Fault` with its name."""
    try:
        return read()
    except Fault:
        raise
    except Exception as error:  # readers raise whatever the damage leads to
        raise Fault(f"{kind} cannot be read by {library}{because(error)}") from None


def agreed(
    kind: str,
    by_ase: Callable[[], Structure],
    by_pymatgen: Callable[[], Structure],
    ordered: bool = False,
) -> Structure:
    """Return what ASE reads, if pymatgen reads the same crystal.

    Raises
    ------
    Fault
        If one of them cannot read it, or elements, cells, positions or, if `ordered`, the order of
        the atoms differ.
    """
    one, two = tried("ASE", kind, by_ase), tried("pymatgen", kind, by_pymatgen)
    counts = Counter(one.elements), Counter(two.elements)
    if counts[0] != counts[1]:
        raise Fault(
            f"ASE and pymatgen do not agree on the {kind}: {written(counts[0])[:60]} or "
            f"{written(counts[1])[:60]}"
        )
    volumes = [abs(np.linalg.det(read.lattice)) for read in (one, two)]
    if not np.isclose(volumes[0], volumes[1], rtol=1e-4):
        raise Fault(f"ASE and pymatgen do not agree on the cell of the {kind}")
    if (ordered and one.elements != two.elements) or not _same_positions(one, two):
        raise Fault(f"ASE and pymatgen do not agree on the positions in the {kind}")
    return one


def _same_positions(one: Structure, two: Structure) -> bool:
    """Tell whether two structures have the same atoms at the same fractional coordinates."""
    places = [read.coordinates % 1.0 % 1.0 for read in (one, two)]  # twice: -1e-17 % 1 is 1
    if not all(np.isfinite(place).all() for place in places):
        return False
    distances, partners = cKDTree(places[1], boxsize=1.0).query(places[0])
    return bool(
        distances.max(initial=0) < SAME_POSITION
        and len(set(partners.tolist())) == len(partners)
        and all(one.elements[i] == two.elements[j] for i, j in enumerate(partners))
    )


def of_ase(frames: Any) -> Structure:
    """Return the structure of the one frame that ASE reads.

    Raises
    ------
    Fault
        If there are several, or it is not periodic.
    """
    if len(frames) != 1:
        raise Fault(f"file holds {len(frames)} structures; which one has the value?")
    (atoms,) = frames
    if atoms.cell.rank != 3:
        raise Fault("structure has no lattice of three vectors")
    read = Structure(
        atoms.get_chemical_symbols(), np.array(atoms.cell), atoms.get_scaled_positions(wrap=False)
    )
    require_periodic(atoms.pbc, read)
    return read


def of_pymatgen(read: Any) -> Structure:
    """Return pymatgen's structure.

    Raises
    ------
    Fault
        If it is disordered.
    """
    if not read.is_ordered:
        raise Fault("structure is disordered (partial occupancy)")
    symbols = [site.specie.symbol for site in read]
    return Structure(symbols, read.lattice.matrix, read.frac_coords)


def written(counts: Mapping[str, float]) -> str:
    """Write numbers of atoms by element as a formula."""
    return " ".join(f"{symbol}{count:g}" for symbol, count in sorted(counts.items()))
