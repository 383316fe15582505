"""Models.

alignn
    the ALIGNN network in plain PyTorch, written to be read beside the paper's equations.
kernels
    the few operations that take the time: plain, and fused for the CPU.
reference
    alignn's own implementation on DGL behind the same interface.
strategies
    what fine-tuning may change.
checkpoints
    weights from and to files, published checkpoints included.
"""
