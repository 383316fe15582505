"""Files of text and of JSON, plain, gzipped or zipped, that end where they should."""

import gzip
import io
import json
import stat
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

from crystal_transfer.datasets.records import NUMBER
from crystal_transfer.errors import InputError

# The largest public tables have 1 GB; Python needs ten times as much memory for their content.
MOST_BYTES = 4 * 2**30
# Tables are packed to a tenth; what expands a hundredfold was made to fill the memory.
MOST_EXPANSION = 100
HARMLESS_BYTES = 64 * 2**20  # may expand as they like
CHUNK = 16 * 2**20

# tables of other programs, what is packed otherwise, and structures that no reader here knows
OTHER_KINDS = (
    ".csv", ".tsv", ".xls", ".xlsx", ".ods", ".parquet", ".feather", ".pkl", ".pickle", ".h5",
    ".hdf5", ".db", ".traj", ".bz2", ".xz", ".tar", ".tgz", ".tar.gz", ".csv.gz", ".xyz.gz",
    ".extxyz.gz", ".cif.gz", ".vasp.gz", ".xsf", ".gen", ".pdb", ".res", ".cssr",
)  # fmt: skip

# what to correct: the key of a config, or what the command was given
PATH_REMEDY = "correct the path"
COLUMN = "`column` (--target of the command)"


def read_compressed_json(path: str | Path) -> Any:
    """Read `.json` or `.jsonl` (a list of its lines), also with `.gz`, or a `.zip` of one `.json`.

    Raises
    ------
    InputError
        If the file is missing, empty, cut off, too large, or no JSON.
    """
    path = Path(path)
    try:
        content = _bytes(path)
    except (EOFError, zipfile.BadZipFile, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path}: cannot be unpacked ({error}); fetch it again.") from None
    except (RuntimeError, NotImplementedError) as error:  # encrypted, or an unknown method
        raise InputError(f"{path}: cannot be unpacked ({error}); pack it without.") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}); {PATH_REMEDY}.") from None
    if not content.strip():
        raise InputError(f"{path}: is empty; export the data again.")
    try:
        if is_lines(path):
            return _parsed_lines(path, content)
        return _parsed(content)
    except RecursionError:
        raise InputError(f"{path}: is nested too deeply; export the data again.") from None
    except ValueError as error:
        lines = "; call it .jsonl if each line is a row" if "Extra data" in str(error) else ""
        raise InputError(
            f"{path}: is not valid JSON ({error}); export the data again{lines}."
        ) from None


def _parsed_lines(path: Path, content: bytes) -> list[Any]:
    rows = []
    for number, line in enumerate(content.splitlines(), 1):
        try:
            rows += [_parsed(line)] if line.strip() else []
        except ValueError as error:
            said = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            raise InputError(
                f"{path}, line {number}: is not valid JSON ({said}); export the data again."
            ) from None
    return rows


def is_lines(path: Path) -> bool:
    """Say whether a file has a value of JSON per line, by its name."""
    return path.name.lower().removesuffix(".gz").endswith((".jsonl", ".ndjson"))


def lines_of(text: str) -> list[str]:
    """Divide text where lines end; `str.splitlines` does so at eight more characters."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def has_numbers(line: str, n: int) -> bool:
    """Tell whether a line starts with n numbers."""
    words = line.split()[:n]
    return len(words) == n and all(NUMBER.fullmatch(word) for word in words)


def read_text(path: str | Path, most: int) -> str:
    """Read a file of UTF-8 text, with or without a byte-order mark.

    Raises
    ------
    InputError
        If it is missing, larger than `most` bytes, or not such text.
    """
    content = read_bytes(path, most)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}, line {line}: is not UTF-8 text; save the file as UTF-8."
        ) from None
    if "\0" in text:
        raise InputError(f"{path}: has NUL characters; save the file as UTF-8 text.")
    return text


def read_bytes(path: str | Path, most: int) -> bytes:
    """Read a regular file of at most `most` bytes.

    Raises
    ------
    InputError
        If it is anything else: a pipe would never end.
    """
    path = Path(path)
    try:
        require_regular(path)
        with path.open("rb") as handle:
            return _read(handle, most, path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}); {PATH_REMEDY}.") from None


def require_regular(path: Path) -> None:
    """Stop unless a path is that of a regular file.

    Raises
    ------
    InputError
        If there is none, or a folder, pipe or device.
    """
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path}: no such file; {PATH_REMEDY}.") from None
    if not stat.S_ISREG(mode):
        raise InputError(f"{path}: is not a regular file; {PATH_REMEDY}.")


def _read(handle: IO[bytes] | gzip.GzipFile, most: int, path: Path) -> bytes:
    """Read to the end, but never more than `most` bytes."""
    result = io.BytesIO()
    while chunk := handle.read(CHUNK):
        result.write(chunk)
        if result.tell() > most:
            raise InputError(
                f"{path}: holds more than {_size(most)}, which is too large; split the data."
            )
    return result.getvalue()


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 2**20:.0f} MiB" if n_bytes >= 2**20 else f"{n_bytes} bytes"


def _bytes(path: Path) -> bytes:
    require_regular(path)
    packed = path.stat().st_size
    most = min(MOST_BYTES, max(HARMLESS_BYTES, MOST_EXPANSION * packed))
    if path.suffix.lower() == ".gz":
        with gzip.open(path) as handle:
            return _read(handle, most, path)
    if path.suffix.lower() == ".zip":
        with zipfile.ZipFile(path) as archive, archive.open(_member(path, archive)) as handle:
            return _read(handle, most, path)
    return read_bytes(path, MOST_BYTES)


def _member(path: Path, archive: zipfile.ZipFile) -> str:
    """Return the name of the one JSON file; macOS adds hidden files of its own."""
    members = [
        name
        for name in archive.namelist()
        if name.lower().endswith(".json") and not name.rpartition("/")[2].startswith(".")
    ]
    if not members:
        raise InputError(
            f"{path}: holds no .json file; unpack a folder with id_prop.csv, else {PATH_REMEDY}."
        )
    if len(members) > 1:
        raise InputError(
            f"{path}: holds several .json files ({', '.join(members[:5])}); unpack it and name "
            "one of them."
        )
    return members[0]


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content, object_pairs_hook=_each_once)
    except (json.JSONDecodeError, UnicodeDecodeError, TwiceError):
        raise
    except ValueError:  # an integer of more than 4,300 digits, which is one row's fault
        return json.loads(content, parse_int=_integer, object_pairs_hook=_each_once)


class TwiceError(ValueError):
    """An object of JSON has one key twice, of which readers would take the last."""


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise TwiceError(f"an object has the key '{twice[:40]}' twice")
    return found


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < 400 else float(digits)
