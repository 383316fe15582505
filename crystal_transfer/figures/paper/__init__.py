"""The figures of the paper, as the paper draws them.

A drawing function takes cells (`results.tables.cells`, or the published ones of
`results.publication.published_cells`) and the datasets (code -> label and unit), and returns a
matplotlib figure and the numbers in it. Those that show more than cells say what they take.
"""
