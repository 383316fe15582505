"""Dry run: the whole study against a bare workflow with as many jobs, interleaved.

    python benchmarks/dag.py
    python benchmarks/dag.py --quick

The bare one has rules of the same shape and nothing in them: what Snakemake itself needs. The last
line is its time divided by ours.
"""

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml
from common import arguments
from timing import ratio, side_by_side

ROOT = Path(__file__).parents[1]
BARE = """
N = {jobs}
rule all:
    input: expand("out/{{i}}.a", i=range(N))
rule train:
    input: "data.txt"
    output: expand("out/{{{{i}}}}.{{x}}", x=list("abcde"))
    log: "log/{{i}}.log"
    benchmark: "bench/{{i}}.jsonl"
    resources: mem_mb=lambda wildcards, attempt: attempt * 1000, runtime=10
    params: run=lambda wildcards: dict(id=wildcards.i)
    shell: "true"
"""
PART = ("scratch",)  # experiments of the quick benchmark


def dry_run(folder: Path, *arguments: str) -> str:
    """Plan a workflow; give what Snakemake prints."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    command = [sys.executable, "-m", "snakemake", "-n", "--quiet", "reason", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def main() -> None:
    options = arguments(__doc__)
    # results elsewhere: nothing of the study is done yet, whatever lies in results/
    folder = Path(tempfile.mkdtemp(prefix="crystal-transfer-"))
    changes = {"results": str(folder / "results")}
    if options.quick:
        every = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))["experiments"]
        changes["experiments"] = {name: every[name] for name in PART}
    (folder / "changes.yaml").write_text(yaml.safe_dump(changes), encoding="utf-8")
    ours = ["--configfile", str(folder / "changes.yaml")]
    jobs = int(dry_run(ROOT, *ours).split("total")[1].split()[0])
    (folder / "data.txt").touch()
    (folder / "Snakefile").write_text(BARE.format(jobs=jobs))
    contestants = {
        "bare": lambda: dry_run(folder),
        "the study": lambda: dry_run(ROOT, *ours),
    }
    times = side_by_side(contestants, seconds=0, least=1 if options.quick else 5)
    for name, values in times.items():
        print(f"{name:10s} {sorted(values)[len(values) // 2]:6.1f} s for {jobs} jobs")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"largest process: {peak:.0f} MB")
    print(f"ratio {ratio(times, 'bare', 'the study'):.2f}")


if __name__ == "__main__":
    main()
