"""Write the lock of all dependencies, and the conda environments that share its pins.

    make lock

resolves pyproject.toml anew with pip. The lock is for every Python 3.11, where DGL has a wheel;
newer Pythons leave DGL out.
"""

import json
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Any

from packaging.specifiers import SpecifierSet

HERE = Path(__file__).parent
LOCK = HERE / "requirements.lock"
PROJECT = tomllib.loads((HERE.parent / "pyproject.toml").read_text())["project"]
OLDEST_PYTHON = PROJECT["requires-python"].removeprefix(">=") + ".0"
MARKERS = {"dgl": "python_version < '3.12'", "triton": "platform_system == 'Linux'"}
TRAINING = ("numpy", "torch")  # all that the training path imports
# what no job of the workflow imports, and what only that needs
REFERENCE_DEV_AND_DOCS = (
    "accessible-pygments", "alabaster", "alignn", "ast-serialize", "babel", "beautifulsoup4",
    "coverage", "dgl", "furo", "hypothesis", "imagesize", "librt", "mdit-py-plugins", "mypy",
    "myst-parser", "pre-commit", "pytest", "pytest-cov", "pytest-xdist", "roman-numerals", "ruff",
    "safetensors", "snakefmt", "soupsieve", "sphinx", "sphinx-basic-ng",
    "sphinxcontrib-applehelp", "sphinxcontrib-devhelp", "sphinxcontrib-htmlhelp",
    "sphinxcontrib-jsmath", "sphinxcontrib-qthelp", "sphinxcontrib-serializinghtml", "triton",
    "types-psutil", "types-pyyaml", "types-requests",
)  # fmt: skip
HEADER = "# Made by envs/lock.py (make lock); do not edit.\n"


def resolve() -> dict[str, str]:
    """Ask pip for the versions that fulfil pyproject.toml on the oldest Python, by name.

    pip resolves for the Python that it runs on, so what needs a newer one is asked for again.
    """
    too_new: list[str] = []
    while True:
        packages = resolved(too_new)
        refused = [
            f"{package['name']}<{package['version']}"
            for package in packages
            if OLDEST_PYTHON not in SpecifierSet(package.get("requires_python", ""))
        ]
        if not refused:
            break
        too_new += refused
    names = {package["name"]: package["version"] for package in packages}
    return {
        name.lower().replace("_", "-"): version.split("+")[0]
        for name, version in sorted(names.items(), key=lambda item: item[0].lower())
        if name != "crystal-transfer"
    }


def resolved(constraints: Collection[str]) -> list[dict[str, Any]]:
    """Return the metadata of what pip would install under constraints."""
    with tempfile.TemporaryDirectory() as folder:
        report, limits = Path(folder) / "report.json", Path(folder) / "constraints.txt"
        limits.write_text("\n".join(constraints))
        options = [
            "--quiet", "--dry-run", "--ignore-installed", "--report", str(report),
            "--constraint", str(limits),
        ]  # fmt: skip
        target = f"{HERE.parent}[dev,docs,reference]"
        subprocess.run([sys.executable, "-m", "pip", "install", *options, target], check=True)
        return [item["metadata"] for item in json.loads(report.read_text())["install"]]


def lock_text(versions: dict[str, str]) -> str:
    """Write the lock as a requirements file."""
    lines = []
    for name, version in sorted(versions.items()):
        marker = f" ; {MARKERS[name]}" if name in MARKERS else ""
        lines.append(f"{name}=={version}{marker}\n")
    return HEADER + "".join(lines)


def pins(text: str) -> dict[str, str]:
    """Read the versions of a lock, by name."""
    lines = [line.split(";")[0].strip() for line in text.splitlines() if "==" in line]
    return dict(line.split("==") for line in lines)


def environment_text(versions: dict[str, str], names: Collection[str]) -> str:
    """Write a conda environment with the pins of the given packages."""
    packages = "".join(f"      - {name}=={versions[name]}\n" for name in sorted(names))
    return (
        f"{HEADER}channels:\n  - conda-forge\ndependencies:\n  - python=3.11\n  - pip\n"
        f"  - pip:\n{packages}"
    )


def write(versions: dict[str, str]) -> None:
    """Write the lock and the environments."""
    LOCK.write_text(lock_text(versions))
    (HERE / "training.yaml").write_text(environment_text(versions, TRAINING))
    data = set(versions) - set(REFERENCE_DEV_AND_DOCS) - {"torch"}
    (HERE / "data.yaml").write_text(environment_text(versions, data))


if __name__ == "__main__":
    write(resolve())
