"""One structure file: CIF, POSCAR or xyz, told from its name or its content."""

import re
import warnings
from collections.abc import Callable
from pathlib import Path

from crystal_transfer.datasets.records import Fault, Structure
from crystal_transfer.datasets.sources.cif import read_cif
from crystal_transfer.datasets.sources.poscar import read_poscar
from crystal_transfer.datasets.sources.xyz import read_xyz
from crystal_transfer.datasets.text import has_numbers, read_bytes
from crystal_transfer.errors import InputError

MOST_BYTES = 10 * 2**20  # some CIFs carry their diffraction data; a crystal needs a tenth of it
# what a file begins with that is no plain text, and what to do
PACKED = {
    b"\x1f\x8b": "packed; unpack it with gunzip", b"PK\x03\x04": "packed; unpack it with unzip",
    b"\xff\xfe": "UTF-16; save it as UTF-8", b"\xfe\xff": "UTF-16; save it as UTF-8",
}  # fmt: skip


def read_structure(file: Path) -> Structure:
    """Read a structure file.

    Raises
    ------
    Fault
        If it is unreadable, in doubt, disordered, or holds several structures.
    """
    try:
        content = read_bytes(file, MOST_BYTES)
    except InputError as error:
        raise Fault(str(error).removeprefix(f"{file}: ").split(";")[0]) from None
    if not content.strip():
        raise Fault(f"file {file.name} is empty")
    packed = next((word for start, word in PACKED.items() if content.startswith(start)), None)
    if packed is not None:
        raise Fault(f"file {file.name} is {packed}")
    if b"\0" in content:
        raise Fault(f"file {file.name} is not text: it has NUL characters")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")  # authors' names; symbols are ASCII
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _reader(file.name, text)(text)


def _reader(name: str, text: str) -> Callable[[str], Structure]:
    """Choose the format by the file's name, else by its content."""
    lowered = name.lower()
    if lowered.endswith(".cif"):
        return read_cif
    if lowered.endswith((".xyz", ".extxyz")):
        return read_xyz
    if lowered.endswith((".vasp", ".poscar")) or lowered.startswith(("poscar", "contcar")):
        return read_poscar
    lines = text.splitlines()
    if re.search(r"^\s*data_", text, re.MULTILINE | re.IGNORECASE):
        return read_cif
    if lines[0].strip().isdigit():
        return read_xyz
    scale = len(lines) > 5 and has_numbers(lines[1], 1)
    if scale and all(has_numbers(line, 3) for line in lines[2:5]):
        return read_poscar
    raise Fault(f"file {name} is no CIF, POSCAR or xyz file")
