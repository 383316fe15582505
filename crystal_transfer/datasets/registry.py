"""What is known of each dataset: the registry of the project and what the config adds to it."""

import builtins
import os
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import Field, TypeAdapter, ValidationError, model_validator

from crystal_transfer.checked import (
    Checked,
    Count,
    FileName,
    Label,
    Number,
    SomeText,
    Text,
    Whole,
    sentence_of,
)
from crystal_transfer.errors import InputError


class SourceKind(StrEnum):
    """Where a dataset comes from."""

    MATMINER = "matminer"
    JARVIS = "jarvis"
    FILE = "file"
    EMT = "emt"


class DataFile(Checked):
    """A file to download."""

    name: FileName
    """Its name in resources/downloads and in a mirror."""
    url: Annotated[Text, Field(pattern=r"^https?://\S+$")]
    """Where it is published."""
    sha256: Annotated[Text, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    """Its SHA-256 checksum, where one is published."""
    size: Count | None = None
    """Its size in bytes, where it is known: no more is downloaded."""


class Join(Checked):
    """Structures from a second file."""

    key: Text
    """Column that names the structure."""
    id: Text
    """Key of the name in the second file."""
    structures: Literal["jarvis", "materials_project"]
    """Where structures come from."""


class _Dataset(Checked):
    label: Label = ""
    """Name of the property in figures."""
    unit: Label = ""
    """Physical unit."""
    rows: Count | None = None
    """Number of crystals; for checks before the start."""
    atoms: Annotated[Number, Field(gt=0)] | None = None
    """Mean atoms per crystal; for estimates of time."""
    reference: Text = ""
    """Whom to cite."""

    @property
    def size(self) -> int | None:
        """Number of crystals, None where it is not known."""
        return self.rows

    @property
    def local_files(self) -> list[str]:
        """Files of the user's that it is read from."""
        return []

    @property
    def downloads(self) -> tuple[DataFile, ...]:
        """Files of the network that it is read from."""
        return ()


class MatminerDataset(_Dataset):
    """A dataset of matminer."""

    source: Literal[SourceKind.MATMINER]
    column: Text
    """Column of the property."""
    files: tuple[DataFile, ...] = Field(min_length=1)
    """What to download."""
    join: Join | None = None
    """Structures from a second file."""

    @model_validator(mode="after")
    def _files_of_the_join(self) -> Self:
        second = self.join is not None and self.join.structures == "jarvis"
        if second and len(self.files) < 2:
            raise ValueError("has structures from a second file, and names one file; add it")
        return self

    @property
    def downloads(self) -> tuple[DataFile, ...]:
        """Files of the network that it is read from."""
        by_web = self.join is not None and self.join.structures == "materials_project"
        return self.files[:1] if by_web else self.files


class JarvisDataset(_Dataset):
    """A dataset of JARVIS."""

    source: Literal[SourceKind.JARVIS]
    column: Text
    """Key of the property."""
    files: tuple[DataFile, ...] = Field(min_length=1, max_length=1)
    """What to download."""

    @property
    def downloads(self) -> tuple[DataFile, ...]:
        """Files of the network that it is read from."""
        return self.files


class FileDataset(_Dataset):
    """A user's own data."""

    source: Literal[SourceKind.FILE]
    path: SomeText
    """JSON, table, extended xyz or folder with id_prop.csv."""
    test_path: SomeText | None = None
    """A separate file or folder that is the test set."""
    column: Text | None = None
    """Column or key of the property."""
    id: Text | None = None
    """Column or key of the crystal's name."""

    @property
    def local_files(self) -> list[str]:
        """All files that it is read from; those of a folder one by one."""
        paths = [Path(path) for path in (self.path, self.test_path) if path]
        return [str(file) for path in paths for file in _files_of(path)]


def _files_of(path: Path) -> list[Path]:
    """List the files of a folder and those below, or of the folder whose id_prop.csv is named."""
    folder = path.parent if path.name == "id_prop.csv" else path
    return sorted(_below(folder)) if folder.is_dir() else [path]


def _below(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder and of those below, linked ones included, each folder once."""
    seen: set[str] = set()
    for parent, folders, files in os.walk(folder, followlinks=True):
        seen.add(os.path.realpath(parent))
        folders[:] = [name for name in folders if os.path.realpath(Path(parent, name)) not in seen]
        yield from (file for file in (Path(parent, name) for name in files) if file.is_file())


class EmtDataset(_Dataset):
    """Alloys whose property is computed here, by effective medium theory."""

    source: Literal[SourceKind.EMT]
    property: Literal["formation_energy", "bulk_modulus", "shear_modulus", "highest_frequency"]
    """The property to compute."""
    crystals: Annotated[Whole, Field(ge=10)]
    """Number of alloys."""
    seed: Whole = 0
    """Other seeds, other alloys."""

    @builtins.property  # `property` is a key here
    def size(self) -> int | None:
        """Number of crystals."""
        return self.rows or self.crystals


Dataset = Annotated[
    MatminerDataset | JarvisDataset | FileDataset | EmtDataset, Field(discriminator="source")
]
_ADAPTER: TypeAdapter[Dataset] = TypeAdapter(Dataset)


def dataset(content: Mapping[str, Any], code: str) -> Dataset:
    """Check one entry of the registry.

    Raises
    ------
    InputError
        If it has no source, an unknown one, lacks a key of its source or has one of another.
    """
    try:
        return _ADAPTER.validate_python({"label": code} | dict(content))
    except ValidationError as error:
        raise sentence_of(error, f"datasets.{code}", tag_at=("", 0)) from None


def registry(path: str | Path, additions: Mapping[str, Mapping[str, Any]]) -> dict[str, Dataset]:
    """Merge the registry file with the config's `datasets`, entry by entry.

    Parameters
    ----------
    path
        The registry, datasets.yaml.
    additions
        Code -> entry; keys of a known dataset replace those of the registry. An entry that
        names another `source` replaces all of it but label and unit.

    Raises
    ------
    InputError
        If an entry is wrong, or two files of one name have different addresses.
    """
    entries = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    for code, entry in additions.items():
        known = entries.get(code, {})
        if entry.get("source", known.get("source")) != known.get("source"):
            known = {key: known[key] for key in ("label", "unit") if key in known}
        entries[code] = known | dict(entry)
    datasets = {code: dataset(entry, code) for code, entry in entries.items()}
    _check_names(datasets)
    return datasets


def _check_names(datasets: Mapping[str, Dataset]) -> None:
    """Check that files of one name are one file: they share a path in resources/downloads.

    Names that differ in case only are one name on some file systems.
    """
    seen: dict[str, tuple[str, DataFile]] = {}
    for code, entry in datasets.items():
        for file in entry.downloads:
            other, known = seen.setdefault(file.name.casefold(), (code, file))
            if known != file:
                raise InputError(
                    f"config key datasets.{code}.files: {file.name} is also a file of {other}, "
                    "from another address or with another checksum; give it a name of its own."
                )
