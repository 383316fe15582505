"""Small tables that people write: CSV in which nothing is guessed."""

import csv
import io
from collections.abc import Collection
from pathlib import Path

from crystal_transfer.datasets.text import read_text
from crystal_transfer.errors import InputError

MOST_BYTES = 256 * 2**20  # a million rows of two columns have a tenth of it


def csv_rows(path: str | Path) -> list[tuple[int, list[str]]]:
    """Read the rows that are not blank, each with its line; cells without blanks around them.

    Raises
    ------
    InputError
        If the file is missing, too large, no UTF-8 text, or no CSV.
    """
    reader = csv.reader(io.StringIO(read_text(path, MOST_BYTES), newline=""), strict=True)
    rows = []
    try:
        for row in reader:
            if any("\n" in cell or "\r" in cell for cell in row):
                raise csv.Error("a cell has a line break, or its quote is not closed")
            if row and row != [""]:
                rows.append((reader.line_num, [cell.strip() for cell in row]))
    except csv.Error as error:
        raise InputError(
            f"{path}, line {reader.line_num}: is not a CSV file ({error}); mend it there or in "
            "the lines before."
        ) from None
    return rows


def csv_columns(path: str | Path, names: Collection[str]) -> list[tuple[int, dict[str, str]]]:
    """Read columns of a table by their names, each row with its line.

    Raises
    ------
    InputError
        As `csv_rows`; if a column is missing or there twice, or a row has other cells than the
        first one has.
    """
    rows = csv_rows(path)
    header = rows[0][1] if rows else []
    for name in names:
        if header.count(name) != 1:
            has = "has no column" if name not in header else "has several columns"
            raise InputError(f"{path}: {has} '{name}' (its first row is {', '.join(header[:8])}).")
    for line, row in rows[1:]:
        if len(row) != len(header):
            raise InputError(
                f"{path}, line {line}: has {len(row)} cells instead of {len(header)}; mend it."
            )
    places = {name: header.index(name) for name in names}
    return [(line, {name: row[i] for name, i in places.items()}) for line, row in rows[1:]]
