"""A study: from a config to runs, and to the figures that show them.

values, blocks, config
    the types of a config, the source of its schema: of values, of experiments, of the whole.
config_files
    files are read strictly and laid over the defaults.
checks
    what must fit together.
planner
    single runs, with the hyperparameters and the source that the config gives them.
kinds
    the kinds of experiments: each a function from a block of the config to runs.
selections, figure, catalogue
    which runs; what a figure is; the figures, each with what it shows.
throughput
    how fast jobs are, as measured.
study
    all of it together.
"""
