"""The real download code against a local server with the faults of the real network."""

import gzip
import io
import json
import subprocess
import sys
import threading
import time
import zipfile
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pandas as pd
import pytest
from jarvis.db import figshare
from matminer.datasets.utils import _validate_dataset
from matminer.utils.io import load_dataframe_from_json, store_dataframe_as_json
from pymatgen.core import Lattice, Structure

from crystal_transfer.datasets import download
from crystal_transfer.datasets.cleaning import clean
from crystal_transfer.datasets.download import fetch
from crystal_transfer.datasets.sources.jarvis import read_jarvis
from crystal_transfer.datasets.sources.materials_project import structures_of_materials_project
from crystal_transfer.datasets.sources.tables import read_table
from crystal_transfer.errors import InputError
from crystal_transfer.file_names import safe_name
from crystal_transfer.files import sha256

SILICON = Structure.from_spacegroup("Fd-3m", Lattice.cubic(5.43), ["Si"], [[0, 0, 0]])


class Server:
    """Serves files; `faults` are played one per request before a file is served well.

    A file may be a function that answers the request itself.
    """

    def __init__(self):
        self.files, self.faults, self.requests, self.keys = {}, [], [], []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                server.requests.append(self.path)
                server.keys.append(self.headers["X-API-KEY"])
                fault = server.faults.pop(0) if server.faults else None
                name = self.path.split("?")[0].lstrip("/")
                if fault in (404, 503):
                    self.send_error(fault)
                elif name not in server.files:
                    self.send_error(404)
                elif callable(server.files[name]):
                    with suppress(OSError):  # nobody listens any more
                        server.files[name](self)
                elif name.startswith("api") and self.headers["X-API-KEY"] != "secret":
                    self.send_error(401)
                else:
                    body = server.files[name]
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    if fault == "truncated":
                        body = body[: len(body) // 2]
                    if fault == "damaged":
                        body = b"\0" * len(body)
                    self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.http.server_port}/{name}"

    def stop(self):
        self.http.shutdown()
        self.http.server_close()


@pytest.fixture
def server():
    running = Server()
    yield running
    running.stop()


@pytest.fixture
def phonons(server, tmp_path):
    """A file in matminer's format, written by matminer, and its checksum."""
    path = tmp_path / "published.json.gz"
    frame = pd.DataFrame({"structure": [SILICON] * 5, "last phdos peak": [500.0] * 5})
    store_dataframe_as_json(frame, str(path), compression="gz")
    server.files["matbench_phonons.json.gz"] = path.read_bytes()
    return server.url("matbench_phonons.json.gz"), sha256(path)


def test_a_file_as_matminer_itself_gets_it(server, phonons, tmp_path):
    url, checksum = phonons
    ours, theirs = tmp_path / "matbench_phonons.json.gz", tmp_path / "theirs" / "m.json.gz"
    theirs.parent.mkdir()
    fetch(url, ours, checksum)
    _validate_dataset(str(theirs), url, checksum)
    assert ours.read_bytes() == theirs.read_bytes()
    table, rejected = clean(read_table(ours, "last phdos peak"))
    assert len(table) == len(load_dataframe_from_json(str(theirs))) == 5
    assert rejected == []


def test_a_file_as_jarvis_itself_gets_it(server, tmp_path):
    atoms = {
        "lattice_mat": SILICON.lattice.matrix.tolist(),
        "coords": SILICON.frac_coords.tolist(),
        "elements": ["Si"] * 8,
        "cartesian": False,
    }
    rows = [
        {"jid": "JVASP-1", "optb88vdw_bandgap": 1.2, "atoms": atoms},
        {"jid": "JVASP-2", "optb88vdw_bandgap": "na", "atoms": atoms},
    ]
    published = tmp_path / "published.zip"
    with zipfile.ZipFile(published, "w") as archive:
        archive.writestr("d2-12-12-2022.json", json.dumps(rows))
    server.files["38521268"] = published.read_bytes()
    ours = tmp_path / "d2-12-12-2022.json.zip"
    fetch(server.url("38521268"), ours, None)
    theirs = figshare.get_request_data(
        js_tag="d2-12-12-2022.json", url=server.url("38521268"), store_dir=str(tmp_path)
    )
    assert theirs == rows
    table, rejected = clean(read_jarvis(ours, "optb88vdw_bandgap"))
    assert table.ids.tolist() == ["JVASP-1"]
    assert rejected == [("JVASP-2", "target is missing or not finite")]


@pytest.mark.parametrize(
    "faults", [[503], [503, 503], ["truncated"], ["damaged"], ["truncated", 503, "damaged"]]
)
def test_passing_faults_are_outlasted(server, phonons, tmp_path, faults):
    server.faults = list(faults)
    path = tmp_path / "f.json.gz"
    fetch(phonons[0], path, phonons[1], first_wait=0.01)
    assert sha256(path) == phonons[1]
    assert len(server.requests) == len(faults) + 1


@pytest.mark.parametrize("fault", [503, "truncated", "damaged"])
def test_lasting_faults_leave_nothing_behind(server, phonons, tmp_path, fault):
    server.faults = [fault] * 10
    path = tmp_path / "sub" / "f.json.gz"
    with pytest.raises(InputError, match="could not be downloaded") as error:
        fetch(phonons[0], path, phonons[1], first_wait=0.01)
    assert "put the file f.json.gz into a folder" in str(error.value)
    assert "\n" not in str(error.value)
    assert list(path.parent.iterdir()) == []


def test_a_missing_file_is_not_asked_for_again(server, tmp_path):
    with pytest.raises(InputError, match="404"):
        fetch(server.url("nowhere"), tmp_path / "f", None, first_wait=0.01)
    assert len(server.requests) == 1


def test_a_wrong_checksum_is_told(server, phonons, tmp_path):
    with pytest.raises(InputError, match=f"its SHA-256 is {phonons[1]}, not 0000"):
        fetch(phonons[0], tmp_path / "f", "0" * 64, first_wait=0.01)
    assert not (tmp_path / "f").exists()


def test_no_network(tmp_path):
    with pytest.raises(InputError, match=r"Connection refused.*for want of a network"):
        fetch("http://127.0.0.1:1/f.json", tmp_path / "f.json", None, first_wait=0.01)


def test_the_mirror(phonons, server, tmp_path):
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    content = server.files["matbench_phonons.json.gz"]
    (mirror / "f.json.gz").write_bytes(content)
    fetch(phonons[0], tmp_path / "f.json.gz", phonons[1], str(mirror))
    assert (tmp_path / "f.json.gz").read_bytes() == content
    assert server.requests == []
    (mirror / "f.json.gz").write_bytes(content[:100])
    with pytest.raises(InputError, match=r"its SHA-256 is .*, not"):
        fetch(phonons[0], tmp_path / "g" / "f.json.gz", phonons[1], str(mirror))
    with pytest.raises(InputError, match="missing; put the file there"):
        fetch(phonons[0], tmp_path / "h.json.gz", None, str(mirror))


def test_the_mirror_is_looked_at_too(tmp_path):
    (tmp_path / "f.json").write_text("<!DOCTYPE html><title>Log in</title>")
    with pytest.raises(InputError, match=r"f\.json: it is a web page.*put the published file"):
        fetch("http://unused", tmp_path / "out/f.json", None, str(tmp_path))
    assert list((tmp_path / "out").iterdir()) == []


def answer(status=200, headers=(), body=b"", pause=0.0):
    """Make an answer; with a pause, in single bytes."""

    def play(handler):
        handler.send_response(status)
        for name, value in dict(headers).items():
            handler.send_header(name, value)
        handler.end_headers()
        for position in range(len(body) if pause else 0):
            handler.wfile.write(body[position : position + 1])
            time.sleep(pause)
        if not pause:
            handler.wfile.write(body)

    return play


def slow_headers(handler):
    for _ in range(1000):
        handler.wfile.write(b"H")
        time.sleep(0.05)


@pytest.mark.parametrize(
    "slow",
    [
        answer(headers={"Content-Length": "1000000"}, body=b"x" * 1000, pause=0.05),
        answer(body=b"x" * 1000, pause=0.05),
        slow_headers,
    ],
    ids=["body", "no length", "headers"],
)
def test_a_byte_now_and_then_does_not_run_for_ever(server, tmp_path, monkeypatch, slow):
    monkeypatch.setattr(download, "GRACE", 0.3)
    server.files["f.json"] = slow
    with pytest.raises(InputError, match=r"bytes in \d+ s, less than 10000 bytes/s"):
        fetch(server.url("f.json"), tmp_path / "sub/f.json", None, first_wait=0.01)
    assert len(server.requests) == download.ATTEMPTS
    assert list((tmp_path / "sub").iterdir()) == []


def test_a_slow_start_is_outlasted(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "GRACE", 0.3)
    monkeypatch.setattr(download, "SLOWEST", 20)
    monkeypatch.setattr(download, "CHUNK", 1)
    server.files["f.json"] = answer(body=b"[" + b" " * 30 + b"]", pause=0.02)
    fetch(server.url("f.json"), tmp_path / "f.json", None, first_wait=0.01)
    assert json.loads((tmp_path / "f.json").read_text()) == []


PAGE = b"\n<!DOCTYPE html><html><title>Log in</title></html>"
PACKED = gzip.compress(b"[1, 2]" * 1000, mtime=0)


@pytest.mark.parametrize(
    ("name", "body", "fault", "asked"),
    [
        ("f.json", PAGE, "web page, perhaps a login", 1),
        ("f.json.gz", PAGE, "web page, perhaps a login", 1),
        ("f.zip", PAGE, "web page, perhaps a login", 1),
        ("f.csv", PAGE, "web page, perhaps a login", 1),
        ("f.json", b"", "is empty", 4),
        ("f.json", b"please log in", "is not JSON", 4),
        ("f.json", b'[{"jid": "a"}, {"ji', "only a part of it", 4),
        ("f.json.gz", b'{"error": "quota"}', "is not gzip", 4),
        ("f.json.gz", PACKED[:-20], "only a part of it", 4),
        ("f.json.gz", PACKED[:-6] + b"000000", "is not gzip", 4),
        ("f.zip", b'{"error": "quota"}', "is not a zip", 4),
        ("f.zip", b"PK\3\4 and no more", "is not a zip", 4),
    ],
)
def test_without_a_checksum_the_content_is_looked_at(server, tmp_path, name, body, fault, asked):
    server.files[name] = body
    with pytest.raises(InputError, match=fault) as error:
        fetch(server.url(name), tmp_path / "sub" / name, None, first_wait=0.01)
    assert f"put the file {name} into a folder" in str(error.value)
    assert list((tmp_path / "sub").iterdir()) == []
    assert len(server.requests) == asked


def test_a_damaged_member_of_a_zip(server, tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("f.json", "[1, 2, 3]")
    server.files["f.zip"] = buffer.getvalue().replace(b"[1, 2, 3]", b"[1, 7, 3]")
    with pytest.raises(InputError, match="the zip file is damaged"):
        fetch(server.url("f.zip"), tmp_path / "f.zip", None, first_wait=0.01)


def test_a_web_page_in_place_of_a_file_with_checksum(server, phonons, tmp_path):
    server.files["f.json.gz"] = PAGE
    with pytest.raises(InputError, match="web page"):
        fetch(server.url("f.json.gz"), tmp_path / "f.json.gz", phonons[1], first_wait=0.01)


@pytest.mark.parametrize(
    ("size", "fault"), [(10, "bytes, more than 10"), (10**6, "bytes, not 1000000"), (2002, None)]
)
def test_the_expected_size(server, tmp_path, size, fault):
    server.files["f.json"] = b"[" + b" " * 2000 + b"]"
    if fault is None:
        fetch(server.url("f.json"), tmp_path / "f.json", None, size=size)
        return
    with pytest.raises(InputError, match=fault):
        fetch(server.url("f.json"), tmp_path / "f.json", None, first_wait=0.01, size=size)
    assert not (tmp_path / "f.json").exists()


def test_answers_without_end_or_of_absurd_length(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "LARGEST", 10**6)
    server.files["endless.json"] = answer(body=b" " * 10**7)
    server.files["absurd.json"] = answer(headers={"Content-Length": str(10**15)}, body=b"[]")
    server.files["bomb.json"] = answer(
        headers={"Content-Encoding": "gzip"}, body=gzip.compress(b" " * 10**7)
    )
    for name in ("endless.json", "absurd.json", "bomb.json"):
        with pytest.raises(InputError, match="more than 1000000"):
            fetch(server.url(name), tmp_path / "f.json", None, first_wait=0.01)
    assert len(server.requests) == 3


def test_a_file_compressed_on_the_way(server, tmp_path):
    body = gzip.compress(b"[1, 2]")
    headers = {"Content-Encoding": "gzip", "Content-Length": str(len(body))}
    server.files["f.json"] = answer(headers=headers, body=body)
    fetch(server.url("f.json"), tmp_path / "f.json", None)
    assert (tmp_path / "f.json").read_bytes() == b"[1, 2]"


def test_redirects_stay_in_the_web_and_end(server, tmp_path):
    server.files["there.json"] = b"[]"
    server.files["here"] = answer(302, {"Location": "/there.json"})
    fetch(server.url("here"), tmp_path / "f.json", None)
    assert (tmp_path / "f.json").read_bytes() == b"[]"
    server.requests.clear()
    server.files["file"] = answer(302, {"Location": "file:///etc/passwd"})
    server.files["loop"] = answer(302, {"Location": "/loop"})
    server.files["nowhere"] = answer(302)
    for name, fault in (
        ("file", "not http or https"), ("loop", "more than 10 times"), ("nowhere", "status 302"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=fault):
            fetch(server.url(name), tmp_path / "g.json", None, first_wait=0.01)
    assert len(server.requests) == 1 + 11 + 1
    for url in ("file:///etc/passwd", "ftp://localhost/f", "", "f.json", "http://", "http://[/"):
        with pytest.raises(InputError, match="could not be downloaded"):
            fetch(url, tmp_path / "g.json", None, first_wait=10)
    assert not (tmp_path / "g.json").exists()


def test_secrets_in_an_address_are_not_told(tmp_path, capsys):
    url = "http://user:hush@127.0.0.1:1/f.json?token=hush"
    with pytest.raises(InputError, match=r"^http://127\.0\.0\.1:1/f\.json: could") as error:
        fetch(url, tmp_path / "f.json", None, first_wait=0.01)
    assert "hush" not in str(error.value) + "".join(capsys.readouterr())


def test_a_full_disk_is_not_a_fault_of_the_network(server):
    server.files["f.json"] = b"[]"
    with open("/dev/full", "wb", buffering=0) as full, pytest.raises(OSError, match="No space"):  # noqa: PTH123
        download.receive(lambda: download._answer(server.url("f.json")), full)


NAMES = ["f.json", "matbench_mp_e_form.json.gz", "d2-12-12-2022.json.zip", "38521268", "A+b_1"]
NO_NAMES = [
    "", ".", "..", ".hidden", "a/b", "../a", "/etc/passwd", "a\\b", "a..b", "a\n", "a\0b", "a b",
    "{file}", "*", "-rf", "a\u202eb", "é.json", "a" * 201, None, 3, ["a"],
]  # fmt: skip


def test_plain_names():
    assert [safe_name(name) for name in NAMES] == NAMES
    for name in NO_NAMES:
        with pytest.raises(InputError, match="is not a plain name; use") as error:
            safe_name(name)
        assert str(error.value).isprintable()


def test_structures_from_the_materials_project(server):
    body = {"data": [{"material_id": "mp-149", "structure": SILICON.as_dict()}], "meta": {}}
    server.files["api/summary/"] = json.dumps(body).encode()
    address = server.url("api/summary/")
    found = structures_of_materials_project({"mp-149", "mp-1"}, " secret\n", address)
    assert found.keys() == {"mp-149"}
    assert found["mp-149"].elements == ["Si"] * 8
    assert "material_ids=mp-1%2Cmp-149" in server.requests[0]
    with pytest.raises(InputError, match="MP_API_KEY: not set"):
        structures_of_materials_project({"mp-149"}, None, address)
    with pytest.raises(InputError, match="401"):
        structures_of_materials_project({"mp-149"}, "wrong", address)
    assert set(server.keys) == {"secret", "wrong"}


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"data": [3]}', b'{"data": [{}]}'])
def test_an_answer_in_another_format(server, body):
    server.files["api/summary/"] = body
    with pytest.raises(InputError, match="not in the interface's format"):
        structures_of_materials_project({"mp-1"}, "secret", server.url("api/summary/"), 0.01)


def test_passing_faults_of_the_interface(server):
    server.faults = [503, "truncated", 503]
    server.files["api/summary/"] = b'{"data": []}'
    address = server.url("api/summary/")
    assert structures_of_materials_project({"mp-1"}, "secret", address, 0.01) == {}


# what users have in the variable by accident, and what a server may do with a key
KEYS = [
    "a-SECRET-key",
    " a-SECRET-key\n",
    "a-SECRET\nkey",
    "a-SECRET key",
    "a-SECRET\u00e9",
    "\0SECRET",
]
PROGRAM = """
import os, sys
from crystal_transfer.console import logged
from crystal_transfer.datasets.sources.materials_project import structures_of_materials_project
with logged(sys.argv[1]):
    key = sys.argv[2].replace("0x00", chr(0))
    structures_of_materials_project({"mp-1"}, key, sys.argv[3], 0.01)
"""


def echo(handler):
    """Answer with the key wherever a server can put it."""
    key = handler.headers["X-API-KEY"]
    handler.send_response(401, key)
    handler.send_header("Location", f"/{key}")
    handler.end_headers()
    handler.wfile.write(key.encode())


@pytest.mark.parametrize("key", KEYS)
def test_the_key_is_nowhere_to_be_read(server, tmp_path, key):
    server.files["api/echo"] = echo
    addresses = [server.url("api/echo"), "http://127.0.0.1:1/"]
    for address in addresses[: 1 if "SECRET-key" not in key else 2]:
        log = tmp_path / "log"
        command = [sys.executable, "-c", PROGRAM, log, key.replace("\0", "0x00"), address]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 1
        for text in (done.stdout, done.stderr, log.read_text()):
            assert "SECRET" not in text
        assert done.stderr.startswith("error: ")
        assert "MP_API_KEY" in done.stderr
        assert ("copy the key again" in done.stderr) == (key.strip() != KEYS[0])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_key_goes_to_no_other_address(server, status):
    other = Server()
    other.files["api/steal"] = b'{"data": []}'
    target = other.url("api/steal").replace("127.0.0.1", "localhost")
    server.files["api/summary/"] = answer(status, {"Location": target})
    with pytest.raises(InputError, match="to which the key is not sent"):
        structures_of_materials_project({"mp-1"}, "secret", server.url("api/summary/"))
    assert other.requests == [] and server.keys == ["secret"]
    other.stop()
