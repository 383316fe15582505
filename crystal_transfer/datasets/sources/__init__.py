"""Readers: each turns what a source gives into `Record`s.

tables
    matminer and pandas JSON: a table with a structure and a property per row.
jarvis
    JARVIS and ALIGNN JSON: a list with an `atoms` dict per row.
layouts
    layouts of JSON that say the same in other words.
folder
    `id_prop.csv` beside structure files.
extxyz, xyz_comment
    extended xyz with many structures, a property in the second line of each.
unlabelled
    structures to predict, without a property.
structures, cif_symmetry
    one structure file, CIF, POSCAR or xyz, read by two libraries; the symmetry that a CIF names.
text
    files of text and JSON, plain or packed.
materials_project
    structures from the Materials Project's web interface.
file
    a user's own data in any of these layouts.
emt
    alloys whose properties are computed here, for the demo.
"""
