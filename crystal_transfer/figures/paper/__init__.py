"""The figures of the paper, as the paper draws them.

A drawing function takes cells (`results.tables.cells`, or the published ones of
`results.publication.published_cells`) and the datasets (code -> label and unit), and returns a
matplotlib figure and the numbers in it. Those that show more than cells say what they take.

published
    all of them, drawn from the published cells.
triangles, bars, circles
    figures 4 and 6a and b; 5a and b, 6c; 5c and d.
violins, histories
    figures 1b; S13 and S14.
tables, literature, fewer
    tables 1 and S18; S21, beside other works; figure S19.
"""
