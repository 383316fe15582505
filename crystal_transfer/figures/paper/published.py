"""The paper's figures from its published numbers, without a training."""

from pathlib import Path

import pandas as pd
from matplotlib import pyplot as plt

from crystal_transfer import data
from crystal_transfer.figures.formats import save
from crystal_transfer.figures.palettes import DEFAULT
from crystal_transfer.figures.paper import bars, circles, fewer, literature, tables, triangles
from crystal_transfer.results.layout import FORMATS
from crystal_transfer.results.publication import published_cells
from crystal_transfer.units import Quantity

# name -> drawing; each takes cells, datasets and the name of a palette
PUBLISHED = {
    "fig4a": triangles.fig4a,
    "fig4b": triangles.fig4b,
    "fig5a": bars.fig5a,
    "fig5b": bars.fig5b,
    "fig5c": circles.fig5c,
    "fig5d": circles.fig5d,
    "fig6a": triangles.fig6a,
    "fig6b": triangles.fig6b,
    "fig6c": bars.fig6c,
    "table1": tables.table1,
    "figS15a": bars.figs15a,
    "figS15b": bars.figs15b,
    "tableS18": tables.tables18,
    "figS19": fewer.figs19,
    "figS21": literature.figs21,
}


def published_data() -> tuple[pd.DataFrame, dict[str, Quantity]]:
    """Return the published cells, and what the targets of their datasets are."""
    # a quarter of a second, which single figures need not wait
    from crystal_transfer.datasets.registry import registry

    known = registry(data.DATASETS, {})
    quantities = {code: Quantity(entry.label, entry.unit) for code, entry in known.items()}
    return published_cells(data.PUBLISHED), quantities


def draw_published(
    folder: str | Path, palette: str = DEFAULT, formats: tuple[str, ...] = FORMATS
) -> list[Path]:
    """Draw every figure for which the published cells suffice.

    Parameters
    ----------
    folder
        Where to write; made if it does not exist.
    palette
        See `figures.palettes`.
    formats
        Suffixes of the files of each figure.

    Returns
    -------
    The files written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    cells, datasets = published_data()
    written = []
    for name, draw in PUBLISHED.items():
        paths = [folder / f"{name}.{suffix}" for suffix in formats]
        figure, numbers = draw(cells, datasets, palette)
        save(figure, numbers, paths)
        plt.close(figure)
        written += paths
    return written
