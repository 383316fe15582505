"""One run: from the files of a dataset to weights, metrics and predictions.

run
    what a run reads, does and writes, from top to bottom.
loop
    the training loop and its optimiser; resumable, reproducible to the last bit.
interruption
    SIGTERM as a request to save and stop.
tasks
    the targets a run learns and what it is tested on.
memory
    reuse of large blocks on the CPU.
metrics
    R2 and errors, scaled and in physical units.
"""
