"""Datasets: one property with its crystals, from its source to targets a model can learn.

registry
    what is known of each dataset: source, column, unit, file, checksum.
download
    verified files from the network or from a mirror folder.
sources, read
    readers, each of which yields `Record`s, whatever the format; the one for a dataset.
text, csv_rows
    files of text and JSON, plain or packed; small tables that people write.
records
    what a source gives as a record, or why it cannot be read.
crystals
    the table of crystals that everything later reads.
geometry
    positions of atoms and their images, distances of nearest neighbours.
cells
    one choice of cell for every crystal.
cleaning
    records in, crystals and rejected rows out.
splits, sampling, scaling, imposed
    the fixed test set, the samples of a trial, the scaled targets; those that others published.
symmetry
    the crystal system of every crystal.
overlap
    crystals of one dataset that also occur in another's test set.
fingerprints, cumulative, labels
    all datasets as one, crystal by crystal, for multi-property pre-training.
"""
