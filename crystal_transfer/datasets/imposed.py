"""Splits and ranges that others have published, so that results can be compared with theirs."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from crystal_transfer.datasets.scaling import Scaler
from crystal_transfer.datasets.sources.text import read_compressed_json
from crystal_transfer.errors import InputError
from crystal_transfer.files import read_sealed_json


def of_dataset(path: str | Path, dataset: str, required: bool = False) -> Any:
    """Return what a JSON(.gz) file {dataset: ...} says of a dataset; None if it says nothing.

    Codes are compared without regard to case.

    Parameters
    ----------
    path
        The file.
    dataset
        Code of the dataset.
    required
        Whether it must say something.

    Raises
    ------
    InputError
        If it is no such file, or lacks a dataset that it must have.
    """
    content = read_compressed_json(path)
    if not isinstance(content, dict):
        raise InputError(f"{path}: is not of the form {{dataset: ...}}; see docs/datasets.md.")
    found = {code.upper(): value for code, value in content.items()}
    if required and dataset.upper() not in found:
        raise InputError(
            f"{path}: says nothing of dataset {dataset} (it has {', '.join(sorted(content))}); add "
            "it, or take the dataset out of the study."
        )
    return found.get(dataset.upper())


def test_ids_of(
    own: str | Path, imposed: Iterable[str | Path], dataset: str, required: bool = False
) -> list[str] | None:
    """Return the crystals that are set aside to test on, by name; None where nothing says which.

    Parameters
    ----------
    own
        What rule `clean` notes: those of the dataset's separate test file.
    imposed
        Files of published test sets, of which the last one counts; see `of_dataset` for the others.
    """
    found: list[str] | None = read_sealed_json(own)
    for path in imposed:
        found = of_dataset(path, dataset, required)
    return found


def range_of_dataset(path: str | Path, dataset: str, unit: str = "") -> Scaler | None:
    """Return the range that a CSV with dataset, raw_min, raw_max has for a dataset, or None.

    Raises
    ------
    InputError
        If the file lacks a column or its numbers are no range.
    """
    with Path(path).open(newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    for number, row in enumerate(rows, start=2):
        try:
            if row["dataset"].upper() == dataset.upper():
                scaler = Scaler(float(row["raw_min"]), float(row["raw_max"]), unit)
                if not scaler.half_range > 0:
                    raise ValueError("raw_max is not above raw_min")
                return scaler
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{path}, line {number}: not a range ({error}); it needs the columns dataset, "
                "raw_min and raw_max."
            ) from None
    return None
