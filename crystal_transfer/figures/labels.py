"""Words for pairs, strategies and scales."""

import pandas as pd

from crystal_transfer.units import in_unit


def scale_of(maes: pd.Series, scaled: pd.Series, unit: str) -> list[str]:
    """Say what 1 of a dataset's scaled targets is: number and unit; nothing where no run tells.

    Parameters
    ----------
    maes, scaled
        The same MAEs in physical units and scaled: all runs of a dataset have one range, that of
        the dataset or of its pool.
    unit
        The physical unit.
    """
    ratios = (maes / scaled)[scaled > 0].dropna()
    if ratios.empty:
        return []
    half_range = float(f"{ratios.median():.3g}")
    number = f"{half_range:,.0f}" if half_range >= 1000 else f"{half_range:g}"
    scale = [f"1 = {number}"]
    return [*scale, unit] if in_unit(unit) else scale


def pair_label(source: str, target: str) -> str:
    """Return the name of a PT-FT pair."""
    return f"{source} \N{RIGHTWARDS ARROW} {target}"


def strategy_label(name: str) -> str:
    """Write the name of a strategy as words."""
    return name.replace("_", " ")
