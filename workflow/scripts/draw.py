"""A rule per figure: files of runs or datasets in, pictures and the numbers behind them out."""

from crystal_transfer.console import logged
from crystal_transfer.figures.drawings import DRAWINGS
from crystal_transfer.figures.formats import save
from crystal_transfer.figures.inputs import read
from crystal_transfer.units import Quantity

with logged(snakemake.log[0]):
    params = snakemake.params
    datasets = {code: Quantity(**content) for code, content in params.datasets.items()}
    arguments = read(dict(snakemake.input.items()), list(datasets))
    figure, numbers = DRAWINGS[params.drawing](**arguments, datasets=datasets, **params.options)
    save(figure, numbers, snakemake.output)
