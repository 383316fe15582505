"""How a unit is written behind a number or a name; a number without one has none."""


def in_unit(unit: str) -> str:
    """Return what is written behind a number."""
    return "" if unit in ("", "1") else f" {unit}"


def in_brackets(unit: str) -> str:
    """Return what is written behind the name of a quantity."""
    return "" if unit in ("", "1") else f" ({unit})"
