"""Structures from the Materials Project's web interface; needs a (free) key.

The key is a secret: it is in no message, and it is sent to this one address only.
"""

import io
import json
from functools import partial
from typing import Any

import requests

from crystal_transfer.datasets.crystals import Record
from crystal_transfer.datasets.download import (
    FIRST_WAIT,
    PASSING,
    TIMEOUT,
    Refused,
    in_words,
    outlast,
    receive,
)
from crystal_transfer.datasets.sources.tables import structure_record
from crystal_transfer.errors import InputError

ADDRESS = "https://api.materialsproject.org/materials/summary/"
PER_REQUEST = 200  # names in one request; the address of a request must stay short
LARGEST = 200_000_000  # bytes of one answer; 200 structures of 444 atoms, its largest, have 30 MB


def structures_of_materials_project(
    names: set[str], key: str | None, address: str = ADDRESS, first_wait: float = FIRST_WAIT
) -> dict[str, Record]:
    """Fetch structures by Materials Project id.

    Parameters
    ----------
    names
        Ids such as mp-149.
    key
        The user's key; white space around it is ignored.
    address
        Of the interface.
    first_wait
        Seconds before the second attempt.

    Returns
    -------
    Structures by id; ids that are no longer in the database are missing.

    Raises
    ------
    InputError
        If the key is missing or not accepted, or the interface does not answer.
    """
    key = _checked(key)
    ordered, found = sorted(names), {}
    for start in range(0, len(ordered), PER_REQUEST):
        chunk = ordered[start : start + PER_REQUEST]
        try:
            rows = outlast(partial(_rows, address, key, chunk), first_wait)
        except PASSING as error:
            raise InputError(
                f"{address}: gave no structures ({in_words(error)}); check MP_API_KEY and the "
                "network, or use join.structures 'jarvis'."
            ) from None
        for name in chunk:
            if name in rows:
                found[name] = structure_record(name, None, rows[name])
    return found


def _checked(key: str | None) -> str:
    """Return the key without the white space around it, or raise without telling it."""
    key = (key or "").strip()
    if not key:
        raise InputError(
            "environment variable MP_API_KEY: not set, but join.structures is "
            "'materials_project'; set it to your key (materialsproject.org/api), or use 'jarvis'."
        )
    if not key.isascii() or not key.isprintable() or " " in key:
        raise InputError(
            "environment variable MP_API_KEY: has white space or other characters inside that no "
            "key has; copy the key again (materialsproject.org/api)."
        )
    return key


def _rows(address: str, key: str, chunk: list[str]) -> dict[str, dict[str, Any]]:
    """Fetch pymatgen's dicts of some structures, by id."""
    body = io.BytesIO()
    receive(partial(_answer, address, key, chunk), body, LARGEST)
    try:
        rows = json.loads(body.getvalue())["data"]
        return {row["material_id"]: row["structure"] for row in rows}
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ValueError("the answer is not in the interface's format") from None


def _answer(address: str, key: str, chunk: list[str]) -> requests.Response:
    query: dict[str, str | int] = {
        "material_ids": ",".join(chunk),
        "_fields": "material_id,structure",
        "_limit": len(chunk),
    }
    answer = requests.get(
        address,
        params=query,
        headers={"X-API-KEY": key},
        timeout=TIMEOUT,
        stream=True,
        allow_redirects=False,  # requests would send the key on to any other host
    )
    if answer.is_redirect:
        answer.close()
        raise Refused("it redirects to another address, to which the key is not sent")
    if answer.status_code != requests.codes.ok:
        answer.close()
        raise requests.HTTPError(response=answer)
    return answer
