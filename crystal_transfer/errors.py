"""The two ends of a program that a user is meant to read."""


class InputError(Exception):
    """Something the user gave is wrong: one sentence that names where, the fault and the remedy."""


class Interrupted(Exception):
    """The work was asked to stop; it goes on from its checkpoint when it is started again."""
