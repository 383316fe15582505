"""Splits and ranges that others have published, so that results can be compared with theirs."""

import math
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from crystal_transfer.checked import SomeText, Whole, in_words
from crystal_transfer.datasets.csv_rows import csv_columns
from crystal_transfer.datasets.records import NUMBER
from crystal_transfer.datasets.scaling import Scaler
from crystal_transfer.datasets.text import read_compressed_json
from crystal_transfer.errors import InputError
from crystal_transfer.files import read_sealed_json

Ids = list[SomeText | Whole]
Samples = dict[str, dict[str, Ids]]
_IDS: TypeAdapter[Ids] = TypeAdapter(Ids)
_SAMPLES: TypeAdapter[Samples] = TypeAdapter(Samples)


def samples_of(path: str | Path, dataset: str, required: bool = False) -> Samples | None:
    """Return the samples that a JSON(.gz) file {dataset: {trial: {size: ids}}} has of a dataset.

    See `_of_dataset` for parameters, errors, and when it is None.
    """
    return _of_dataset(path, dataset, required, _SAMPLES)


def test_ids_of(
    own: str | Path, imposed: Iterable[str | Path], dataset: str, required: bool = False
) -> Ids | None:
    """Return the crystals that are set aside to test on, by name; None where nothing says which.

    Parameters
    ----------
    own
        What rule `clean` notes: those of the dataset's separate test file.
    imposed
        Files of published test sets, {dataset: ids}, of which the last one counts.
    dataset, required
        See `_of_dataset`; a separate test file is enough.

    Raises
    ------
    InputError
        If a dataset has both a test file and an imposed test set; see `_of_dataset` for others.
    """
    noted: Ids | None = read_sealed_json(own)
    found = None
    for path in imposed:
        found = _of_dataset(path, dataset, required and noted is None, _IDS)
        if found is not None and noted is not None:
            raise InputError(
                f"{path}: has a test set for dataset {dataset}, which has one of its own in its "
                "`test_path`; take one of the two away."
            )
    return noted if found is None else found


def _of_dataset(path: str | Path, dataset: str, required: bool, form: TypeAdapter[Any]) -> Any:
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
    form
        What it may say.

    Raises
    ------
    InputError
        If it is no such file, or lacks a dataset that it must have.
    """
    content = read_compressed_json(path)
    if not isinstance(content, dict):
        raise InputError(f"{path}: is not of the form {{dataset: ...}}; see docs/datasets.md.")
    code = _only_one(path, list(content), dataset)
    if code is None:
        if required:
            raise InputError(
                f"{path}: says nothing of dataset {dataset} (it has "
                f"{', '.join(sorted(content)) or 'none'}); add it, or take the dataset out of the "
                "study."
            )
        return None
    try:
        found = form.validate_python(content[code])
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        names = [str(part) for part in fault["loc"] if not str(part).startswith("constrained-")]
        where = ".".join([code, *names])
        raise InputError(f"{path}, {where}: {in_words(fault)}.") from None
    if not found:
        raise InputError(f"{path}: has nothing for dataset {code}; fill it in or take it out.")
    return found


def range_of_dataset(
    path: str | Path, dataset: str, unit: str = "", required: bool = False
) -> Scaler | None:
    """Return the range that a CSV with dataset, raw_min, raw_max has for a dataset, or None.

    Raises
    ------
    InputError
        If the file lacks a column or a dataset that it must have, has one twice, or its numbers
        are no range.
    """
    rows = dict(csv_columns(path, ("dataset", "raw_min", "raw_max")))
    names = {number: row["dataset"] for number, row in rows.items()}
    code = _only_one(path, list(names.values()), dataset)
    if code is None:
        if required:
            raise InputError(
                f"{path}: has no range for dataset {dataset}; add a row, or take the dataset out "
                "of the study."
            )
        print(f"{path}: has no range for {dataset}, which keeps its own", file=sys.stderr)
        return None
    number = next(number for number, name in names.items() if name == code)
    try:
        words = [rows[number][column] for column in ("raw_min", "raw_max")]
        if not all(map(NUMBER.fullmatch, words)):
            raise ValueError(f"'{words[0]}' and '{words[1]}' are not both numbers")
        low, high = map(float, words)
        if not (low < high and math.isfinite(high - low)):
            raise ValueError("raw_max is not above raw_min, or one is not finite")
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{path}, line {number}: not a range ({error}); it needs numbers in raw_min and "
            "raw_max."
        ) from None
    return Scaler(low, high, unit)


def _only_one(path: str | Path, codes: list[str], dataset: str) -> str | None:
    """Return how a file writes a dataset's code, None where it does not; refuse two of them."""
    found = [code for code in codes if code.strip().upper() == dataset.upper()]
    if len(found) > 1:
        raise InputError(f"{path}: has dataset {dataset} {len(found)} times; leave one.")
    return found[0] if found else None
