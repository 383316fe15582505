"""Write a figure in every format it is asked for, with the data behind it."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from crystal_transfer.figures.fitting import fit_labels
from crystal_transfer.files import replaced_when_whole, write_text

DPI = 200  # of the png


def save(figure: Figure, data: pd.DataFrame, paths: Iterable[str | Path]) -> None:
    """Write a figure and its data.

    Parameters
    ----------
    figure
        The figure.
    data
        What it shows.
    paths
        Files to write; the suffix decides what.
    """
    fit_labels(figure)  # places its parts once, and in all formats alike
    figure.set_layout_engine("none")
    for path in map(Path, paths):
        if path.suffix == ".csv":
            write_text(path, data.to_csv(index=False))
            continue
        # without dates and random ids, equal figures are equal files
        metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(path.suffix[1:])
        with replaced_when_whole(path) as temporary:
            figure.savefig(temporary, dpi=DPI, bbox_inches="tight", metadata=metadata)
