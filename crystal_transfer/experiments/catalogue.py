"""The figures of a study: what each shows, and the runs or datasets that it asks for.

Who draws a figure is a name of `figures.DRAWINGS`, so that planning needs no matplotlib.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from crystal_transfer.protocols import Protocol, SeenInTest
from crystal_transfer.results.literature import OWN
from crystal_transfer.results.metrics import FEWEST_TRIALS
from crystal_transfer.results.sizes import largest_common
from crystal_transfer.runs import Run, RunKind

Grid = Mapping[str, list[Run]]


@dataclass(frozen=True)
class Selection:
    """Some runs of the named experiments, each once; an experiment that is left out has none.

    Attributes
    ----------
    experiments
        Names of experiments.
    size
        Keep runs of this FT size; None keeps all.
    largest
        Keep runs of the largest FT size that all datasets of all the experiments have; where they
        share none, of each dataset's largest.
    first
        Keep runs of the lowest trial that all the experiments have; where they share none, of the
        lowest.
    """

    experiments: tuple[str, ...]
    size: int | None = None
    largest: bool = False
    first: bool = False

    def at(self, size: int) -> "Selection":
        """Keep the runs of one FT size."""
        return replace(self, size=size)

    def at_largest(self) -> "Selection":
        """Keep the runs of the largest FT size that all datasets of all experiments have."""
        return replace(self, largest=True)

    def first_trial(self) -> "Selection":
        """Keep the runs of the lowest trial that all experiments have."""
        return replace(self, first=True)

    @property
    def is_whole(self) -> bool:
        """Whether all runs of the experiments are selected."""
        return self.size is None and not self.largest and not self.first

    def __call__(self, grid: Grid) -> list[Run]:
        """Return the selected runs of a grid."""
        members = [grid[name] for name in self.experiments if grid.get(name)]
        runs = list(dict.fromkeys(run for some in members for run in some))
        if self.size is not None:
            runs = [run for run in runs if run.size == self.size]
        if self.largest:
            size = largest_common(_sizes(members))
            runs = [run for run in runs if run.size == size[run.dataset]]
        if self.first and runs:
            kept = set(runs)
            trials = [{run.trial for run in some if run in kept} for some in members]
            trial = min(_shared([some for some in trials if some]))
            runs = [run for run in runs if run.trial == trial]
        return runs


def _sizes(members: Sequence[Sequence[Run]]) -> dict[str, set[int]]:
    """Return the FT sizes that a dataset has in every experiment it is in; without any, in some."""
    every: dict[str, list[set[int]]] = {}
    for some in members:
        here: dict[str, set[int]] = {}
        for run in some:
            here.setdefault(run.dataset, set()).add(run.size)
        for code, sizes in here.items():
            every.setdefault(code, []).append(sizes)
    return {code: _shared(sizes) for code, sizes in every.items()}


def _shared(sets: Sequence[set[int]]) -> set[int]:
    """Return what is in every set; where that is nothing, what is in any."""
    return set.intersection(*sets) or set.union(*sets)


def of(*experiments: str) -> Selection:
    """Select the runs of the named experiments."""
    return Selection(experiments)


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
        Who draws it, a name of `figures.DRAWINGS`; empty for the figure's own name.
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


# --- which runs ---------------------------------------------------------------------------------


def sources(selection: Selection) -> Callable[[Grid], list[Run]]:
    """Select the pre-trainings that runs start from, each once."""
    return lambda grid: list(
        dict.fromkeys(run.source for run in selection(grid) if run.source is not None)
    )


def with_its_scratch(name: str) -> Callable[[Grid], list[Run]]:
    """Select the runs of an experiment, and scratch of the same datasets, sizes and trials."""

    def chosen(grid: Grid) -> list[Run]:
        cells = {(run.dataset, run.size, run.trial) for run in grid[name]}
        scratch = [
            run for run in grid["scratch"] if (run.dataset, run.size, run.trial) in cells
        ]  # fmt: skip
        return scratch + grid[name]

    return chosen


def pretrain_sizes(size: int) -> Callable[[Grid], list[Run]]:
    """Select the study of PT sizes at one FT size: scratch, smaller pre-trainings, and its own."""

    def chosen(grid: Grid) -> list[Run]:
        codes = {run.source.dataset for run in grid["pretrain_size"] if run.source}
        smaller = [
            run for run in grid.get("pairwise", []) if run.source and run.source.dataset in codes
        ]
        best = grid.get("best_size", [])
        runs = [*grid["scratch"], *smaller, *grid["pretrain_size"], *best]
        return list(dict.fromkeys(run for run in runs if run.size == size))

    return chosen


def property_numbers(grid: Grid) -> list[Run]:
    """Select what lies between no property and all: scratch, one, several of them."""
    cells = {(run.dataset, run.size, run.trial) for run in grid["property_number"]}
    names = ("scratch", "pairwise", "property_number", "multi_property")
    return [run for run in of(*names)(grid) if (run.dataset, run.size, run.trial) in cells]


def largest_samples(grid: Grid) -> dict[str, Any]:
    """Return the largest FT size of every dataset, and the first trial that has it."""
    samples: dict[str, tuple[int, int]] = {}
    for run in (run for members in grid.values() for run in members):
        size, trial = samples.get(run.dataset, (0, 0))
        if (-run.size, run.trial) < (-size, trial):
            samples[run.dataset] = run.size, run.trial
    return {"samples": samples}


def among(selection: Selection, codes: tuple[str, ...]) -> Callable[[Grid], list[Run]]:
    """Keep runs that are fine-tuned to some datasets, where the study has any of these."""

    def chosen(grid: Grid) -> list[Run]:
        runs = selection(grid)
        return [run for run in runs if run.dataset in codes] or runs

    return chosen


def only(selection: Selection, code: str) -> Callable[[Grid], list[Run]]:
    """Keep runs that are fine-tuned to one dataset; none, and no figure, in a study without it."""
    return lambda grid: [run for run in selection(grid) if run.dataset == code]


def beside_other_works(selection: Selection) -> Callable[[Grid], list[Run]]:
    """Keep runs of the datasets and FT sizes for which other works have numbers."""
    cells = {(code, size) for _, code, size in OWN}
    return lambda grid: [run for run in selection(grid) if (run.dataset, run.size) in cells]


def with_pretrainings(selection: Selection) -> Callable[[Grid], list[Run]]:
    """Select runs, and the pre-trainings of the study that they start from; none without any."""

    def chosen(grid: Grid) -> list[Run]:
        origins = [run for run in sources(selection)(grid) if run.kind is RunKind.PRETRAIN]
        return [*selection(grid), *origins] if origins else []

    return chosen


def with_sources(selection: Selection) -> Callable[[Grid], list[Run]]:
    """Select runs, and the pre-trainings on several properties that they start from."""

    def chosen(grid: Grid) -> list[Run]:
        origins = sources(selection)(grid)
        return [*selection(grid), *(origin for origin in origins if origin.properties)]

    return chosen


# --- the figures --------------------------------------------------------------------------------

SCRATCH = {"scratch": "scratch"}
PAIRWISE = {"pairwise": "transfer"}
BOTH = SCRATCH | PAIRWISE
STRATEGIES = {"strategies": "transfer"}
MULTI = {"multi_property": "multi_property"}
NUMBER = {"property_number": "property_number"}
SIZES = {"pretrain_size": "transfer"}
COMPARED = of(
    "scratch", "pairwise", "pairwise_sizes", "pretrain_size", "best_size", "strategies",
    "learning_rate", "frozen_layers", "multi_property", "jarvis2d",
)  # fmt: skip
BOTH_LARGEST = of(*BOTH).at_largest()
# against FT size: with the pairs at sizes beyond those of `pairwise`, which may have fewer trials
BY_SIZE = of(*BOTH, "pairwise_sizes")

FIGURES = {
    "datasets": Figure("Datasets", dataset_files=("table",), run_files=()),
    "target_statistics": Figure(
        "Statistics of the targets", dataset_files=("table",), run_files=()
    ),
    "crystal_systems": Figure("Crystal systems", dataset_files=("symmetry",), run_files=()),
    "split_distributions": Figure(
        "Targets of samples and test sets", dataset_files=("table", "split"), run_files=(),
        options=largest_samples,
    ),
    "shared_crystals": Figure(
        "Crystals that datasets share", MULTI, reads_labels=True, run_files=()
    ),
    "r2_by_size": Figure("R2 against FT size", BOTH, BY_SIZE, has_baselines=True),
    "mae_by_size": Figure("MAE against FT size", BOTH, BY_SIZE, has_baselines=True),
    "r2_by_strategy": Figure("Strategies, R2", STRATEGIES, of("strategies", "proposed")),
    "mae_by_strategy": Figure("Strategies, MAE", STRATEGIES, of("strategies", "proposed")),
    "scratch_heatmap": Figure("Scratch, dataset against size", SCRATCH, of("scratch")),
    "pairwise_heatmap": Figure(
        "Pair-wise transfer, PT against FT", BOTH, BOTH_LARGEST, has_baselines=True,
        drawing="pairwise_heatmap",
    ),
    "multi_property_heatmap": Figure(
        "Multi-property transfer", MULTI, of("multi_property")
    ),
    "scratch_rates": Figure(
        "What the learning rate of scratch is worth", BOTH | {"scratch_rates": "scratch"},
        of("scratch", "scratch_rates", "pairwise", "pairwise_sizes"),
    ),
    "transfer_gain": Figure(
        "What transfer gains against each scratch", BOTH | {"scratch_rates": "scratch"},
        of("scratch", "scratch_rates", "scratch_epochs", "pairwise", "pairwise_sizes"),
    ),
    "published_gain": Figure(
        "The published gain, and that of the learning rate alone",
        SCRATCH | {"scratch_rates": "scratch"}, of("scratch", "scratch_rates"),
        reads_published=True,
    ),
    "scratch_epochs": Figure(
        "Transfer at an equal number of steps", BOTH | {"scratch_epochs": "scratch"},
        of("scratch", "scratch_epochs", "pairwise"),
    ),
    "unseen": Figure(
        "A dataset no choice was made on", {"jarvis2d": "unseen"}, of("jarvis2d")
    ),
    "margins_of_error": Figure("Margins of error", BOTH, BOTH_LARGEST),
    "margins_of_error_scratch": Figure("Margins of error, scratch", SCRATCH, of("scratch")),
    "equivalent_sizes": Figure("Crystals that scratch needs to match", BOTH, BY_SIZE),
    "multi_property_against_pairwise": Figure(
        "Multi-property against pair-wise transfer", BOTH | MULTI, of(*BOTH, *MULTI)
    ),
    "multi_property_curves": Figure(
        "Validation error of multi-property pre-training", MULTI, sources(of("multi_property")),
        ("metrics", "history"),
    ),
    "property_number": Figure(
        "Number of properties pre-trained on", BOTH | NUMBER | MULTI, property_numbers
    ),
    "strategies_by_size": Figure(
        "Strategies against FT size", STRATEGIES | SCRATCH, with_its_scratch("strategies")
    ),
    "sampling": Figure("Sampling", {"sampling": "transfer"}, of("sampling")),
    "learning_rate": Figure("Learning rate", {"learning_rate": "transfer"}, of("learning_rate")),
    "frozen_layers": Figure("Frozen layers", {"frozen_layers": "transfer"}, of("frozen_layers")),
    "parity": Figure(
        "Prediction against target", BOTH, BOTH_LARGEST.first_trial(), ("metrics", "predictions")
    ),
    "outliers": Figure("What one crystal does", BOTH, BOTH_LARGEST, ("metrics", "predictions")),
    "leakage": Figure(
        "Test crystals that pre-training has seen", BOTH,
        with_pretrainings(BOTH_LARGEST),
        ("metrics", "predictions", "description"), ("shared_tests",),
        seen_in_test=SeenInTest.KEPT,
    ),
    "learning_curves": Figure(
        "Validation error by epoch", BOTH, BOTH_LARGEST.first_trial(), ("metrics", "history")
    ),
    "comparison": Figure(
        "Side by side with the publication", runs=COMPARED, reads_published=True
    ),
}  # fmt: skip
FIG4 = ("FE", "DC", "BG")
LARGER = of("scratch", "pairwise", "pretrain_size", "best_size").at_largest()
ALL_BEST = of("scratch", "pairwise", "pretrain_size", "best_size", "multi_property").at_largest()
PAPER = {
    "fig1b": Figure(
        "Fig. 1b: targets of the datasets", dataset_files=("table", "scaler"), run_files=()
    ),
    "fig4a": Figure("Fig. 4a: scratch", SCRATCH, among(of("scratch"), FIG4)),
    "fig4b": Figure(
        "Fig. 4b: pair-wise transfer", PAIRWISE, among(of("pairwise", "pairwise_sizes"), FIG4)
    ),
    "fig5a": Figure("Fig. 5a: PT size, FE", SCRATCH | SIZES, LARGER),
    "fig5b": Figure("Fig. 5b: PT size, BG", SCRATCH | SIZES, LARGER),
    "fig5c": Figure("Fig. 5c: strategies, R2", STRATEGIES, of("strategies").at_largest()),
    "fig5d": Figure("Fig. 5d: strategies, MAE", STRATEGIES, of("strategies").at_largest()),
    "fig6a": Figure("Fig. 6a: scratch", SCRATCH, of("scratch").at_largest()),
    "fig6b": Figure("Fig. 6b: pair-wise transfer", PAIRWISE, of("pairwise").at_largest()),
    "fig6c": Figure("Fig. 6c: multi-property transfer", BOTH | MULTI, ALL_BEST),
    "table1": Figure(
        "Table 1: a dataset no choice was made on", {"jarvis2d": "unseen"}, of("jarvis2d")
    ),
    "figS13": Figure(
        "Fig. S13: validation R2", {"learning_rate": "transfer"}, of("learning_rate"),
        ("metrics", "history"),
    ),
    "figS14": Figure(
        "Fig. S14: loss by number of properties", NUMBER,
        with_sources(of("property_number", "multi_property").at_largest()), ("metrics", "history"),
    ),
    "figS15a": Figure("Fig. S15a: PT size, PZ", SCRATCH | SIZES, only(LARGER, "PZ")),
    "figS15b": Figure(
        "Fig. S15b: multi-property transfer, PZ", BOTH | MULTI, only(ALL_BEST, "PZ")
    ),
    "tableS18": Figure("Table S18: changes of every pair", BOTH, BY_SIZE),
    "figS19": Figure("Fig. S19: fewer crystals", BOTH, BY_SIZE),
    "figS21": Figure(
        "Table S21: beside other works", PAIRWISE,
        beside_other_works(of("pairwise", "multi_property")),
    ),
}  # fmt: skip
# those for which the published cells suffice, see `figures.paper.published`
PUBLISHED_FIGURES = [name for name in PAPER if name not in ("fig1b", "figS13", "figS14")]


def by_size(grid: Grid) -> dict[str, Figure]:
    """Return the figures that exist once for every FT size."""
    found = {}
    for size in sorted({run.size for run in of("pairwise", "pairwise_sizes")(grid)}):
        here = BY_SIZE.at(size)
        if here(grid) == BOTH_LARGEST(grid):
            continue
        for drawing, title in (
            ("pairwise_heatmap", "Pair-wise transfer"), ("margins_of_error", "Margins of error"),
        ):  # fmt: skip
            found[f"{drawing}_n{size}"] = Figure(
                f"{title}, n = {size}", BOTH, here, has_baselines=drawing == "pairwise_heatmap",
                drawing=drawing, caption=drawing,
            )  # fmt: skip
    sizes = sorted({run.size for run in grid.get("pretrain_size", [])})
    needed = SCRATCH | {"pretrain_size": "transfer"}
    for size in sizes[:-1]:
        found[f"pretrain_size_n{size}"] = Figure(
            f"PT size, n = {size}", needed, pretrain_sizes(size), drawing="pretrain_size",
            caption="pretrain_size",
        )  # fmt: skip
    for size in sizes[-1:]:
        for name, title in (
            ("r2_change_by_pretrain_size", "Change of R2 by PT size"),
            ("mae_change_by_pretrain_size", "Change of MAE by PT size"),
        ):
            found[name] = Figure(title, needed, pretrain_sizes(size))
    return found


def by_trials(grid: Grid) -> dict[str, Figure]:
    """Return the figures of several trials, if some cell has enough of them."""
    trials = Counter(replace(run, trial=1) for run in grid.get("pairwise", []))
    if max(trials.values(), default=0) < FEWEST_TRIALS:
        return {}
    return {
        "chance": Figure("Which gains hold against chance", BOTH, of(*BOTH)),
        "ensembles": Figure(
            "Trials averaged", BOTH, BOTH_LARGEST, ("metrics", "predictions")
        ),
    }  # fmt: skip


def of_experiment(name: str) -> Figure:
    """Return the figure of an experiment's cells."""
    title = name.replace("_", " ").capitalize()
    return Figure(title, runs=of(name), drawing="cells", caption="cells")


def is_shown(name: str, figures: Mapping[str, Figure]) -> bool:
    """Tell whether one of the figures is about an experiment; `comparison` is about all."""
    return any(
        name in figure.experiments
        or (isinstance(figure.runs, Selection) and name in figure.runs.experiments)
        for key, figure in figures.items()
        if key != "comparison"
    )


def figures_of(grid: Grid, kinds: Mapping[str, str], protocol: Protocol) -> dict[str, Figure]:
    """Return the figures that a study can show: those whose experiments it has.

    An experiment that none of them is about gets a figure of its own.

    Parameters
    ----------
    grid
        Experiment -> its runs.
    kinds
        Experiment -> its kind.
    protocol
        Of the study.
    """
    paper = {name: replace(figure, has_palette=True) for name, figure in PAPER.items()}
    every = paper | FIGURES | by_size(grid) | by_trials(grid)
    planned = {
        name: replace(
            figure, drawing=figure.drawing or name, caption=figure.caption or name
        )
        for name, figure in every.items()
        if grid
        and all(kinds.get(needed) == kind for needed, kind in figure.experiments.items())
        and (figure.runs is None or figure.runs(grid))
        and figure.seen_in_test in (None, protocol.seen_in_test)
    }  # fmt: skip
    own = [name for name in grid if not is_shown(name, planned)]
    return planned | {f"experiment_{name}": of_experiment(name) for name in own}
