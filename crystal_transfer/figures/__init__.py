"""Figures: tables in, a matplotlib figure and the numbers behind it out.

A drawing takes what `inputs` reads for it and the datasets (code -> `units.Quantity`), and returns
the figure and a table of what it shows.

drawings
    who draws which figure.
inputs
    files of runs and datasets, read by what they are.
formats, fitting
    writing a figure in all its formats; labels broken where they are longer than their axes.
style, palettes, axes, legends, labels, rows
    what figures share: fonts, colours and panels, axes, legends, words, and which rows are drawn.
cells, chance, changes, circular, curves, datasets, equivalent, heatmaps, hyperparameters, leakage
    the drawings;
multi, parity, pooled, publication, published_gain, sizes, transfer_gains, unseen
    more of them.
contrast
    studies beside each other, for the command of that name.
paper
    the figures of the paper, as the paper draws them.
"""
