"""Models.

alignn
    the ALIGNN network in plain PyTorch, written to be read beside the paper's equations.
kernels
    the few operations that take the time, each beside a plain reference.
reference
    alignn's own implementation on DGL behind the same interface.
strategies
    what fine-tuning may change.
checkpoints
    weights from and to files, published checkpoints included.
"""
