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
structures
    one structure file: CIF, POSCAR or xyz, told from its name or content.
cif, poscar, xyz, agreement
    the three formats; each is read by two libraries, which must agree.
cif_tags, cif_symmetry, cif_word
    the raw words of a CIF; the symmetry that it names; what else it says of its crystal.
materials_project
    structures from the Materials Project's web interface.
file
    a user's own data in any of these layouts.
emt
    alloys whose properties are computed here, for the demo.
"""
