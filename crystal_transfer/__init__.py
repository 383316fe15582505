"""Transfer learning for crystals: pre-train, fine-tune and compare ALIGNN models.

Rooms, in the order in which data pass through them:

datasets
    sources, cleaning, scaling and splits: from a file to targets a model can learn.
graphs
    neighbour search, symmetry compression and the memory-mapped graph store.
models
    ALIGNN in plain PyTorch and the strategies that say what fine-tuning may change.
training
    one run: loop, schedule, checkpoints, metrics.
experiments
    the grid: which runs exist, which runs a figure shows.
figures
    tidy table in, matplotlib figure out.
"""

__version__ = "0.1.0"
