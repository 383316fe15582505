"""Crystal graphs: from structures to batches of tensors.

neighbours
    the k-nearest-neighbour bonds of a crystal, compiled; `alignn` when every edge must be
    the one alignn finds, `shell` when symmetry-equivalent neighbours must be kept together.
refinement
    the classes of equivalent atoms and bonds that make a graph smaller without changing
    what a model computes.
build, store
    all crystals of a dataset in one memory-mapped folder, built in parallel.
line_graph
    bond pairs and their angles, computed on the device when a run loads its crystals.
batches
    graphs of many crystals as one, assembled by indexing only.
padding
    batches filled up to a few sizes, for GPUs.
"""
