"""One run: from the files of a dataset to a model, metrics and predictions.

run
    a run from top to bottom.
paths, provenance
    the files that it reads and writes; what made it, as checksums.
device, start
    what it runs on; the network that it starts with.
settings
    what all runs of a study share.
criterion
    what is minimised.
tasks
    the targets a run learns and what it is tested on.
loop
    the training loop; resumable, reproducible to the last bit.
optimiser
    AdamW, without what PyTorch imports beside it.
steps, replay
    loss and gradients of a batch: kernel by kernel, or replayed at once on a GPU by CUDA graphs.
prediction, testing
    what a model predicts, once or after every epoch; of the test sets.
interruption
    SIGTERM as a request to save and stop; trainings that nobody waits for any more.
memory
    reuse of large blocks on the CPU.
"""
