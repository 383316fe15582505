"""Files from the network, verified; or from a mirror folder."""

import shutil
import time
from pathlib import Path

import pooch
import requests

from crystal_transfer.errors import InputError
from crystal_transfer.files import replaced_when_whole, sha256

ATTEMPTS = 4
TIMEOUT = 60  # s without a byte
FIRST_WAIT = 2.0  # s before the second attempt; doubles each time


def fetch(
    url: str,
    path: str | Path,
    checksum: str | None,
    mirror: str | None = None,
    first_wait: float = FIRST_WAIT,
) -> None:
    """Put a file in its place, whole and verified, or raise.

    Parameters
    ----------
    url
        Where it is published.
    path
        Where it shall lie; its name is also its name in the mirror.
    checksum
        SHA-256, or None if none is published.
    mirror
        A folder with the same files, tried instead of the network.
    first_wait
        Seconds before the second attempt.

    Raises
    ------
    InputError
        If it cannot be had, or is not the file that was published.
    """
    path = Path(path)
    if mirror:
        _copy(Path(mirror) / path.name, path, checksum)
        return
    for attempt in range(ATTEMPTS):
        try:
            _download(url, path, checksum)
            return
        except (requests.RequestException, ValueError, OSError) as error:
            problem = error
            if not _worth_another_try(error):
                break
            if attempt + 1 < ATTEMPTS:
                time.sleep(first_wait * 2**attempt)
    raise InputError(
        f"{url}: could not be downloaded ({_one_line(problem)}); without a network, put the file "
        f"{path.name} into a folder and name the folder in the config key `mirror`."
    )


def _download(url: str, path: Path, checksum: str | None) -> None:
    with replaced_when_whole(path) as temporary:
        pooch.retrieve(
            url,
            known_hash=f"sha256:{checksum}" if checksum else None,
            fname=temporary.name,
            path=temporary.parent,
            downloader=pooch.HTTPDownloader(progressbar=True, timeout=TIMEOUT),
        )


def _copy(origin: Path, path: Path, checksum: str | None) -> None:
    if not origin.is_file():
        raise InputError(f"{origin}: missing; put the file there or clear the config key `mirror`.")
    if checksum and sha256(origin) != checksum:
        raise InputError(
            f"{origin}: its SHA-256 is not {checksum}; the copy is damaged or another version."
        )
    with replaced_when_whole(path) as temporary:
        shutil.copyfile(origin, temporary)


def _worth_another_try(error: Exception) -> bool:
    """Client errors (404, 403) stay what they are; all else may pass."""
    response = getattr(error, "response", None)
    return response is None or response.status_code >= 500 or response.status_code in (408, 429)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
