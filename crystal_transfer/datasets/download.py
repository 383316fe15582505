"""Files from the network, verified; or from a mirror folder."""

import gzip
import re
import shutil
import threading
import time
import zipfile
import zlib
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO, TypeVar
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from crystal_transfer.errors import InputError
from crystal_transfer.file_names import safe_name
from crystal_transfer.files import replaced_when_whole, sha256

Result = TypeVar("Result")

ATTEMPTS = 4
FIRST_WAIT = 2.0  # s before the second attempt; doubles each time
TIMEOUT = 60  # s without a byte
GRACE = 60.0  # s until the first bytes count; proxies that look for viruses hold files back
SLOWEST = 10_000  # bytes/s on average; the largest file of the registry then takes a night or two
LARGEST = 20_000_000_000  # bytes; no file of the field comes near, and a disk is not filled up
REDIRECTS = 10  # figshare needs one or two
CHUNK = 1 << 16  # bytes; what is received is seen in steps of this
TELL = 30.0  # s between two lines in the log
# errors after which another attempt may succeed
PASSING = (requests.RequestException, urllib3.exceptions.HTTPError, ValueError)


class Refused(ValueError):
    """An answer that will be the same in the next attempt."""


class TooSlow(requests.Timeout):
    """Bytes that come, but not fast enough."""


def fetch(
    url: str,
    path: str | Path,
    checksum: str | None,
    mirror: str | None = None,
    first_wait: float = FIRST_WAIT,
    size: int | None = None,
) -> None:
    """Download or copy a file, and verify it; nothing is left at `path` if that fails.

    Parameters
    ----------
    url
        Where it is published.
    path
        Where to write it; its name is also its name in the mirror.
    checksum
        SHA-256, or None if none is published: its content is looked at instead.
    mirror
        A folder with the same files, tried instead of the network.
    first_wait
        Seconds before the second attempt.
    size
        Bytes, or None if it is not known.

    Raises
    ------
    InputError
        If it cannot be had, or is not the file that was published.
    """
    path = Path(path)
    safe_name(path.name)
    if mirror:
        _copy(Path(mirror) / path.name, path, checksum, size)
        return
    try:
        outlast(lambda: _download(url, path, checksum, size), first_wait)
    except PASSING as error:
        raise InputError(
            f"{_public(url)}: could not be downloaded ({in_words(error)}); if it lasts, for want "
            f"of a network or a login, put the file {path.name} into a folder and name the folder "
            "in the config key `mirror`."
        ) from None


def outlast(work: Callable[[], Result], first_wait: float = FIRST_WAIT) -> Result:
    """Call a function that uses the network; call it again after faults that may be over soon."""
    for attempt in range(1, ATTEMPTS):
        try:
            return work()
        except PASSING as error:
            if not _worth_another_try(error):
                raise
            print(f"attempt {attempt} of {ATTEMPTS}: {in_words(error)}")
            time.sleep(first_wait * 2 ** (attempt - 1))
    return work()


def receive(ask: Callable[[], requests.Response], sink: BinaryIO, most: int = LARGEST) -> None:
    """Write the body of an answer, or raise if it is too slow, too long or cut.

    No timeout of requests ends a server that sends a byte now and then, not even while it sends
    its headers; therefore a thread reads the answer, and is left alone when it is too slow.

    Parameters
    ----------
    ask
        Sends the request; returns the answer, not read yet.
    sink
        Where the body goes.
    most
        Bytes that the body may have.

    Raises
    ------
    requests.RequestException, ValueError
        With what `in_words` says.
    """
    transfer = _Transfer(ask, sink, most)
    transfer.start()
    start = told = time.monotonic()
    while transfer.is_alive():
        transfer.join(0.2)
        now = time.monotonic()
        if transfer.is_alive() and now - start > GRACE + transfer.received / SLOWEST:
            transfer.given_up = True
            raise TooSlow(
                f"{transfer.received} bytes in {now - start:.0f} s, less than {SLOWEST} bytes/s"
            )
        if now - told > TELL:
            print(f"{transfer.received / 1e6:.1f} MB after {now - start:.0f} s")
            told = now
    if transfer.error:
        raise transfer.error


class _Transfer(threading.Thread):
    """A request and its answer.

    Attributes
    ----------
    received
        Bytes so far.
    error
        What went wrong.
    given_up
        Set from outside when nobody waits for it any more.
    """

    def __init__(self, ask: Callable[[], requests.Response], sink: BinaryIO, most: int):
        super().__init__(daemon=True)
        self.ask, self.sink, self.most = ask, sink, most
        self.received, self.given_up = 0, False
        self.error: Exception | None = None

    def run(self) -> None:
        """Read the answer to its end, or until it is given up."""
        try:
            with self.ask() as answer:
                self._write(answer)
        except Exception as error:  # raised again by who waits
            self.error = error

    def _write(self, answer: requests.Response) -> None:
        length = answer.headers.get("Content-Length", "")
        # of the body as sent; one that is compressed on the way is longer when it arrives
        expected = int(length) if length.isascii() and length.isdigit() else None
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            expected = None
        if expected is not None and expected > self.most:
            raise Refused(f"it has {expected} bytes, more than {self.most}")
        for chunk in answer.iter_content(CHUNK):
            if self.given_up:
                return
            self.received += len(chunk)
            if self.received > self.most:
                raise Refused(f"it has more than {self.most} bytes")
            self.sink.write(chunk)
        if expected is not None and self.received != expected:
            raise ValueError(f"cut after {self.received} of {expected} bytes")


def in_words(error: Exception) -> str:
    """Return what went wrong on the network, without addresses and without what a server said.

    Messages of requests hold whole addresses and headers, in which there may be secrets.
    """
    if isinstance(error, requests.HTTPError):
        code = error.response.status_code
        known = code in HTTPStatus.__members__.values()
        return f"status {code} {HTTPStatus(code).phrase}" if known else f"status {code}"
    if isinstance(error, TooSlow):
        return str(error)
    if isinstance(error, requests.Timeout):
        return f"no answer within {TIMEOUT} s"
    if isinstance(error, requests.RequestException | urllib3.exceptions.HTTPError):
        if isinstance(error, ValueError):
            return "it is no address of the web"
        return _reason(error) or "the connection was cut"
    return str(error)


def _reason(error: BaseException | None) -> str | None:
    """Return the message of the operating system that an error of requests was caused by."""
    said = None
    while error is not None:
        if isinstance(error, OSError) and not isinstance(error, requests.RequestException):
            said = error.strerror or said
        error = error.__cause__ or error.__context__
    return said and " ".join(str(said).split())[:100]


def _download(url: str, path: Path, checksum: str | None, size: int | None) -> None:
    with replaced_when_whole(path) as temporary:
        with temporary.open("wb") as handle:
            receive(lambda: _answer(url), handle, size or LARGEST)
        verify(temporary, path.name, checksum, size)
        print(f"{path.name}: {temporary.stat().st_size} bytes, SHA-256 {sha256(temporary)}")


def _answer(url: str) -> requests.Response:
    """Return the answer to a request, redirects followed within the web."""
    # compressed on the way, it would not be the file that was published
    headers = {"Accept-Encoding": "identity"}
    with requests.Session() as session:
        for _ in range(REDIRECTS + 1):
            if not _is_of_the_web(url):
                raise Refused("it is, or redirects to, an address that is not http or https")
            answer = session.get(
                url, stream=True, timeout=TIMEOUT, allow_redirects=False, headers=headers
            )
            target = session.get_redirect_target(answer)
            if target is None:
                break
            answer.close()
            url = urljoin(url, target)
        else:
            raise Refused(f"it redirects more than {REDIRECTS} times")
    if answer.status_code != HTTPStatus.OK:
        answer.close()
        raise requests.HTTPError(response=answer)
    return answer


def _is_of_the_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:  # brackets that are no address
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _copy(origin: Path, path: Path, checksum: str | None, size: int | None) -> None:
    if not origin.is_file():
        raise InputError(f"{origin}: missing; put the file there or clear the config key `mirror`.")
    with replaced_when_whole(path) as temporary:
        shutil.copyfile(origin, temporary)
        try:
            verify(temporary, path.name, checksum, size)
        except ValueError as error:
            raise InputError(f"{origin}: {error}; put the published file there.") from None


def verify(path: Path, name: str, checksum: str | None, size: int | None) -> None:
    """Check that a file is the published one or, without a checksum, of the type of its name.

    Parameters
    ----------
    path
        Where it lies.
    name
        Its name, whose end says what it is.
    checksum
        SHA-256 if one is published.
    size
        Bytes if published.

    Raises
    ------
    ValueError
        With the fault; `Refused` if it is a web page instead.
    """
    has = path.stat().st_size
    with path.open("rb") as handle:
        head = handle.read(512).removeprefix(b"\xef\xbb\xbf").lstrip()
        handle.seek(max(0, has - 512))
        tail = handle.read().rstrip()
    if checksum and (found := sha256(path)) == checksum:
        return
    if head.startswith(b"<") and not name.endswith((".xml", ".cml")):
        raise Refused("it is a web page, perhaps a login or a notice: open it in a browser")
    if checksum:
        raise ValueError(f"its SHA-256 is {found}, not {checksum}: damaged, or another version")
    if size is not None and has != size:
        raise ValueError(f"it has {has} bytes, not {size}")
    if not head:
        raise ValueError("it is empty")
    if name.endswith(".gz"):
        _try_gzip(path)
    elif name.endswith(".zip"):
        _try_zip(path)
    elif name.endswith(".json") and not (head[:1] in b"[{" and tail[-1:] in b"]}"):
        raise ValueError("it is not JSON, or only a part of it")


def _try_gzip(path: Path) -> None:
    try:
        with gzip.open(path) as handle:
            while handle.read(CHUNK):
                pass
    except (OSError, EOFError, zlib.error):
        raise ValueError("it is not gzip, or only a part of it") from None


def _try_zip(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except (zipfile.BadZipFile, EOFError, zlib.error, RuntimeError, NotImplementedError):
        raise ValueError("it is not a zip file that can be read, or only a part of it") from None
    if damaged is not None:
        raise ValueError("the zip file is damaged")


def _worth_another_try(error: Exception) -> bool:
    """Return whether a fault may be over at the next attempt; a 404 or 403 will not be."""
    if isinstance(error, requests.HTTPError):
        # 202: figshare says that a file is being fetched
        code = error.response.status_code
        return code >= 500 or code in (202, 408, 429)
    no_address = isinstance(error, requests.RequestException) and isinstance(error, ValueError)
    return not no_address and not isinstance(error, Refused)


def _public(url: str) -> str:
    """Return an address without what may be secret: a user's name and password, and the query."""
    return re.sub("//[^/]*@", "//", re.split("[?#]", " ".join(url.split()))[0])
