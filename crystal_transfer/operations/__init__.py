"""A study at work: before it runs, while it runs, on a cluster.

cost
    time, memory and disk of runs, before they have run.
plan
    trainings per experiment, runs per figure.
progress
    what is done, running, failed and left.
outdated
    tables and figures that have outlived the runs they show.
usage
    what jobs asked for, and what they used.
claim, slurm
    one Snakemake per study at a time; the jobs that one has in SLURM's queue.
"""
