"""What is in a user's data, before anything is trained on them."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from pymatgen.analysis.structure_matcher import StructureMatcher

from crystal_transfer.datasets.crystals import CrystalTable
from crystal_transfer.datasets.fingerprints import Formula, formula
from crystal_transfer.datasets.overlap import structure
from crystal_transfer.figures.formats import save
from crystal_transfer.figures.style import COLOURS, panels
from crystal_transfer.species import SYMBOLS

FAR = 10.0  # mean distances from the median; of a normal distribution nothing is farther than 6
DOMINATES = 0.25  # share of the crystals: a larger group cannot be one of four even folds
RARE = 3  # crystals; an element of fewer is learned from hardly anything


@dataclass(frozen=True)
class Summary:
    """What a table of labelled crystals holds.

    Attributes
    ----------
    atoms
        Smallest, median and largest number of atoms per cell.
    elements
        Symbol -> number of crystals that have it, most frequent first.
    formulas
        Reduced formula -> number of crystals that have it, most frequent first.
    twins
        Groups of crystals that are one structure, as lists of names.
    disagreement
        Largest difference of targets within such a group, in their unit; 0 without any.
    far
        Names of crystals whose target is far from all others.
    quantiles
        Of the targets: minimum, quarter, median, three quarters, maximum.
    """

    atoms: tuple[int, int, int]
    elements: dict[str, int]
    formulas: dict[str, int]
    twins: list[list[str]]
    disagreement: float
    far: list[str]
    quantiles: tuple[float, ...]

    @property
    def rare(self) -> list[str]:
        """Elements that very few crystals have."""
        return [symbol for symbol, n in self.elements.items() if n < RARE]


def summarise(table: CrystalTable) -> Summary:
    """Look at labelled crystals."""
    sizes = np.diff(table.offsets)
    counts = Counter(SYMBOLS[number] for crystal in table for number in np.unique(crystal.numbers))
    twins = twins_in(table)
    spread = [float(np.ptp(table.targets[rows])) for rows in twins]
    centre = np.median(table.targets)
    distance = np.abs(table.targets - centre)
    far = distance > FAR * distance.mean()
    formulas = Counter(structure(crystal).composition.reduced_formula for crystal in table)
    return Summary(
        atoms=(int(sizes.min()), int(np.median(sizes)), int(sizes.max())),
        elements=dict(counts.most_common()),
        formulas=dict(formulas.most_common()),
        twins=[table.ids[rows].tolist() for rows in twins],
        disagreement=max(spread, default=0.0),
        far=table.ids[far].tolist(),
        quantiles=tuple(np.quantile(table.targets, [0, 0.25, 0.5, 0.75, 1]).tolist()),
    )


def twins_in(table: CrystalTable) -> list[list[int]]:
    """Return the rows of crystals that are one structure, a list per group of several.

    By pymatgen's `StructureMatcher`: up to the choice of the cell, scale and small displacements.
    """
    by_formula: dict[Formula, list[int]] = {}
    for row, crystal in enumerate(table):
        by_formula.setdefault(formula(crystal), []).append(row)
    matcher, found = StructureMatcher(), []
    for rows in by_formula.values():
        candidates = [structure(table[row]) for row in rows]
        row_of = {id(candidate): row for candidate, row in zip(candidates, rows, strict=True)}
        alike = matcher.group_structures(candidates) if len(rows) > 1 else []
        found += [[row_of[id(member)] for member in members] for members in alike]
    return [rows for rows in found if len(rows) > 1]


def draw_histogram(table: CrystalTable, label: str, path: Path) -> None:
    """Draw how the targets are distributed; the suffix of the path decides the format."""
    figure, (axis,) = panels(1, width=4.2, height=3.0)
    axis.hist(table.targets, bins="auto", color=COLOURS[0])
    axis.set_xlabel(label)
    axis.set_ylabel("Crystals")
    save(figure, pd.DataFrame({"target": table.targets}), [path])
