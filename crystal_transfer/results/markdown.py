"""Tables as text for documentation."""

from collections.abc import Iterable
from typing import Any

import pandas as pd


def markdown(table: pd.DataFrame) -> str:
    """Write a table in Markdown: a line of names, a rule, a line per row; no index."""
    lines = [
        _line(table.columns),
        _line(["---"] * len(table.columns)),
        *(_line(row) for row in table.itertuples(index=False)),
    ]
    return "\n".join(lines)


def _line(entries: Iterable[Any]) -> str:
    return "| " + " | ".join(str(entry).replace("|", "\\|") for entry in entries) + " |"
