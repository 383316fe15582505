"""Models without a graph network, on the same samples and test sets as the networks.

features
    what such a model sees of crystals: a table of numbers.
matminer_features, chgnet_features
    who computes them.
models
    the models.
run
    all of a dataset's sizes and trials, in the rows of a table of runs.
"""
