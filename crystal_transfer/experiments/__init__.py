"""The grid: which runs exist, which runs a figure shows, and their results as tables.

runs
    the frozen description of one training.
grid
    from the config to all runs.
config
    what a config must fulfil beyond its schema.
catalogue
    the figures, the runs that each shows and the function that draws it.
tables
    metrics of many runs as one tidy table, means and confidence intervals.
"""
