"""Colours of the paper's figures: as the paper has them, or readable for everyone.

The scale from red over white to blue of the heatmaps, blue beside orange, and yellow frames can be
told apart with every common colour vision, so both palettes keep them (the frames are cased in
black, since yellow is pale on white). What differs are the bars. The paper's have a default cycle
of colours, among them green and red of one lightness. ``safe`` has a scale of lightness where the
bars are ordered (sizes), and Okabe & Ito's colours where they are not (strategies, datasets).
tests/test_paper_figures.py measures both under simulated protanopia and deuteranopia.
"""

from dataclasses import dataclass

from matplotlib import color_sequences, colormaps
from matplotlib.colors import Colormap, to_hex

from crystal_transfer.figures.style import COLOURS

DEFAULT = "safe"


@dataclass(frozen=True)
class Palette:
    """Colours by what they stand for.

    Attributes
    ----------
    heat
        0 to 1, red to blue.
    ordered
        A scale for categories with an order, to be sampled.
    categories
        For categories without an order.
    r2, mae
        Of bars that show one of the two metrics.
    best, casing
        Frame around the best cell, and the line on both sides of it.
    """

    heat: Colormap
    ordered: Colormap | tuple[str, ...]
    categories: tuple[str, ...]
    r2: str
    mae: str
    best: str
    casing: str

    def steps(self, n: int) -> list[str]:
        """Return n colours for categories with an order."""
        if not isinstance(self.ordered, Colormap):
            return [self.ordered[i % len(self.ordered)] for i in range(n)]
        # the last tenth of a scale of lightness is too pale on white
        return [to_hex(self.ordered(0.9 * i / max(n - 1, 1))) for i in range(n)]

    def each(self, n: int) -> list[str]:
        """Return n colours for categories without an order; they repeat when they run out."""
        return [self.categories[i % len(self.categories)] for i in range(n)]


_CYCLE = tuple(to_hex(colour) for colour in color_sequences["tab10"])

PALETTES = {
    "paper": Palette(
        heat=colormaps["RdBu"], ordered=_CYCLE, categories=_CYCLE, r2=_CYCLE[0], mae=_CYCLE[1],
        best="#FFE000", casing="black",
    ),
    "safe": Palette(
        heat=colormaps["RdBu"], ordered=colormaps["viridis"], categories=tuple(COLOURS),
        r2="#0072B2", mae="#E69F00", best="#FFE000", casing="black",
    ),
}  # fmt: skip
