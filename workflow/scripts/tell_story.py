"""Rule story: what the study found, for the first page of its report."""

import base64
from pathlib import Path

import pandas as pd

from crystal_transfer.console import logged
from crystal_transfer.files import write_text
from crystal_transfer.protocols import protocol_of
from crystal_transfer.results.story import page, warnings_of
from crystal_transfer.results.tables import read_cells

with logged(snakemake.log[0]):
    params = snakemake.params
    tables = [read_cells(path) for path in snakemake.input.cells]
    cells = pd.concat(tables, ignore_index=True).drop_duplicates(ignore_index=True)
    experiments = [
        (name, kind, len(table))
        for (name, kind), table in zip(params.experiments.items(), tables, strict=True)
    ]
    pictures = [Path(path).read_bytes() for path in snakemake.input.picture]
    picture = base64.b64encode(pictures[0]).decode() if pictures else ""
    warnings = warnings_of(cells, protocol_of(params.switches), params.imposed)
    write_text(snakemake.output[0], page(experiments, cells, params.protocol, warnings, picture))
