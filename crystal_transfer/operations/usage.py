"""What jobs asked for beside what they used, from the records that Snakemake keeps of them."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

# Snakemake looks at a job every 30 s at last: what it did after the last look is not in its record
FEWEST_SECONDS = 300


def records(files: Iterable[str | Path]) -> pd.DataFrame:
    """Read benchmark records of jobs, one row per job.

    Parameters
    ----------
    files
        JSON lines as the `benchmark` directive of Snakemake writes them with
        --benchmark-extended; records without that are left out. The last line of a file counts:
        earlier ones are of repetitions.

    Returns
    -------
    Columns rule, asked_minutes, used_minutes, asked_mb, used_mb, threads, used_cores (mean; too low
    by a tenth at most, NaN for jobs below `FEWEST_SECONDS`). What was not measured is NaN.
    """
    rows = []
    for path in files:
        record = _last_record(Path(path))
        if record is None:
            continue
        asked = record["resources"]
        rows.append(
            {
                "rule": record.get("rule_name", ""),
                "asked_minutes": asked.get("runtime"),
                "used_minutes": _ratio(record["s"], 60),
                "asked_mb": asked.get("mem_mb"),
                "used_mb": record.get("max_rss"),
                "threads": record.get("threads"),
                "used_cores": _cores(record.get("cpu_time"), record["s"]),
            }
        )
    columns = [
        "rule", "asked_minutes", "used_minutes", "asked_mb", "used_mb", "threads", "used_cores",
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=columns)
    numbers = table.columns.drop("rule")
    return table.assign(**table[numbers].apply(pd.to_numeric, errors="coerce"))


def _last_record(path: Path) -> dict[str, Any] | None:
    """Read the last line of a record; None where it is damaged or says nothing of resources."""
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8").splitlines()[-1])
        return record if "resources" in record and "s" in record else None
    except (OSError, IndexError, ValueError, TypeError) as error:
        print(f"warning: {path} is no record of a job and left out ({error})")
        return None


def _ratio(part: Any, whole: Any) -> float | None:
    numbers = isinstance(part, int | float) and isinstance(whole, int | float)
    return part / whole if numbers and whole else None


def _cores(used: Any, seconds: Any) -> float | None:
    cores = _ratio(used, seconds)
    return cores if cores is not None and seconds >= FEWEST_SECONDS else None


def by_rule(jobs: pd.DataFrame) -> pd.DataFrame:
    """Compare what the jobs of each rule asked for with what they used.

    Parameters
    ----------
    jobs
        See `records`.

    Returns
    -------
    One row per rule: jobs; asked_minutes and asked_mb, the medians; used_minutes and used_mb, the
    medians, and the largest of any job; closest_minutes and closest_mb, the largest share that a
    job used of what it asked for; threads; used_cores, the mean.
    """
    jobs = jobs.assign(
        closest_minutes=jobs["used_minutes"] / jobs["asked_minutes"],
        closest_mb=jobs["used_mb"] / jobs["asked_mb"],
    )
    return (
        jobs.groupby("rule", sort=False)
        .agg(
            jobs=("rule", "size"),
            asked_minutes=("asked_minutes", "median"),
            used_minutes=("used_minutes", "median"),
            most_minutes=("used_minutes", "max"),
            closest_minutes=("closest_minutes", "max"),
            asked_mb=("asked_mb", "median"),
            used_mb=("used_mb", "median"),
            most_mb=("used_mb", "max"),
            closest_mb=("closest_mb", "max"),
            threads=("threads", "max"),
            used_cores=("used_cores", "mean"),
        )
        .round(3)
        .reset_index()
    )
