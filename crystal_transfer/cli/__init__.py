"""The command crystal-transfer: models for one's own crystals, and studies.

What a command needs is imported when it runs, so that a help text appears at once.

app
    the commands, their arguments and help.
own, study
    what they do: models for one's own crystals; studies.
"""

import gc
import sys

from crystal_transfer.cli.app import app
from crystal_transfer.errors import InputError, Interrupted, said_of

STOPPED = 130  # 128 + SIGINT, as a shell reports it


def main() -> None:
    """Run the command line; a fault of the user's input ends it with one sentence."""
    try:
        app()
    except InputError as error:
        sys.exit(f"error: {error}")
    except Interrupted:
        print("stopped; the same command goes on from here", file=sys.stderr)
        sys.exit(STOPPED)
    except OSError as error:
        if not (error.filename and error.strerror):
            raise
        sys.exit(f"error: {said_of(error)}")
    finally:
        gc.freeze()  # see console.logged
