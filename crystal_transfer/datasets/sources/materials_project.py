"""Structures from the Materials Project's web interface; needs a (free) key."""

import requests

from crystal_transfer.datasets.crystals import Record
from crystal_transfer.datasets.sources.tables import structure_record
from crystal_transfer.errors import InputError

ADDRESS = "https://api.materialsproject.org/materials/summary/"
PER_REQUEST = 200  # names in one request; the address of a request must stay short


def structures_of_materials_project(
    names: set[str], key: str | None, address: str = ADDRESS
) -> dict[str, Record]:
    """Fetch structures by Materials Project id.

    Parameters
    ----------
    names
        Ids such as mp-149.
    key
        The user's key.
    address
        Of the interface.

    Returns
    -------
    Structures by id; ids that are no longer in the database are missing.

    Raises
    ------
    InputError
        If the key is missing or not accepted, or the interface does not answer.
    """
    if not key:
        raise InputError(
            "environment variable MP_API_KEY: not set, but join.structures is "
            "'materials_project'; set it to your key (materialsproject.org/api), or use 'jarvis'."
        )
    ordered, found = sorted(names), {}
    for start in range(0, len(ordered), PER_REQUEST):
        chunk = ordered[start : start + PER_REQUEST]
        query = {
            "material_ids": ",".join(chunk),
            "_fields": "material_id,structure",
            "_limit": len(chunk),
        }
        try:
            answer = requests.get(address, params=query, headers={"X-API-KEY": key}, timeout=120)
            answer.raise_for_status()
            rows = answer.json()["data"]
        except (requests.RequestException, KeyError, ValueError) as error:
            raise InputError(
                f"{address}: gave no structures ({str(error)[:150]}); check MP_API_KEY and the "
                "network, or use join.structures 'jarvis'."
            ) from None
        for row in rows:
            found[row["material_id"]] = structure_record(row["material_id"], None, row["structure"])
    return found
