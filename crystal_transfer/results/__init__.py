"""What a study leaves: where it lies, as tables, and beside the publication.

layout
    every path below a study's folder.
metrics
    the metrics by name: label, unit, which direction is better.
tables
    metrics of many runs as tidy tables.
gains, rates
    what transfer gains against scratch; what another learning rate of scratch gains alone.
leakage, trials, equivalent
    errors on crystals that pre-training has seen; trials averaged, and one crystal left out; how
    many crystals one way of training needs for the error of another.
publication
    the published cells, and ours beside them.
contrast
    studies beside each other, run by run.
select
    which cells a figure or a claim of the paper is about.
claims, literature
    the paper's claims, counted from cells; numbers of other works that it quotes.
sizes
    the FT size at which datasets stand beside each other.
markdown
    tables as text for documentation.
story
    the first page of a report.
"""
