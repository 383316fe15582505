"""Datasets: one property with its crystals, from its source to targets a model can learn.

registry
    what is known of each dataset: source, column, unit, file, checksum.
download
    verified files from the network or from a mirror folder.
sources
    readers; each gives `Record`s, whatever the format.
records
    what a source gives as a record, or why it cannot be read.
crystals
    the table of crystals that everything later reads.
geometry
    positions of atoms and their images, distances of nearest neighbours.
cleaning
    records in, crystals and rejected rows out.
splits, scaling
    the fixed test set, the samples of a trial, the scaled targets.
overlap
    crystals of one dataset that also occur in another's test set.
"""
