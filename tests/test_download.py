"""The real download code against a local server with the faults of the real network."""

import json
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pandas as pd
import pytest
from jarvis.db import figshare
from matminer.datasets.utils import _validate_dataset
from matminer.utils.io import load_dataframe_from_json, store_dataframe_as_json
from pymatgen.core import Lattice, Structure

from crystal_transfer.datasets.cleaning import clean
from crystal_transfer.datasets.download import fetch
from crystal_transfer.datasets.sources.jarvis import read_jarvis
from crystal_transfer.datasets.sources.materials_project import structures_of_materials_project
from crystal_transfer.datasets.sources.tables import read_table
from crystal_transfer.errors import InputError
from crystal_transfer.files import sha256

SILICON = Structure.from_spacegroup("Fd-3m", Lattice.cubic(5.43), ["Si"], [[0, 0, 0]])


class Server:
    """Serves files; `faults` are played one per request before a file is served well."""

    def __init__(self):
        self.files, self.faults, self.requests = {}, [], []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                server.requests.append(self.path)
                fault = server.faults.pop(0) if server.faults else None
                name = self.path.split("?")[0].lstrip("/")
                if fault in (404, 503):
                    self.send_error(fault)
                elif name not in server.files:
                    self.send_error(404)
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
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

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
    assert "config key `mirror`" in str(error.value)
    assert "\n" not in str(error.value)
    assert list(path.parent.iterdir()) == []


def test_a_missing_file_is_not_asked_for_again(server, tmp_path):
    with pytest.raises(InputError, match="404"):
        fetch(server.url("nowhere"), tmp_path / "f", None, first_wait=0.01)
    assert len(server.requests) == 1


def test_a_wrong_checksum_is_told(server, phonons, tmp_path):
    with pytest.raises(InputError, match="hash"):
        fetch(phonons[0], tmp_path / "f", "0" * 64, first_wait=0.01)
    assert not (tmp_path / "f").exists()


def test_no_network(tmp_path):
    with pytest.raises(InputError, match="without a network, put the file"):
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
    with pytest.raises(InputError, match="SHA-256 is not"):
        fetch(phonons[0], tmp_path / "g" / "f.json.gz", phonons[1], str(mirror))
    with pytest.raises(InputError, match="missing; put the file there"):
        fetch(phonons[0], tmp_path / "h.json.gz", None, str(mirror))


def test_structures_from_the_materials_project(server):
    body = {"data": [{"material_id": "mp-149", "structure": SILICON.as_dict()}], "meta": {}}
    server.files["api/summary/"] = json.dumps(body).encode()
    address = server.url("api/summary/")
    found = structures_of_materials_project({"mp-149", "mp-1"}, "secret", address)
    assert found.keys() == {"mp-149"}
    assert found["mp-149"].elements == ["Si"] * 8
    assert "material_ids=mp-1%2Cmp-149" in server.requests[0]
    with pytest.raises(InputError, match="MP_API_KEY: not set"):
        structures_of_materials_project({"mp-149"}, None, address)
    with pytest.raises(InputError, match="401"):
        structures_of_materials_project({"mp-149"}, "wrong", address)
