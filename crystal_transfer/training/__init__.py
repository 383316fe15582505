"""One run: from the files of a dataset to weights, metrics and predictions.

run
    what a run reads, does and writes, from top to bottom.
loop
    the training loop and its optimiser; resumable, reproducible to the last bit.
steps
    loss and gradients of a batch: kernel by kernel, or replayed at once on a GPU.
prediction
    what a model predicts, once or after every epoch.
replay
    CUDA graphs.
interruption
    SIGTERM as a request to save and stop.
tasks
    the targets a run learns and what it is tested on.
memory
    reuse of large blocks on the CPU.
metrics
    R2 and errors, scaled and in physical units.
"""
