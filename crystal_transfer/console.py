"""What a command line tool owes its user: a log, and errors that can be read."""

import gc
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

from crystal_transfer.errors import InputError, Interrupted, said_of

TERMINATED = 143  # 128 + SIGTERM, as a shell reports it


@contextmanager
def logged(path: str | Path) -> Iterator[None]:
    """Write all output of the block to a log file.

    An `InputError` ends the program with its sentence, in the log and on the terminal, and
    `Interrupted` with the exit code of a terminated process; any other error leaves its traceback
    in both.
    """
    with Path(path).open("w", buffering=1, encoding="utf-8") as log:
        try:
            with redirect_stdout(log), redirect_stderr(log):
                yield
        except InputError as error:
            print(f"error: {error}", file=log)
            sys.exit(f"error: {error}")
        except Interrupted as error:
            print(f"interrupted: {error}; it goes on when it is started again", file=log)
            sys.exit(TERMINATED)
        except Exception as error:
            if isinstance(error, OSError) and error.filename and error.strerror:
                message = f"error: {said_of(error)}"
                print(message, file=log)
                sys.exit(message)
            traceback.print_exc(file=log)
            raise
        finally:
            # the program ends: Python would look for garbage in all of PyTorch, a third of a second
            gc.freeze()
