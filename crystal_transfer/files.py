"""Reading and writing files so that nothing is ever half-written."""

import csv
import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from crystal_transfer.errors import InputError


@contextmanager
def replaced_when_whole(path: str | Path) -> Iterator[Path]:
    """Yield a temporary name beside `path`; rename it to `path` if the block succeeds.

    Parameters
    ----------
    path
        The file, or folder, that is to appear whole or not at all; of a link what it leads to.

    Raises
    ------
    InputError
        If something else is there than what is to be written: a folder, a device, a pipe.
    """
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part{path.suffix}")
    try:
        yield temporary
        written = temporary.iterdir() if temporary.is_dir() else [temporary]
        for file in written:
            with file.open("rb+") as handle:
                os.fsync(handle.fileno())
        if not temporary.is_dir():
            require_place(path)
        elif path.exists():
            shutil.rmtree(path)
        temporary.replace(path)
    except OSError as error:
        # a full disk is not said to be that of a file, and numpy does not say that it is full;
        # errors of requests have no number either, but they are of a class of their own
        if type(error) is OSError and error.errno is None:
            raise OSError(errno.ENOSPC, f"cannot be written whole ({error})", str(path)) from None
        if error.errno and not error.filename:
            error.filename = str(path)
        raise
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary)
        temporary.unlink(missing_ok=True)


def require_place(path: str | Path) -> None:
    """See that a file can be written: before the work that it is for, rather than after.

    Raises
    ------
    InputError
        If there is a folder, a device or a pipe of that name, or a folder of its path is none.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path}: is a folder; name a file in it.")
    if path.exists() and not path.is_file():
        raise InputError(f"{path}: is no file that can be replaced; name another.")
    _require_writable(path, path.absolute().parents)


def require_folder(path: str | Path) -> None:
    """See that files can be written into a folder, which may have to be made.

    Raises
    ------
    InputError
        If there is something else of that name, or a folder of its path is none.
    """
    path = Path(path)
    if path.exists() and not path.is_dir():
        raise InputError(f"{path}: is no folder; name a folder.")
    _require_writable(path, [path.absolute(), *path.absolute().parents])


def _require_writable(path: Path, folders: Iterable[Path]) -> None:
    """See that the first folder that is there of those that a path is in can be written to."""
    above = next(folder for folder in folders if folder.exists())
    if not above.is_dir():
        raise InputError(f"{path}: {above} is a file, so nothing can lie in it; name a folder.")
    try:
        # permissions do not tell: root has all of them, also in /proc where no file can be made
        with tempfile.TemporaryFile(dir=above):
            pass
    except OSError as error:
        raise InputError(
            f"{path}: {above} cannot be written to ({error.strerror}); name another folder."
        ) from None


@contextmanager
def sealed_when_whole(path: str | Path) -> Iterator[Path]:
    """Do the same for a file that others read, and note its checksum beside it; see `read_sealed`.

    The checksum is noted first: whoever is killed in between leaves a file that is refused, not one
    that is believed.
    """
    with replaced_when_whole(path) as temporary:
        yield temporary
        write_text(seal_of(path), sha256(temporary) + "\n")


def seal_of(path: str | Path) -> Path:
    """Return the file beside `path` that has its checksum."""
    path = Path(path)
    return path.with_name(f".{path.name}.sha256")


def read_sealed(path: str | Path) -> bytes:
    """Read a file written with `sealed_when_whole`.

    Raises
    ------
    InputError
        If it is missing, or is not as it was written.
    """
    try:
        content, noted = Path(path).read_bytes(), seal_of(path).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"{error.filename}: cannot be read ({error.strerror}); delete {path} and run again."
        ) from None
    if hashlib.sha256(content).hexdigest() != noted.strip():
        raise InputError(
            f"{path}: is damaged, its checksum is not the one noted when it was written; delete it "
            "and run again."
        )
    return content


def checksum(path: str | Path) -> str:
    """Return the checksum noted when a file was written; compute it where none was."""
    try:
        return seal_of(path).read_text(encoding="utf-8").strip()
    except OSError:
        return sha256(path)


def write_sealed_json(path: str | Path, content: Any) -> None:
    """Write `content` as JSON with a checksum beside it."""
    with sealed_when_whole(path) as temporary:
        temporary.write_text(_json(content), encoding="utf-8")


def read_sealed_json(path: str | Path) -> Any:
    """Read what `write_sealed_json` wrote."""
    return json.loads(read_sealed(path))


def write_text(path: str | Path, text: str) -> None:
    """Write `text` to `path`, whole or not at all."""
    with replaced_when_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, content: Any) -> None:
    """Write `content` as JSON to `path`, whole or not at all."""
    write_text(path, _json(content))


def _json(content: Any) -> str:
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def write_csv(path: str | Path, header: Sequence[str], rows: Iterable[Iterable[Any]]) -> None:
    """Write a table to `path`, whole or not at all."""
    with (
        replaced_when_whole(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as handle,
    ):
        writer = csv.writer(handle)
        writer.writerow(header)
        writer.writerows(map(as_cell, row) for row in rows)


# what spreadsheets take for a formula, and what is written for it: with a quote more
FORMULA = re.compile(r"'*([=+@\t\r]|-(?![0-9.]))")


def as_cell(value: Any) -> Any:
    """Keep spreadsheets from taking a name for a formula; `name_in_csv` gives it back."""
    return f"'{value}" if isinstance(value, str) and FORMULA.match(value) else value


def name_in_csv(cell: str) -> str:
    """Return the name that `write_csv` wrote as a cell."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell


def read_json(path: str | Path) -> Any:
    """Read a JSON file.

    Raises
    ------
    InputError
        If the file is missing, empty or no JSON.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: is not UTF-8 text.") from None
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{path}: not valid JSON at line {error.lineno} ({error.msg}).") from None


def is_open_file_of(handle: IO[Any], path: str | Path) -> bool:
    """Say whether an open file is still that of `path`: a lock on a deleted one is on nothing."""
    try:
        return os.path.samestat(os.fstat(handle.fileno()), Path(path).stat())
    except FileNotFoundError:
        return False


def digest_of(content: Any) -> str:
    """Return the SHA-256 checksum of what can be written as JSON: the same in every process."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def sha256(path: str | Path) -> str:
    """Return the SHA-256 checksum of a file as 64 hexadecimal digits."""
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
