"""What is known of each dataset: the registry of the project and what the config adds to it."""

from pathlib import Path

import yaml

from crystal_transfer.errors import InputError

SOURCES = ("matminer", "jarvis", "file", "emt")
NEEDED = {"matminer": ("column", "files"), "jarvis": ("column", "files"), "file": ("path",),
          "emt": ("property", "crystals")}  # fmt: skip


def registry(path: str | Path, additions: dict[str, dict]) -> dict[str, dict]:
    """Merge the registry file with the config's `datasets`, entry by entry.

    Parameters
    ----------
    path
        The registry, resources/datasets.yaml.
    additions
        Code -> entry; keys of a known dataset replace those of the registry. An entry that
        names another `source` replaces all of it but label and unit.

    Raises
    ------
    InputError
        If an entry has no source, an unknown one, or lacks a key its source needs.
    """
    entries = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    for code, entry in additions.items():
        known = entries.get(code, {})
        if entry.get("source", known.get("source")) != known.get("source"):
            known = {key: known[key] for key in ("label", "unit") if key in known}
        entries[code] = known | entry
    for code, entry in entries.items():
        source = entry.get("source")
        if source not in SOURCES:
            raise InputError(
                f"config key datasets.{code}.source: is '{source}'; use one of "
                + ", ".join(SOURCES)
                + "."
            )
        for key in NEEDED[source]:
            if key not in entry:
                raise InputError(
                    f"config key datasets.{code}: source '{source}' needs the key '{key}'; add it."
                )
        entry.setdefault("label", code)
        entry.setdefault("unit", "")
    return entries
