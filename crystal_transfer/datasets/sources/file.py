"""A user's own data: the layout is told from the file."""

from collections.abc import Iterator
from pathlib import Path

from crystal_transfer.datasets.crystals import Record
from crystal_transfer.datasets.sources.folder import read_folder
from crystal_transfer.datasets.sources.jarvis import read_jarvis
from crystal_transfer.datasets.sources.tables import read_table
from crystal_transfer.datasets.sources.text import read_compressed_json
from crystal_transfer.errors import InputError


def read_file(
    path: str | Path, column: str | None = None, id: str | None = None
) -> Iterator[Record]:
    """Read ALIGNN JSON, a matminer/pandas table, or a folder with `id_prop.csv`.

    Parameters
    ----------
    path
        File or folder.
    column
        Key or column of the property; ALIGNN JSON has ``target`` by default.
    id
        Key of the name in ALIGNN JSON.

    Raises
    ------
    InputError
        If the layout is none of these.
    """
    path = Path(path)
    if path.is_dir():
        return read_folder(path)
    if path.name == "id_prop.csv":
        return read_folder(path.parent)
    if isinstance(read_compressed_json(path), list):
        return read_jarvis(path, column or "target", id or "jid")
    if column is None:
        raise InputError(f"{path}: is a table; name the property's column in the key `column`.")
    return read_table(path, column)
