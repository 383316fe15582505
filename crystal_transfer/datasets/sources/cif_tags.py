"""Tags of a CIF: those of its one block with atoms, and their values."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from crystal_transfer.datasets.records import NUMBER, Fault, because
from crystal_transfer.species import ATOMIC_NUMBERS

Tags = Mapping[str, Any]
TEXT_FIELD = re.compile(r"^;.*?^;", re.MULTILINE | re.DOTALL)
QUOTED = re.compile(r"""(?<!\S)(['"]).*?\1(?!\S)|(?<!\S)\#.*""")  # and comments
CIF_NUMBER = re.compile(rf"({NUMBER.pattern})(\([\d.]*\)?)?", re.ASCII)  # 5.64(2)
FORMULAS = ("_chemical_formula_sum", "_chemical_formula_structural")
UNKNOWN = ("?", ".", "")
SYMMETRY = re.compile(r"(?im)^\s*_(symmetry|space_group)")


def block_of(text: str) -> tuple[dict[str, str | list[str]], str]:
    """Return the tags and the text of the one block with atoms; tags as CIF 1.1 writes them."""
    from pymatgen.io.cif import CifBlock

    # what stands in a text field is no block; its letters are crossed out, so that places stay
    plain = TEXT_FIELD.sub(lambda field: re.sub(r"\S", "x", field[0]), text)
    starts = [m.start() for m in re.finditer(r"^[ \t]*data_", plain, re.MULTILINE | re.IGNORECASE)]
    if not starts:
        raise Fault("CIF has no data block")
    bounds = list(zip(starts, [*starts[1:], None], strict=True))
    blocks = [text[a:b].lstrip() for a, b in bounds]
    with_atoms = [block for block in blocks if re.search(r"(?i)_atom_site[_.]fract_x", block)]
    if not with_atoms:
        raise Fault("CIF has no fractional coordinates")
    if len(with_atoms) > 1:
        raise Fault(f"CIF holds {len(with_atoms)} structures; which one has the value?")
    (block,) = with_atoms
    if not SYMMETRY.search(block) and any(SYMMETRY.search(plain[a:b]) for a, b in bounds):
        raise Fault("CIF has its symmetry in another data block than its atoms; write one block")
    try:
        data = CifBlock.from_str(re.sub(r"(?im)^\s*loop_", "loop_", block)).data
    except Exception as error:
        raise Fault(f"CIF cannot be read{because(error)}") from None
    tags = {key.lower().replace(".", "_"): value for key, value in data.items()}
    twice = [key for key, count in Counter(_tags_of(block)).items() if count > 1]
    if twice:
        raise Fault(f"CIF has {twice[0]} twice; which one is meant?")
    if any("magn" in key for key in tags if "symop" in key or "space_group" in key):
        raise Fault("CIF has a magnetic space group, which is not supported")
    if any(key.startswith("_cell_modulation") for key in tags):
        raise Fault("CIF has a modulated structure, which is not supported")
    return tags, block


def _tags_of(block: str) -> list[str]:
    """List the tags of a data block that describe its structure, as often as it has them."""
    tags = re.findall(r"(?<!\S)_\S+", QUOTED.sub("", TEXT_FIELD.sub("", block)))
    return [
        tag for tag in map(str.lower, tags)
        if tag.startswith(("_cell", "_atom_site", "_symmetry", "_space_group"))
    ]  # fmt: skip


def column(tags: Tags, key: str) -> list[str] | None:
    """Return the words of a tag; None where the CIF lacks it."""
    value = tags.get(key)
    return [value] if isinstance(value, str) else value


def known(tags: Tags, key: str) -> list[str]:
    """Return the words of a tag; none where they are unknown."""
    words = column(tags, key) or []
    return [] if any(word.strip() in UNKNOWN for word in words) else words


def formula_of(tags: Tags) -> dict[str, float]:
    """Return counts by element; empty where a formula is missing or not simple."""
    for name in FORMULAS:
        text = re.sub(r"\s", "", "".join(known(tags, name)[:1]))
        parts = re.findall(r"([A-Z][a-z]?)(\d+\.?\d*|\.\d+)?", text)
        if not text or "".join(symbol + count for symbol, count in parts) != text:
            continue
        counts: dict[str, float] = defaultdict(float)
        for symbol, count in parts:
            counts[symbol] += float(count or 1)
        if all(symbol in ATOMIC_NUMBERS for symbol in counts) and all(counts.values()):
            return dict(counts)
    return {}


def numbers_of(tags: Tags, key: str, n: int | None = None) -> list[float]:
    """Return the numbers of a tag, without their uncertainties."""
    words = column(tags, key)
    if words is None:
        raise Fault(f"CIF lacks {key}")
    if n is not None and len(words) != n:
        raise Fault(f"CIF has {len(words)} values of {key} for {n} sites")
    matches = [CIF_NUMBER.fullmatch(word.strip()) for word in words]
    if not all(matches):
        odd = words[matches.index(None)]
        raise Fault(f"CIF has '{odd[:20]}' for {key}, which is not a number")
    return [float(match.group(1)) for match in matches if match]
