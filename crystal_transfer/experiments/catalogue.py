"""The figures of a study: what each shows, which runs or files it needs and who draws it.

Drawing functions are named ``module:function`` of `crystal_transfer.figures`, not imported, so
that the Snakefile stays light.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from crystal_transfer.experiments.runs import Run

Grid = dict[str, list[Run]]


@dataclass(frozen=True)
class RunFigure:
    """A figure made from the results of runs.

    Attributes
    ----------
    title
        For the report.
    draw
        Who draws it.
    runs
        Grid of a study -> runs that the figure shows.
    experiments
        Experiments without which there is nothing to show.
    details
        Files of each run that it reads beside the metrics.
    caption
        Name of its caption in workflow/report, where several figures share one; else its own name.
    options
        Further arguments of the drawing function.
    """

    title: str
    draw: str
    runs: Callable[[Grid], list[Run]]
    experiments: tuple[str, ...]
    details: tuple[str, ...] = ()
    caption: str = ""
    options: dict = field(default_factory=dict)


@dataclass(frozen=True)
class DatasetFigure:
    """A figure made from the files of datasets.

    Attributes
    ----------
    title, draw, experiments, caption
        As in `RunFigure`.
    files
        Name -> path below the results; with ``{dataset}`` one per dataset.
    options
        Grid of a study -> further arguments of the drawing function.
    """

    title: str
    draw: str
    files: dict[str, str]
    experiments: tuple[str, ...] = ()
    options: Callable[[Grid], dict] = lambda grid: {}
    caption: str = ""


# --- which runs ---------------------------------------------------------------------------------


def of(*names: str) -> Callable[[Grid], list[Run]]:
    """Give all runs of the named experiments, each once; one that is left out has none."""
    return lambda grid: list(dict.fromkeys(run for name in names for run in grid.get(name, [])))


def largest_size(runs: list[Run]) -> list[Run]:
    """Keep the runs with the largest sample of all."""
    size = max(run.size for run in runs)
    return [run for run in runs if run.size == size]


def at(size: int, *names: str) -> Callable[[Grid], list[Run]]:
    """Give the runs of the named experiments with one FT size."""
    return lambda grid: [run for run in of(*names)(grid) if run.size == size]


def at_largest(*names: str) -> Callable[[Grid], list[Run]]:
    """Give the runs of each named experiment at its largest FT size."""
    return lambda grid: [run for name in names for run in largest_size(grid[name])]


def first_trial(runs: Callable[[Grid], list[Run]]) -> Callable[[Grid], list[Run]]:
    """Keep the runs of the first trial."""

    def chosen(grid: Grid) -> list[Run]:
        found = runs(grid)
        trial = min(run.trial for run in found)
        return [run for run in found if run.trial == trial]

    return chosen


def sources(runs: Callable[[Grid], list[Run]]) -> Callable[[Grid], list[Run]]:
    """Give the pre-trainings that runs start from, each once."""
    return lambda grid: list(dict.fromkeys(run.source for run in runs(grid)))


def with_its_scratch(name: str) -> Callable[[Grid], list[Run]]:
    """Give the runs of an experiment, and scratch of the same datasets, sizes and trials."""

    def chosen(grid: Grid) -> list[Run]:
        cells = {(run.dataset, run.size, run.trial) for run in grid[name]}
        scratch = [
            run for run in grid["scratch"] if (run.dataset, run.size, run.trial) in cells
        ]  # fmt: skip
        return scratch + grid[name]

    return chosen


def pretrain_sizes(size: int) -> Callable[[Grid], list[Run]]:
    """Give the study of PT sizes at one FT size: scratch, smaller pre-trainings, and its own."""

    def chosen(grid: Grid) -> list[Run]:
        codes = {run.source.dataset for run in grid["pretrain_size"]}
        smaller = [run for run in grid.get("pairwise", []) if run.source.dataset in codes]
        best = grid.get("best_size", [])
        runs = [*grid["scratch"], *smaller, *grid["pretrain_size"], *best]
        return list(dict.fromkeys(run for run in runs if run.size == size))

    return chosen


def property_numbers(grid: Grid) -> list[Run]:
    """Give what lies between no property and all: scratch, one, several of them."""
    cells = {(run.dataset, run.size, run.trial) for run in grid["property_number"]}
    names = ("scratch", "pairwise", "property_number", "multi_property")
    return [run for run in of(*names)(grid) if (run.dataset, run.size, run.trial) in cells]


def largest_samples(grid: Grid) -> dict:
    """Give the largest FT size and first trial of every dataset."""
    samples: dict[str, tuple[int, int]] = {}
    for run in (run for members in grid.values() for run in members):
        size, trial = samples.get(run.dataset, (0, run.trial))
        samples[run.dataset] = max(size, run.size), min(trial, run.trial)
    return {"samples": samples}


# --- the figures --------------------------------------------------------------------------------

BOTH = ("scratch", "pairwise")
COMPARED = (
    "scratch", "pairwise", "pretrain_size", "best_size", "strategies", "learning_rate",
    "frozen_layers", "multi_property", "jarvis2d",
)  # fmt: skip
CRYSTALS = "datasets/{dataset}/crystals.npz"

RUN_FIGURES = {
    "fig4a_r2_by_size": RunFigure("R2 against FT size", "sizes:r2_by_size", of(*BOTH), BOTH),
    "fig4b_mae_by_size": RunFigure("MAE against FT size", "sizes:mae_by_size", of(*BOTH), BOTH),
    "fig5c_r2_by_strategy": RunFigure(
        "Strategies, R2", "circular:r2_by_strategy", of("strategies", "proposed"), ("strategies",)
    ),
    "fig5d_mae_by_strategy": RunFigure(
        "Strategies, MAE", "circular:mae_by_strategy", of("strategies", "proposed"), ("strategies",)
    ),
    "fig6a_scratch_heatmap": RunFigure(
        "Scratch, dataset against size", "heatmaps:scratch", of("scratch"), ("scratch",)
    ),
    "fig6b_pairwise_heatmap": RunFigure(
        "Pair-wise transfer, PT against FT", "heatmaps:pairwise", at_largest(*BOTH), BOTH
    ),
    "fig6c_multi_property_heatmap": RunFigure(
        "Multi-property transfer", "heatmaps:multi_property", of("multi_property"),
        ("multi_property",),
    ),
    "table1_jarvis2d": RunFigure(
        "A dataset no choice was made on", "unseen:table", of("jarvis2d"), ("jarvis2d",)
    ),
    "margins_of_error": RunFigure(
        "Margins of error", "heatmaps:margins", at_largest(*BOTH), BOTH
    ),
    "margins_of_error_scratch": RunFigure(
        "Margins of error, scratch", "heatmaps:scratch_margins", of("scratch"), ("scratch",)
    ),
    "equivalent_sizes": RunFigure(
        "Crystals that scratch needs to match", "equivalent:equivalent_sizes", of(*BOTH), BOTH
    ),
    "multi_property_against_pairwise": RunFigure(
        "Multi-property against pair-wise transfer", "multi:against_pairwise",
        of(*BOTH, "multi_property"), (*BOTH, "multi_property"),
    ),
    "multi_property_curves": RunFigure(
        "Validation error of multi-property pre-training", "curves:multi_property_curves",
        sources(of("multi_property")), ("multi_property",), ("history.csv",),
    ),
    "property_number": RunFigure(
        "Number of properties pre-trained on", "multi:property_number", property_numbers,
        (*BOTH, "property_number", "multi_property"),
    ),
    "strategies_by_size": RunFigure(
        "Strategies against FT size", "hyperparameters:strategies_by_size",
        with_its_scratch("strategies"), ("strategies", "scratch"),
    ),
    "sampling": RunFigure(
        "Sampling", "hyperparameters:samplings", of("sampling"), ("sampling",)
    ),
    "learning_rate": RunFigure(
        "Learning rate", "hyperparameters:learning_rates", of("learning_rate"), ("learning_rate",)
    ),
    "frozen_layers": RunFigure(
        "Frozen layers", "hyperparameters:frozen_layers", of("frozen_layers"), ("frozen_layers",)
    ),
    "parity": RunFigure(
        "Prediction against target", "parity:parity", first_trial(at_largest(*BOTH)), BOTH,
        ("predictions.csv",),
    ),
    "learning_curves": RunFigure(
        "Validation error by epoch", "curves:learning_curves", first_trial(at_largest(*BOTH)),
        BOTH, ("history.csv",),
    ),
}  # fmt: skip

DATASET_FIGURES = {
    "fig1b_datasets": DatasetFigure("Datasets", "datasets:overview", {"crystals": CRYSTALS}),
    "target_statistics": DatasetFigure(
        "Statistics of the targets", "datasets:target_statistics", {"crystals": CRYSTALS}
    ),
    "crystal_systems": DatasetFigure(
        "Crystal systems", "datasets:crystal_systems",
        {"systems": "datasets/{dataset}/symmetry.csv"},
    ),
    "split_distributions": DatasetFigure(
        "Targets of samples and test sets", "datasets:split_distributions",
        {"crystals": CRYSTALS, "splits": "datasets/{dataset}/split.json"},
        options=largest_samples,
    ),
    "shared_crystals": DatasetFigure(
        "Crystals that datasets share", "datasets:shared_crystals",
        {"labels": "cumulative/labels.npz"}, ("multi_property",),
    ),
}  # fmt: skip


def by_size(grid: Grid) -> dict[str, RunFigure]:
    """Give the figures that exist once for every FT size."""
    found = {}
    for size in sorted({run.size for run in grid.get("pairwise", [])})[:-1]:
        found[f"pairwise_heatmap_n{size}"] = RunFigure(
            f"Pair-wise transfer, n = {size}", "heatmaps:pairwise", at(size, *BOTH), BOTH,
            caption="pairwise_heatmap",
        )  # fmt: skip
        found[f"margins_of_error_n{size}"] = RunFigure(
            f"Margins of error, n = {size}", "heatmaps:margins", at(size, *BOTH), BOTH,
            caption="margins_of_error",
        )  # fmt: skip
    sizes = sorted({run.size for run in grid.get("pretrain_size", [])})
    needed = ("scratch", "pretrain_size")
    for size in sizes[:-1]:
        found[f"pretrain_size_n{size}"] = RunFigure(
            f"PT size, n = {size}", "changes:both_changes", pretrain_sizes(size), needed,
            caption="pretrain_size",
        )  # fmt: skip
    for size in sizes[-1:]:
        found["fig5a_r2_change_by_pretrain_size"] = RunFigure(
            "Change of R2 by PT size", "changes:r2_change", pretrain_sizes(size), needed
        )
        found["fig5b_mae_change_by_pretrain_size"] = RunFigure(
            "Change of MAE by PT size", "changes:mae_change", pretrain_sizes(size), needed
        )
    return found


def run_figures(grid: Grid) -> dict[str, RunFigure]:
    """Give the figures of runs whose experiments are in the grid and not empty."""
    return _possible(RUN_FIGURES | by_size(grid), grid)


def dataset_figures(grid: Grid) -> dict[str, DatasetFigure]:
    """Give the figures of datasets whose experiments are in the grid and not empty."""
    return _possible(DATASET_FIGURES, grid)


def comparison(grid: Grid, published: str) -> dict[str, RunFigure]:
    """Give the figure of a study beside the publication.

    Parameters
    ----------
    grid
        The study's.
    published
        Path of resources/published_results.csv.
    """
    figure = RunFigure(
        "Side by side with the publication", "publication:comparison", of(*COMPARED), (),
        options={"published_results": published},
    )  # fmt: skip
    return {"comparison": figure} if figure.runs(grid) else {}


def _possible(figures: dict, grid: Grid) -> dict:
    return {
        name: figure
        for name, figure in figures.items()
        if all(map(grid.get, figure.experiments))
    }  # fmt: skip
