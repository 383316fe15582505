"""Names of files that a config decides: names, never ways out of a folder."""

import re

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
