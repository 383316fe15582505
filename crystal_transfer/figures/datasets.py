"""What the datasets hold: how many crystals, and how their targets are distributed."""

import numpy as np
import pandas as pd

from crystal_transfer.datasets.crystals import CrystalTable
from crystal_transfer.figures.style import colour_of, panels, quantity

BINS = 40


def overview(tables: dict[str, CrystalTable], datasets: dict):
    """Draw the targets of every dataset as a histogram with its size (Fig. 1b).

    Returns
    -------
    figure, data
        The data give crystals, atoms per crystal and the target's statistics in physical units.
    """
    colours = colour_of(list(tables))
    figure, axes = panels(len(tables))
    rows = []
    for axis, (code, table) in zip(axes, tables.items(), strict=True):
        targets = table.targets
        axis.hist(targets, bins=BINS, color=colours[code])
        axis.set_yscale("log", nonpositive="clip")
        axis.set_title(f"{code}: {len(table):,} crystals")
        axis.set_xlabel(quantity(code, datasets[code]), fontsize=8)
        axis.set_ylabel("Crystals")
        rows.append(
            {
                "dataset": code,
                "property": datasets[code]["label"],
                "unit": datasets[code]["unit"],
                "crystals": len(table),
                "atoms_per_crystal": np.diff(table.offsets).mean(),
                "minimum": targets.min(),
                "median": np.median(targets),
                "mean": targets.mean(),
                "maximum": targets.max(),
                "standard_deviation": targets.std(),
            }
        )
    return figure, pd.DataFrame(rows)
