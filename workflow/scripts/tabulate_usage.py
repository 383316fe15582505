"""Rule usage: time and memory that jobs asked for, beside what they used."""

from pathlib import Path

from crystal_transfer.console import logged
from crystal_transfer.files import write_text
from crystal_transfer.operations.usage import by_rule, records

with logged(snakemake.log[0]):
    jobs = records(sorted(Path(snakemake.params.records).rglob("*.jsonl")))
    write_text(snakemake.output[0], by_rule(jobs).to_csv(index=False))
