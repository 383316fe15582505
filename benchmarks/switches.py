"""What each switch of a protocol does: one study per switch, and all of them beside `clean`.

    python benchmarks/switches.py
    python benchmarks/switches.py --quick        # says what it would run

Runs config/switches.yaml once per protocol, each with the experiments that its switch concerns, and
compares them run by run (`crystal-transfer contrast`). A study that is there is not run again.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from crystal_transfer.results.layout import Layout

CONFIG = "config/switches.yaml"
RESULTS = Path("results/switches")
SINGLE = ["scratch", "pairwise", "frozen"]
MULTI = ["multi_property"]
# protocol -> the experiments that its switch can change
EXPERIMENTS = {
    "clean": [*SINGLE, *MULTI],
    "scaling": [*SINGLE, *MULTI],
    "tested_epoch": [*SINGLE, *MULTI],
    "frozen_norms": ["frozen"],
    "neighbours": [*SINGLE, *MULTI],
    "seen_in_test": [*SINGLE, *MULTI],
    "equals_in_pool": [*SINGLE, *MULTI],
    "loss": MULTI,
    "scratch_rate": ["scratch"],
    "training_seed": [*SINGLE, *MULTI],
    "multi_epoch": MULTI,
    "multi_training": MULTI,
    "multi_graphs": MULTI,
    "multi_test_labels": MULTI,
    "absent_labels": MULTI,
}


def command(protocol: str, options: list[str]) -> list[str]:
    """Return the command that runs the study of a protocol, with further options."""
    layout = Layout(str(RESULTS / protocol))
    targets = [layout.table(name, "runs") for name in EXPERIMENTS[protocol]]
    if protocol == "seen_in_test":
        targets.append(layout.figure("leakage"))
    return [
        sys.executable, "-m", "snakemake", "--profile", "local", "--configfile", CONFIG,
        "--config", f"protocol={protocol}", f"results={layout.root}", *options, "--", *targets,
    ]  # fmt: skip


def main() -> None:
    """Run all studies, and compare them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="plan the studies, run none")
    quick = parser.parse_args().quick
    for protocol in EXPERIMENTS:
        print(f"--- {protocol}", flush=True)
        subprocess.run(command(protocol, ["-n", "--quiet"] if quick else []), check=True)
    if not quick:
        others = [str(RESULTS / protocol) for protocol in EXPERIMENTS]
        contrast = [sys.executable, "-m", "crystal_transfer.cli", "contrast", others[0], *others]
        subprocess.run([*contrast, "-o", str(RESULTS)], check=True)


if __name__ == "__main__":
    main()
