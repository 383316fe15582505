"""Rule story: what the study found, for the first page of its report."""

import base64
from pathlib import Path

from crystal_transfer.console import logged
from crystal_transfer.files import write_text
from crystal_transfer.protocols import protocol_of
from crystal_transfer.results.story import page, warnings_of
from crystal_transfer.results.tables import cells, read_runs

with logged(snakemake.log[0]):
    params = snakemake.params
    experiments = [
        (name, kind, len(cells(read_runs([path]))))
        for (name, kind), path in zip(params.experiments.items(), snakemake.input.runs, strict=True)
    ]
    runs = read_runs(snakemake.input.runs)
    pictures = [Path(path).read_bytes() for path in snakemake.input.picture]
    picture = base64.b64encode(pictures[0]).decode() if pictures else ""
    warnings = warnings_of(cells(runs), protocol_of(params.switches), params.own_tests)
    write_text(snakemake.output[0], page(experiments, runs, params.protocol, warnings, picture))
