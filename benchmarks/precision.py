"""What bf16 does to the error of a trained model: the same trainings in fp32 and in bf16.

    python benchmarks/precision.py --data ph.json.gz
    python benchmarks/precision.py --quick

Three trials of n = 200 with the full network, on graphs by shells, one thread each, as many at once
as there are cores; tested on crystals outside of the samples. The last line is the mean ratio of
the scaled MAEs, bf16 to fp32.
"""

import multiprocessing
import statistics
import tempfile
from pathlib import Path

from common import arguments, table_of
from whole_run import Case, prepare, whole_run

from crystal_transfer.training.settings import Precision

COMPARED = (Precision.FP32, Precision.BF16)


def main() -> None:
    options = arguments(__doc__)
    size, epochs, trials = (24, 4, 1) if options.quick else (200, 100, 3)
    cases = [
        Case("alignn", "shell", True, precision, trial)
        for trial in range(1, trials + 1)
        for precision in COMPARED
    ]
    folder = Path(tempfile.mkdtemp(prefix="crystal-transfer-"))
    prepare(table_of(options.data, 2000), folder, cases)
    jobs = [(case, folder, size, epochs, 1) for case in cases]
    with multiprocessing.get_context("spawn").Pool(options.threads, maxtasksperchild=1) as pool:
        outcomes = dict(zip(cases, pool.starmap(whole_run, jobs, chunksize=1), strict=True))
    print(f"n = {size}, batch 16, {epochs} epochs")
    for case, found in outcomes.items():
        print(
            f"trial {case.trial}  {case.precision}  R2 {found.metrics['r2']:.4f}  "
            f"scaled MAE {found.metrics['mae_scaled']:.4f}"
        )
    errors = [
        [found.metrics["mae_scaled"] for case, found in outcomes.items() if case.precision == p]
        for p in COMPARED
    ]
    print(f"ratio {statistics.mean(b / a for a, b in zip(*errors, strict=True)):.3f}")


if __name__ == "__main__":
    main()
