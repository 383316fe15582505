"""Pack what a GPU machine needs that reaches no other: graphs, source and wheels.

    python benchmarks/gpu_pack.py
    make gpu

The folder results/gpu then holds graph stores of real crystals (PH, FE and BG), or of alloys where
there are none, the source, and the wheels of packages without compiled parts. What to run there is
printed. The check and the benchmark need PyTorch, NumPy and Triton; the tests need pytest's, which
are packed, and hypothesis, Numba, SciPy and Matplotlib, which are not. Real crystals are looked for
where the tests look for them: in ../shared/data/real, or where CRYSTAL_TRANSFER_REAL_DATA says.
"""

import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from common import store_of, table_of

from crystal_transfer.graphs.store import write
from crystal_transfer.protocols import Neighbours

ROOT = Path(__file__).parents[1]
REAL = Path(os.environ.get("CRYSTAL_TRANSFER_REAL_DATA", ROOT.parent / "shared" / "data" / "real"))
FOLDER = ROOT / "results" / "gpu"
SOURCE = [
    "crystal_transfer", "benchmarks", "tests", "resources", "config", "config.yaml",
    "pyproject.toml",
]  # fmt: skip
LEFT_OUT = ["__pycache__", "downloads"]
LOCK = ROOT / "envs" / "requirements.lock"
# what the tests import and machines with PyTorch may lack, none of it compiled
WHEELS = [
    "ase", "jarvis-tools", "xmltodict", "pytest", "pluggy", "iniconfig", "pygments", "filelock",
    "tqdm", "requests",
]  # fmt: skip
CRYSTALS = {"ph": 900, "fe": 400, "bg": 300}
ALLOYS = 200
LIMIT = 64 * 2**20  # bytes: what machines that are lent take

COMMANDS = """
Copy {folder} to the machine, and there, in the folder:

    tar xzf source.tar.gz
    export PYTHONPATH=.
    python benchmarks/gpu_check.py --graphs graphs/{first} --batch 16 | tee check.txt
    python benchmarks/gpu_step.py --graphs graphs/{first} --batch 16 64 | tee step.txt
    python -m pip install --no-deps --no-index wheels/*.whl
    python -m pytest tests/test_steps.py tests/test_fused.py
    PYTORCH_NO_CUDA_MEMORY_CACHING=1 compute-sanitizer --tool memcheck \\
        python benchmarks/gpu_check.py --graphs graphs/{first} --batch 4 correct"""
LARGE = "    python benchmarks/gpu_check.py --graphs graphs/{name} --batch {batch} {parts}"


def pack_graphs(name: str, data: str | None, n: int) -> None:
    """Build the graphs of n crystals, as alignn builds them, one atom of each class."""
    write(store_of(table_of(data, n), Neighbours.ALIGNN, True), FOLDER / "graphs" / name)


def pack_source() -> None:
    """Write the source into one file."""
    with tarfile.open(FOLDER / "source.tar.gz", "w:gz") as archive:
        for name in SOURCE:
            archive.add(ROOT / name, name, filter=unless_made)


def unless_made(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Leave out compiled modules and downloads."""
    return None if Path(member.name).name in LEFT_OUT else member


def pack_wheels() -> None:
    """Download the wheels of the versions in the lock."""
    pinned = dict(re.findall(r"^([\w-]+)==(\S+)", LOCK.read_text(), re.M))
    wanted = [f"{name}=={pinned[name]}" for name in WHEELS]
    pip = [sys.executable, "-m", "pip", "download", "-qq", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "--no-deps", "--only-binary=:all:", "--dest", FOLDER / "wheels", *wanted], check=True
    )
    compiled = [path.name for path in (FOLDER / "wheels").iterdir() if "-none-any" not in path.name]
    if compiled:
        sys.exit(f"{', '.join(compiled)}: for this machine only; take them out of WHEELS")


def check_size() -> None:
    """Say how large the folder is, and stop if it is too large."""
    size = sum(file.stat().st_size for file in FOLDER.rglob("*") if file.is_file())
    print(f"{FOLDER.relative_to(ROOT)}: {size / 2**20:.1f} MiB")
    if size > LIMIT:
        sys.exit(f"more than {LIMIT / 2**20:.0f} MiB: take fewer crystals in {__file__}")


def main() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    real = {name: n for name, n in CRYSTALS.items() if (REAL / f"{name}.json.gz").is_file()}
    for name, n in real.items():
        pack_graphs(name, str(REAL / f"{name}.json.gz"), n)
    if not real:
        pack_graphs("alloys", None, ALLOYS)
    pack_source()
    pack_wheels()
    check_size()
    print(COMMANDS.format(folder=FOLDER.relative_to(ROOT), first=next(iter(real), "alloys")))
    for name, batch, parts in [("fe", 64, "correct time profile"), ("bg", 16, "time tune")]:
        if name in real:
            print(LARGE.format(name=name, batch=batch, parts=parts))


if __name__ == "__main__":
    main()
