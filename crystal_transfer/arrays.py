"""A frozen dataclass of arrays as one sealed `.npz` file."""

import hashlib
import zipfile
from dataclasses import fields
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from crystal_transfer.errors import InputError
from crystal_transfer.files import read_sealed, sealed_when_whole

Record = TypeVar("Record")


def save_arrays(record: Any, path: str | Path) -> None:
    """Write the arrays of a dataclass; equal arrays give equal bytes."""
    with sealed_when_whole(path) as temporary:
        temporary.write_bytes(packed(record))


def packed(record: Any) -> bytes:
    """Return the arrays of a dataclass as the content of an `.npz` file."""
    buffer = BytesIO()
    np.savez(buffer, **{field.name: getattr(record, field.name) for field in fields(record)})
    return buffer.getvalue()


def digest(record: Any) -> str:
    """Return a checksum of the arrays of a dataclass, 64 hexadecimal digits."""
    found = hashlib.sha256()
    for field in fields(record):
        array = np.ascontiguousarray(getattr(record, field.name))
        found.update(f"{field.name} {array.dtype} {array.shape}".encode())
        found.update(array.tobytes())
    return found.hexdigest()


def load_arrays(kind: type[Record], path: str | Path, fault: str) -> Record:
    """Read what `save_arrays` wrote.

    Parameters
    ----------
    kind
        The dataclass.
    path
        The file.
    fault
        What to say of a file that is something else: "not a table of crystals".

    Raises
    ------
    InputError
        If the file is nothing of this kind, or was changed since it was written.
    """
    return unpacked(kind, read_sealed(path), path, fault)


def unpacked(kind: type[Record], content: bytes, path: str | Path, fault: str) -> Record:
    """Return the dataclass whose `packed` arrays a file has; parameters as of `load_arrays`."""
    try:
        # from memory: NumPy leaves a file that is cut short open
        with np.load(BytesIO(content), allow_pickle=False) as arrays:
            names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
            return kind(**{name: arrays[name] for name in names})
    except (KeyError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise InputError(f"{path}: {fault} ({error}); delete it and run again.") from None
