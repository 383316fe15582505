"""How numbers are written on the page."""

from collections.abc import Sequence

import pandas as pd
from reading import SCORES


def value(mean: float, half: float, digits: int = 3) -> str:
    """Write a mean with the half-width of its interval, to as many significant digits."""
    if pd.isna(mean):
        return "-"
    mean = float(f"{mean:.{digits}g}")
    return f"{mean:g}" if pd.isna(half) else f"{mean:g} ± {float(f'{half:.2g}'):g}"


def both(mae: float, half: float, per_scaled: float) -> str:
    """Write an MAE with the half-width of its interval, and in brackets the scaled MAE."""
    return "-" if pd.isna(mae) else f"{value(mae, half)} ({mae / per_scaled:.3g})"


def percents(mean: float, half: float) -> str:
    """Write a mean in % with the half-width of its interval."""
    return f"{whole_percent(mean)} ± {half:.0f}"


def reduction(row: pd.Series) -> str:
    """Write a row of `reading.reductions`."""
    return percents(row["mean"], row["half_width"])


def improvement(found: pd.DataFrame) -> list[str]:
    """Write `reading.improvements`, a cell per metric."""
    return [
        f"{row.mean:+.2f} ± {row.half_width:.2f}" if row.Index in SCORES
        else percents(row.mean, row.half_width)
        for row in found.itertuples()
    ]  # fmt: skip


def whole_percent(number: float) -> str:
    """Write a number of %, without the sign of a zero."""
    return f"{round(number) + 0:.0f}"


def named(codes: Sequence[str]) -> str:
    """Write codes as a list."""
    return ", ".join(codes) or "none"
