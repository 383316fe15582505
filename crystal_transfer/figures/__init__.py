"""Figures: tidy table in, matplotlib figure and the data behind it out.

Every drawing function takes the table of runs (`results.tables.runs_table`, with the `folder`
of each run) and the registry entries of the datasets, and returns `(figure, data)`.

formats
    writing a figure in all its formats.
style
    fonts, colours and marks that all figures share.
heatmaps, sizes, parity, curves, datasets
    the drawings.
"""
