"""Labels and titles that are longer than their axes, broken into lines."""

import re
from collections.abc import Iterator, Sequence

from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import BboxBase

TOLERANCE = 1.1  # of an axis; what hangs over by less meets no other label
PASSES = 2  # labels of more lines leave less room to those across
# where a line may end: not within $a$, n = 10 and [-1, 1]
GAP = re.compile(r"(?<![=,]) (?!=)(?=(?:[^$]*\$[^$]*\$)*[^$]*$)")


def fit_labels(figure: Figure) -> None:
    """Place the parts of a figure; break labels and titles that would run into those beside them.

    Words stay whole, so that a single long one is as long as before.
    """
    for _ in range(PASSES):
        figure.draw_without_rendering()
        if not _break_long(figure):
            return
    figure.draw_without_rendering()


def _break_long(figure: Figure) -> bool:
    """Break what is too long; say whether anything was, as all parts have other places then."""
    changed = False
    for text, room in _labels(figure):
        box = text.get_window_extent()
        length = box.height if text.get_rotation() == 90 else box.width
        if length > TOLERANCE * room:
            before = text.get_text()
            text.set_text("\n".join(_lines(before, room / length)))
            changed |= text.get_text() != before
    return changed


def _labels(figure: Figure) -> Iterator[tuple[Text, float]]:
    """List the texts along axes with the room they have, in pixels."""
    boxes = {axis: axis.get_window_extent() for axis in figure.axes}
    bars = [axis for axis in figure.axes if hasattr(axis, "_colorbar")]
    for axis, box in boxes.items():
        yield axis.yaxis.label, box.height
        if axis not in bars:
            beside = [boxes[other] for other in boxes if other is not axis and other not in bars]
            yield axis.xaxis.label, _centred(box, beside, figure)
            yield axis.title, _centred(box, beside, figure)
            # a title runs over a colour bar that is no higher than its axis
            ends = [other.x0 for other in boxes.values() if other.x0 > box.x1 and other.y1 > box.y1]
            right = min([*ends, *(other.x0 for other in beside if other.x0 > box.x1)],
                        default=figure.bbox.x1)  # fmt: skip
            # public names would set its font anew
            yield axis._left_title, right - box.x0  # type: ignore[attr-defined]


def _centred(box: BboxBase, beside: Sequence[BboxBase], figure: Figure) -> float:
    """Return the room of a text in the middle of an axis: more where no other is beside it."""
    if any(other.y0 < box.y1 and box.y0 < other.y1 for other in beside):
        return float(box.width)
    middle = (box.x0 + box.x1) / 2
    return float(2 * min(middle - figure.bbox.x0, figure.bbox.x1 - middle))


def _lines(text: str, share: float) -> list[str]:
    """Break a text into lines of at most this share of its longest line, where words allow it."""
    most = share * max(map(len, text.splitlines()))
    lines: list[str] = []
    for line in text.splitlines():
        words = GAP.split(line)
        lines.append(words[0])
        for word in words[1:]:
            if len(lines[-1]) + 1 + len(word) <= most:
                lines[-1] += f" {word}"
            else:
                lines.append(word)
    return lines
