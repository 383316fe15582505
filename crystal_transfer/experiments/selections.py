"""Which runs of a grid a figure shows: a small language of selections.

`of("scratch", "pairwise").at_largest().first_trial()` is one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from crystal_transfer.results.literature import OWN
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
