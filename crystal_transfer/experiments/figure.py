"""A figure of a study: the experiments it is about, the runs it shows and the files it reads."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from crystal_transfer.experiments.selections import Grid, Selection
from crystal_transfer.protocols import SeenInTest
from crystal_transfer.runs import Run


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes
    ----------
    title
        For the report.
    experiments
        Names of experiments without which there is nothing to show, with their kinds.
    runs
        Grid of a study -> runs that it shows; None for a figure of datasets.
    run_files
        Which files of each run it reads: names of `results.layout.RunFiles`.
    dataset_files
        Which files of each dataset it reads: names of `results.layout.DatasetFiles`.
    reads_labels, reads_published
        Whether it reads the merged labels of all datasets, or the published cells.
    has_baselines
        Whether models without a graph network are shown beside the runs, where the study has any.
    options
        Grid of a study -> further arguments of the drawing.
    seen_in_test
        Shown where the protocol says this of PT crystals that are tested on; None: in every study.
    has_palette
        Whether it is a figure of the paper, drawn in the study's palette.
    drawing
        Who draws it, a name of `figures.drawings.DRAWINGS`; empty for the figure's own name.
    caption
        Name of its caption in workflow/report, where several figures share one.
    """

    title: str
    experiments: Mapping[str, str] = field(default_factory=dict)
    runs: Callable[[Grid], list[Run]] | None = None
    run_files: tuple[str, ...] = ("metrics",)
    dataset_files: tuple[str, ...] = ()
    reads_labels: bool = False
    reads_published: bool = False
    has_baselines: bool = False
    options: Callable[[Grid], dict[str, Any]] = lambda grid: {}
    seen_in_test: SeenInTest | None = None
    has_palette: bool = False
    drawing: str = ""
    caption: str = ""

    def whole_experiments(self, grid: Grid) -> list[str]:
        """Return the experiments that it shows whole, from their tables; none if it shows less.

        A job that reads a table has one input where one that reads metrics has thousands, and
        Snakemake looks at each input of each job.
        """
        selection = self.runs
        if not isinstance(selection, Selection) or not selection.is_whole:
            return []
        if self.run_files != ("metrics",):
            return []
        return [name for name in selection.experiments if grid.get(name)]
