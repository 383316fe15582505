"""Which room may use which: no import runs upward, and none in a circle."""

import ast
import re
from itertools import pairwise
from pathlib import Path

import pytest
from conftest import ROOT

PACKAGE = "crystal_transfer"
# from the ground up; rooms of one line know nothing of each other
FLOORS = [
    {"errors", "species", "protocols", "processes", "variations", "metrics", "units"},
    {"runs", "file_names"},
    {"files", "console", "data"},
    {"checked", "arrays"},
    {"datasets"},
    {"graphs", "baselines"},
    {"models"},
    {"training"},
    {"prediction"},
    {"results"},
    {"experiments"},
    {"operations", "figures"},
    {"bundles"},
    {"api", "cli"},
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


def modules() -> dict[str, Path]:
    found = {}
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(part for part in parts if part != "__init__")] = path
    return found


def imports(path: Path) -> set[str]:
    """All names of modules in imports, and in strings that look like them."""
    known = modules()
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found |= {node.value} & known.keys()
    return {name for name in found if name in known}


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else "cli"


EDGES = [(name, other) for name, path in modules().items() for other in imports(path)]


def test_every_room_has_a_floor():
    assert {room(name) for name in modules()} == FLOOR.keys()


def test_no_import_runs_upward():
    upward = [
        (name, other)
        for name, other in EDGES
        if other != PACKAGE and room(name) != room(other)
        and FLOOR[room(other)] >= FLOOR[room(name)]
    ]  # fmt: skip
    assert upward == []


def test_no_circle():
    later = {name: set() for name in modules()}
    for name, other in EDGES:
        # a package's __init__ may name its own modules
        if not other.startswith(f"{name}."):
            later[name].add(other)
    done: set[str] = set()
    while ready := [name for name in later.keys() - done if later[name] <= done | {name, PACKAGE}]:
        done |= set(ready)
    assert later.keys() - done == set()


def test_nothing_is_imported_by_name_but_kernels():
    users = [
        name for name, path in modules().items()
        if any(word in path.read_text() for word in ("import_module", "__import__"))
    ]  # fmt: skip
    assert users == ["crystal_transfer.models.kernels"]


@pytest.mark.parametrize("name", ["snakemake", "jarvis", "matminer", "pymatgen", "matplotlib"])
def test_planning_needs_none_of(name):
    """The Snakefile is read by every job of a cluster."""
    import subprocess
    import sys

    rules = (ROOT / "rules/common.smk").read_text()
    imports = re.findall(rf"^from {PACKAGE}.*$", rules, re.MULTILINE)
    assert len(imports) > 5
    script = "\n".join([
        f"import sys; sys.modules['{name}'] = sys.modules['torch'] = None",
        *imports,
        "assert len(load_study(with_defaults({})).runs) > 3000",
    ])  # fmt: skip
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)


def test_lists_of_contents_are_whole():
    """The docstring of a package that has modules lists them, and nothing else."""
    for path in (ROOT / PACKAGE).rglob("__init__.py"):
        text = ast.get_docstring(ast.parse(path.read_text())) or ""
        # a line of names stands above what they are, which is indented
        listed = {
            name.strip() for line, below in pairwise(re.split(r"\n-+\n", text)[0].splitlines())
            if line[:1].strip() and below.startswith("    ") for name in line.split(",")
        }  # fmt: skip
        inside = {p.stem for p in path.parent.glob("*.py")} - {"__init__", "__main__"}
        inside |= {p.parent.name for p in path.parent.glob("*/__init__.py")}
        assert listed == inside, f"{path}: not listed, or not there: {sorted(inside ^ listed)}"
