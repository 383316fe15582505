"""The figures of a study: what each shows and which runs it needs."""

from collections.abc import Callable
from dataclasses import dataclass

from crystal_transfer.experiments.runs import Run

Grid = dict[str, list[Run]]


@dataclass(frozen=True)
class FigureOfRuns:
    """A figure made from the results of runs.

    Attributes
    ----------
    runs
        Grid of a study -> runs that the figure shows.
    draw
        ``module:function`` in `crystal_transfer.figures`; named, not imported, so that the
        Snakefile stays light.
    experiments
        Experiments without which there is nothing to show.
    title
        For the report.
    details
        Whether it reads predictions and histories too, not metrics alone.
    caption
        Name of its caption in workflow/report, where several figures share one; else its own name.
    """

    runs: Callable[[Grid], list[Run]]
    draw: str
    experiments: tuple[str, ...]
    title: str
    details: bool = False
    caption: str = ""


def _scratch(grid: Grid) -> list[Run]:
    return grid["scratch"]


def _scratch_and_pairs(grid: Grid) -> list[Run]:
    return grid["scratch"] + grid["pairwise"]


def largest_size(runs: list[Run]) -> list[Run]:
    """Keep the runs with the largest sample of all."""
    size = max(run.size for run in runs)
    return [run for run in runs if run.size == size]


def _largest_size_of_both(grid: Grid) -> list[Run]:
    return largest_size(grid["scratch"]) + largest_size(grid["pairwise"])


def _largest_size_first_trial(grid: Grid) -> list[Run]:
    runs = _largest_size_of_both(grid)
    trial = min(run.trial for run in runs)
    return [run for run in runs if run.trial == trial]


BOTH = ("scratch", "pairwise")

FIGURES = {
    "fig4a_r2_by_size": FigureOfRuns(
        _scratch_and_pairs, "sizes:r2_by_size", BOTH, "R2 against FT size"
    ),
    "fig4b_mae_by_size": FigureOfRuns(
        _scratch_and_pairs, "sizes:mae_by_size", BOTH, "MAE against FT size"
    ),
    "fig6a_scratch_heatmap": FigureOfRuns(
        _scratch, "heatmaps:scratch", ("scratch",), "Scratch, dataset against size"
    ),
    "fig6b_pairwise_heatmap": FigureOfRuns(
        _largest_size_of_both, "heatmaps:pairwise", BOTH, "Pair-wise transfer, PT against FT"
    ),
    "parity": FigureOfRuns(
        _largest_size_first_trial, "parity:parity", BOTH, "Prediction against target", True
    ),
    "learning_curves": FigureOfRuns(
        _largest_size_first_trial, "curves:learning_curves", BOTH, "Validation error by epoch", True
    ),
}


def pairwise_heatmaps(grid: Grid) -> dict[str, FigureOfRuns]:
    """Give a pair-wise heatmap for every FT size but the largest, which is Fig. 6b."""

    def of_size(size: int) -> Callable[[Grid], list[Run]]:
        return lambda grid: [run for run in _scratch_and_pairs(grid) if run.size == size]

    sizes = sorted({run.size for run in grid["pairwise"]})[:-1]
    return {
        f"pairwise_heatmap_n{size}": FigureOfRuns(
            of_size(size),
            "heatmaps:pairwise",
            BOTH,
            f"Pair-wise transfer, n = {size}",
            caption="pairwise_heatmap",
        )
        for size in sizes
    }


def figures_of(grid: Grid) -> dict[str, FigureOfRuns]:
    """Keep the figures whose experiments are in the grid and not empty."""
    found = {
        name: figure
        for name, figure in FIGURES.items()
        if all(grid.get(experiment) for experiment in figure.experiments)
    }
    return found | (pairwise_heatmaps(grid) if all(map(grid.get, BOTH)) else {})
