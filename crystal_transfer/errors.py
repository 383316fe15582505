"""The ends of a program that a user is meant to read."""

import errno


class InputError(Exception):
    """Something the user gave is wrong: one sentence that names where, the fault and the remedy."""


class Interrupted(Exception):
    """The work was asked to stop; it goes on from its checkpoint when it is started again."""


ADVICE = {
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room",
    errno.EACCES: "give yourself the right to read or write it",
    errno.EPERM: "give yourself the right to read or write it",
    errno.EROFS: "make it writable, or name another place",
    errno.ENOENT: "see whether it was moved or deleted",
    errno.ENAMETOOLONG: "name a shorter one",
}


def said_of(error: OSError) -> str:
    """Say in one sentence what the system refused, and what to do if that is known."""
    advice = ADVICE.get(error.errno or 0)
    return f"{error.filename}: {error.strerror}" + (f"; {advice}." if advice else ".")
