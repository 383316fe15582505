"""JSON that may be plain, gzipped or zipped."""

import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

from crystal_transfer.errors import InputError


def read_compressed_json(path: str | Path) -> Any:
    """Read `.json`, `.json.gz` or a `.zip` that holds one JSON file.

    Raises
    ------
    InputError
        If the file is missing, empty, cut off, or no JSON.
    """
    path = Path(path)
    try:
        content = _bytes(path)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; correct the dataset's `path`.") from None
    except (OSError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: cannot be unpacked ({error}); fetch it again.") from None
    if not content.strip():
        raise InputError(f"{path}: is empty; export the data again.")
    try:
        return json.loads(content)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: is not valid JSON ({error}); export the data again.") from None


def _bytes(path: Path) -> bytes:
    if path.suffix == ".gz":
        with gzip.open(path) as handle:
            return handle.read()
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            members = [name for name in archive.namelist() if name.endswith(".json")]
            if not members:
                raise zipfile.BadZipFile("it holds no .json file")
            return archive.read(members[0])
    return path.read_bytes()
