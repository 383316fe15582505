"""The figures of a study: what each shows, and the runs or datasets that it asks for.

Who draws a figure is a name of `figures.drawings.DRAWINGS`, so that planning needs no matplotlib.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from crystal_transfer.experiments.figure import Figure
from crystal_transfer.experiments.selections import (
    Grid,
    Selection,
    among,
    beside_other_works,
    largest_samples,
    of,
    only,
    pretrain_sizes,
    property_numbers,
    sources,
    with_its_scratch,
    with_pretrainings,
    with_sources,
)
from crystal_transfer.protocols import Protocol, SeenInTest
from crystal_transfer.results.metrics import FEWEST_TRIALS

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
