"""Transfer learning for crystals: pre-train, fine-tune and compare graph networks.

Rooms, in the order in which data pass through them:

datasets
    sources, cleaning, scaling and splits: from a file to targets a model can learn.
graphs
    neighbour search, symmetry compression and the memory-mapped graph store.
baselines
    models without a graph network, on features of the composition and the structure.
models
    networks in PyTorch, strategies that say what fine-tuning may change, and the saved form.
training
    one run: loop, schedule, checkpoints, metrics.
prediction
    structures in, properties out, with a saved model.
results
    the layout of a study's folder, tables of many runs, the published numbers beside them.
experiments
    a study: its config, its runs, the figures it can show.
operations
    a study at work: what it costs, how far it is, who works on it.
figures
    tables in, matplotlib figures out.
bundles
    a model for one's own crystals: an ensemble with baselines, intervals and a report.
api
    all that a script for one's own crystals needs.
cli
    the command crystal-transfer.

What all of them use:

runs, variations, protocols
    the frozen description of one training, the name of what is unusual in it, and the switches of a
    protocol.
checked, file_names
    types that check what people write, and say what is wrong in one sentence; plain names of files.
metrics, units
    how good predictions are; how a quantity and its unit are written.
data
    files that belong to the package.
files, arrays, console, errors, species, processes
    whole files, dataclasses of arrays as files, logs of jobs, what a user is meant to read, names
    of the elements, which process is which.
"""

import os

# Threads of OpenMP wait for each other by spinning, and where other work runs on the machine they
# spin in the place of those that they wait for: a step in two threads then takes twice as long as
# in one (docs/performance.md). With fewer turns it takes no longer; alone, it loses some 4 %.
# Read by the library when PyTorch is first imported; whoever sets either variable decides.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")

__version__ = "0.1.0"
