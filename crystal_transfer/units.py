"""What a number is of: a quantity and its unit; one without a unit has none written behind it."""

from dataclasses import dataclass


def in_unit(unit: str) -> str:
    """Return what is written behind a number."""
    return "" if unit in ("", "1") else f" {unit}"


def in_brackets(unit: str) -> str:
    """Return what is written behind the name of a quantity."""
    return "" if unit in ("", "1") else f" ({unit})"


@dataclass(frozen=True)
class Quantity:
    """What a dataset's targets are: the property, and its unit."""

    label: str
    unit: str

    @property
    def axis_label(self) -> str:
        """Label and unit; a number without a unit has only a label."""
        return self.label + in_brackets(self.unit)


def drawable(text: str) -> str:
    """Refuse text that figures, tables or the report cannot show."""
    if not text.isprintable() or any(character in text for character in "<>$\\\"'`"):
        raise ValueError("has a character that figures and reports cannot show; use plain words")
    if text[:1] in ("=", "+", "-", "@"):
        raise ValueError("begins with a character that spreadsheets take for a formula")
    return text
