"""Names of files that a config decides: names, never ways out of a folder."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from crystal_transfer.errors import InputError

# the same as a pattern for the config schema; neither wildcards of Snakemake nor of a shell
PLAIN_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.+-]*$"
LONGEST = 200  # characters; file systems allow 255, and a temporary name adds to it


def safe_name(name: str) -> str:
    """Return the name of a file if it is nothing but that.

    Parameters
    ----------
    name
        As a config gives it.

    Raises
    ------
    InputError
        If it is empty, too long, starts with a dot, or has separators, '..', control characters
        or others that mean something to a shell or to Snakemake.
    """
    plain = isinstance(name, str) and re.fullmatch(PLAIN_NAME[1:-1], name)
    if not plain or ".." in name or len(name) > LONGEST:
        shown = repr(name)[:60]
        raise InputError(
            f"file name {shown}: is not a plain name; use at most {LONGEST} letters, digits and "
            "_ . + -, no dot in front and no two together."
        )
    return name


def inside(folder: str | Path, path: str | Path) -> Path:
    """Return a path joined to a folder if it lies in the folder, links followed.

    Parameters
    ----------
    folder
        The folder that must not be left; it need not exist.
    path
        Relative to the folder.

    Raises
    ------
    InputError
        If it leads out of the folder, or to the folder itself.
    """
    joined = Path(folder) / path
    if Path(folder).resolve() not in joined.resolve().parents:
        raise InputError(
            f"{str(path)[:200]!r}: leads out of the folder {folder}; name a file inside it."
        )
    return joined


def by_name(files: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return files to download by their name.

    Parameters
    ----------
    files
        Entries of the registry, each with `name`, `url` and perhaps `sha256` and `size`.

    Raises
    ------
    InputError
        If a name is not safe, or two different files have one name: one would be read as both.
        Names that differ in case only are one name on some file systems.
    """
    named: dict[str, dict[str, Any]] = {}
    folded: dict[str, dict[str, Any]] = {}
    for file in files:
        name = safe_name(file["name"])
        other = folded.setdefault(name.casefold(), file)
        if (name, file["url"], file.get("sha256")) != (
            other["name"],
            other["url"],
            other.get("sha256"),
        ):
            raise InputError(
                f"file name {name}: stands for two files ({other['url']} and {file['url']}); give "
                "one of them another `name`."
            )
        named[name] = file
    return named
