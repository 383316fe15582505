"""The second line of extended xyz: its entries, and what they say of the cell."""

import re

from crystal_transfer.datasets.records import NUMBER, Fault

QUOTES = {'"': '"', "'": "'", "{": "}", "[": "]"}
# key=value, as ASE writes it; values with blanks are in quotes or brackets, and so may keys be
QUOTED = r"\[\s*\[.*?\]\s*\]|\"(?:[^\"\\]|\\.)*\"|'[^']*'|\{[^}]*\}|\[[^\]]*\]"
ENTRY = re.compile(rf"(?P<key>{QUOTED}|[^\s=,\"']+)(?:\s*=\s*(?P<value>(?:{QUOTED})(?=\s|$)|\S+))?")
COLUMNS = "species:S:1:pos:R:3"  # what the lines of atoms begin with
PERIODIC = {"pbc", "periodic", "periodicity"}
TRUTHS = {"t": "T", "true": "T", "1": "T", "f": "F", "false": "F", "0": "F"}


def entries(comment: str) -> list[tuple[str, str | None]]:
    """Return keys and values as they are written, in their order; None for a key alone.

    ASE would make a number of the name 1e5, an infinity of InF, and true of T.

    Raises
    ------
    Fault
        If a quote is not closed: what is inside it would be taken for entries.
    """
    found: list[tuple[str, str | None]] = []
    for match in ENTRY.finditer(comment):
        value = match["value"]
        if value and value[0] in "\"'" and not (len(value) > 1 and value[-1] == value[0]):
            raise Fault(f"xyz file has a quote that is not closed, behind {match['key'][:20]}=")
        found.append((_unquoted(match["key"]), None if value is None else _unquoted(value)))
    return found


def canonical(comment: str) -> str:
    """Return a second line that says of the cell what `comment` does, as ASE writes it.

    Raises
    ------
    Fault
        If it has no lattice, says something twice, or in words that are not understood.
    """
    words = comment.split(",")
    if len(words) == 9 and all(NUMBER.fullmatch(word.strip()) for word in words):
        return _line(words, COLUMNS, ["T"] * 3)  # jarvis-tools writes nine numbers only
    found: dict[str, str] = {}
    for key, value in entries(comment):
        name = "pbc" if key.lower() in PERIODIC else key.lower()
        if value is not None and name in ("lattice", "properties", "pbc"):
            if name in found:
                raise Fault(f"xyz file has {key} twice; which one is meant?")
            found[name] = value
    if "lattice" not in found:
        raise Fault('xyz file has no lattice: its second line needs Lattice="..."')
    vectors = re.split(r"[\s,]+", found["lattice"].strip())
    if len(vectors) != 9 or not all(map(NUMBER.fullmatch, vectors)):
        raise Fault("xyz file has a Lattice that is not three vectors of three numbers")
    layout = found.get("properties", COLUMNS)
    if not layout.lower().startswith(COLUMNS.lower()):
        raise Fault("xyz file has other columns than species and positions first")
    return _line(vectors, COLUMNS + layout[len(COLUMNS) :], _periodic(found.get("pbc", "T")))


def _periodic(said: str) -> list[str]:
    """Return T or F for each of the three vectors."""
    words = [word for word in re.split(r"[\s,]+", said.lower()) if word]
    if len(words) not in (1, 3) or not all(word in TRUTHS for word in words):
        raise Fault(f"xyz file has pbc '{said[:20]}', which is not understood; write T T T or F")
    return [TRUTHS[word] for word in words] * (3 // len(words))


def _line(vectors: list[str], layout: str, periodic: list[str]) -> str:
    cell = " ".join(word.strip() for word in vectors)
    return f'Lattice="{cell}" Properties={layout} pbc="{" ".join(periodic)}"'


def _unquoted(word: str) -> str:
    if word[:1] in QUOTES and word[-1:] == QUOTES[word[:1]] and len(word) > 1:
        word = word[1:-1].replace('\\"', '"') if word[0] == '"' else word[1:-1]
    return word.strip()
