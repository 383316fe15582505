"""Snakemake that asks SLURM for the states of its jobs every second.

The plugin lengthens its interval by 10 s after each round in which no job ended (1, 11, 21, ...
180 s) and has no option against that. Jobs are not touched by this.
"""

import sys

from snakemake.cli import main
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor

RemoteExecutor.next_seconds_between_status_checks = property(
    lambda self: 1.0, lambda self, value: None
)
sys.argv[0] = "snakemake"
main()
