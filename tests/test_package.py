"""The installed package: whole without a clone, typed, and quick to say what it can do."""

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import metadata
from importlib.util import find_spec
from pathlib import Path

import pytest
from conftest import ROOT
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

SOURCES = [
    "pyproject.toml", "README.md", "LICENSE", "config.yaml", "crystal_transfer",
    "resources/datasets.yaml", "resources/throughput.yaml", "resources/published_results.csv",
]  # fmt: skip


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory) -> Path:
    """A folder with what the wheel installs."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    (source / "resources").mkdir(parents=True)
    for name in SOURCES:
        if (ROOT / name).is_dir():
            leave_out = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=leave_out)
        else:
            shutil.copyfile(ROOT / name, source / name)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", str(folder), str(source)], check=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "unpacked")
    shutil.rmtree(source)
    return folder / "unpacked"


def command(unpacked: Path, folder: Path, *arguments: str) -> str:
    """Run the installed command in a folder; its output."""
    run = subprocess.run(
        [sys.executable, "-m", "crystal_transfer.cli", *arguments],
        cwd=folder, env=os.environ | {"PYTHONPATH": str(unpacked)}, check=True,
        capture_output=True, text=True,
    )  # fmt: skip
    return run.stdout


def test_the_wheel_has_copies_of_its_data(unpacked):
    data = unpacked / "crystal_transfer" / "data"
    for original in ("config.yaml", *SOURCES[-3:]):
        assert (data / Path(original).name).read_bytes() == (ROOT / original).read_bytes()
    assert (unpacked / "crystal_transfer" / "py.typed").is_file()
    for part in ("data/weights/seven-properties.safetensors", "data/alignn_models.yaml",
                 "bundles/templates/report.html", "bundles/templates/card.md"):  # fmt: skip
        copy = unpacked / "crystal_transfer" / part
        assert copy.read_bytes() == (ROOT / "crystal_transfer" / part).read_bytes()
    assert {path.name for path in unpacked.iterdir() if path.suffix != ".dist-info"} == {
        "crystal_transfer"
    }


def test_an_installed_command_plans_the_papers_study_in_an_empty_folder(unpacked, tmp_path):
    assert command(unpacked, tmp_path, "plan") == command(ROOT, ROOT, "plan")
    assert list(tmp_path.iterdir()) == []


HEAVY = ["numpy", "pandas", "torch", "snakemake", "matplotlib", "pydantic", "scipy", "sklearn"]


@pytest.mark.parametrize("name", HEAVY)
def test_help_imports_nothing_heavy(unpacked, tmp_path, name):
    assert find_spec(name) is not None
    script = (
        f"import sys; sys.modules[{name!r}] = None; from crystal_transfer import cli; cli.main()"
    )
    environment = os.environ | {"PYTHONPATH": str(unpacked)}
    subprocess.run(
        [sys.executable, "-c", script, "--help"], cwd=tmp_path, env=environment, check=True,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip


def test_the_lock_is_for_the_oldest_python():
    """Of a lock made on 3.11.7, a package needed 3.11.5: on Debian's 3.11.2 nothing installed."""
    oldest = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    lines = (ROOT / "envs/requirements.lock").read_text().splitlines()
    locked = [Requirement(line) for line in lines if "==" in line]
    installed = [item.name for item in locked if not item.marker or item.marker.evaluate()]
    refused = {
        name: needs
        for name in installed
        if (needs := metadata(name)["Requires-Python"])
        and f"{oldest.removeprefix('>=')}.0" not in SpecifierSet(needs)
    }
    assert len(installed) > 100 and refused == {}
