"""A study: a checked config and all that follows from it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from crystal_transfer import data
from crystal_transfer.datasets.registry import Dataset, registry
from crystal_transfer.errors import InputError
from crystal_transfer.experiments.catalogue import COMPARED, figures_of
from crystal_transfer.experiments.checks import check, check_baselines, check_grid
from crystal_transfer.experiments.config import Config, parse
from crystal_transfer.experiments.config_files import over_defaults, read_config
from crystal_transfer.experiments.figure import Figure
from crystal_transfer.experiments.kinds import runs_of
from crystal_transfer.experiments.planner import Planner
from crystal_transfer.experiments.selections import Grid
from crystal_transfer.experiments.throughput import Throughput, read_throughput
from crystal_transfer.files import digest_of
from crystal_transfer.protocols import BondRule, MultiGraphs, Protocol, SeenInTest, bond_rule
from crystal_transfer.results.layout import DatasetFiles, Layout, RunFiles
from crystal_transfer.runs import Run, RunKind
from crystal_transfer.training.settings import Settings
from crystal_transfer.units import Quantity


@dataclass(frozen=True)
class Study:
    """What a workflow needs to know.

    Attributes
    ----------
    config
        The checked config.
    datasets
        All known datasets by code.
    grid
        Experiment -> its runs, without pre-trainings.
    runs
        Every run by id.
    figures
        Every figure by name that the grid can show.
    layout
        Where its files are.
    throughput
        How fast its jobs are expected to be.
    """

    config: Config
    datasets: Mapping[str, Dataset]
    grid: Grid
    runs: Mapping[str, Run]
    figures: Mapping[str, Figure]
    layout: Layout
    throughput: Throughput

    @property
    def protocol(self) -> Protocol:
        """The chosen protocol's switches."""
        return self.config.switches

    @property
    def merged_bond_rule(self) -> BondRule:
        """How the bonds of all datasets together are found."""
        doubled = self.protocol.multi_graphs is MultiGraphs.DOUBLED
        return bond_rule(self.protocol.neighbours, doubled)

    @property
    def test_fraction(self) -> float:
        """Share of each dataset that is only tested on."""
        return self.config.split.test_fraction

    @cached_property
    def properties(self) -> list[str]:
        """Datasets that are merged for multi-property pre-training; empty if no run needs them."""
        merged = any(run.properties for run in self.runs.values())
        return self.config.properties if merged else []

    @cached_property
    def used_datasets(self) -> list[str]:
        """Codes of the datasets that some run is trained on, in order of first use."""
        trained = (code for run in self.runs.values() for code in run.properties or [run.dataset])
        return list(dict.fromkeys(trained))

    @cached_property
    def tested_datasets(self) -> list[str]:
        """Codes of the datasets that some run other than a pre-training is tested on."""
        tested = (run.dataset for members in self.grid.values() for run in members)
        baselines = (code for block in self.config.baselines.values() for code in block.datasets)
        return list(dict.fromkeys([*tested, *baselines]))

    @cached_property
    def finetuned_datasets(self) -> list[str]:
        """Codes of the datasets that some run is fine-tuned to from a pre-training of the study."""
        found = (
            run.dataset
            for members in self.grid.values()
            for run in members
            if run.source is not None and run.source.kind is not RunKind.CHECKPOINT
        )
        return list(dict.fromkeys(found))

    def largest_sample(self, code: str) -> int:
        """Return how many crystals the largest sample of a dataset has; 0 without any."""
        sizes = [run.size for members in self.grid.values() for run in members
                 if run.dataset == code]  # fmt: skip
        sizes += [size for block in self.config.baselines.values() for other, size in block.samples
                  if other == code]  # fmt: skip
        return max(sizes, default=0)

    def run(self, id: str) -> Run:
        """Return a run by its id.

        Raises
        ------
        InputError
            If the study has no such run.
        """
        if id not in self.runs:
            raise InputError(
                f"{id}: not a run of this study; its runs are those of the config key experiments."
            )
        return self.runs[id]

    def settings(self, run: Run) -> Settings:
        """Return what a run shares with all others."""
        training = self.config.training
        return Settings(
            seed=self.config.seed,
            tested_epoch=(
                self.protocol.multi_epoch if run.properties else self.protocol.tested_epoch
            ),
            frozen_norms=self.protocol.frozen_norms,
            training_seed=self.protocol.training_seed,
            multi_test_labels=self.protocol.multi_test_labels,
            bond_rule=self.bond_rule(run).value,
            device=training.device,
            precision=training.precision,
            record_steps=training.record_steps,
            threads=training.threads,
            data=self.data(run),
            sizes=self.config.model.sizes_of(run.network),
        )

    def entry(self, code: str) -> dict[str, Any]:
        """Return what decides how a dataset is read, but its files."""
        unread = {"label", "unit", "rows", "atoms", "reference"}
        return self.datasets[code].model_dump(mode="json", exclude=unread)

    @cached_property
    def _entries(self) -> dict[str, str]:
        return {code: _checksum(self.entry(code)) for code in self.datasets}

    @cached_property
    def _data_choices(self) -> str:
        """What decides the data of all runs alike, the protocol's part included."""
        chosen = self.protocol
        return _checksum(
            self.config.split.model_dump(), self.config.imposed.model_dump(), chosen.scaling,
            chosen.equals_in_pool, self.config.graphs.compress,
        )  # fmt: skip

    def data(self, run: Run) -> str:
        """Return a checksum of what the config says on the data that a run is made from.

        Its files are made anew, and it is trained again, where that changes.
        """
        codes = run.properties or (run.dataset,)
        # with the unit, which is in the model and in the file of its scale
        units = [self.datasets[code].unit for code in codes]
        parts = [self._data_choices, units, *(self._entries[code] for code in codes)]
        if run.is_pretraining and self.protocol.seen_in_test is SeenInTest.REMOVED:
            parts += ["without", *(self._entries[code] for code in self.finetuned_datasets)]
        if run.source is not None:
            source = run.source
            from_file = source.kind is RunKind.CHECKPOINT
            parts += ["from", self.weights(source) if from_file else self.data(source)]
        return _checksum(parts)

    def bond_rule(self, run: Run) -> BondRule:
        """Return the rule by which the bonds of a run's crystals are found."""
        if run.properties or (run.source and run.source.properties):
            return self.merged_bond_rule
        return bond_rule(self.protocol.neighbours, doubled=False)

    def graphs(self, run: Run) -> str:
        """Return the graphs that a run reads."""
        if run.properties:
            return self.layout.merged.graphs
        return self.layout.graphs(run.dataset, self.bond_rule(run).value)

    def files(self, run: Run) -> RunFiles:
        """Return the files that a run writes."""
        return self.layout.run(run.id)

    def inputs(self, run: Run) -> dict[str, Any]:
        """Return the files that a run reads, by the names of `training.paths.Inputs`."""
        if run.properties:
            return {"labels": self.layout.merged.labels, "graphs": self.graphs(run)}
        files = self.layout.dataset(run.dataset)
        found: dict[str, Any] = {
            "table": files.table, "split": files.split, "scaler": files.scaler,
            "graphs": self.graphs(run),
        }  # fmt: skip
        if run.kind is RunKind.PRETRAIN:
            found |= {"excluded": excluded} if (excluded := self.excluded([run.dataset])) else {}
        if run.source is not None:
            found["weights"] = self.weights(run.source)
        return found

    def weights(self, source: Run) -> str:
        """Return the file of weights that a fine-tuning starts from."""
        if source.kind is RunKind.CHECKPOINT:
            return self.config.checkpoints[source.dataset]
        return self.files(source).model

    def bundle_options(self, name: str) -> dict[str, Any]:
        """Return what decides a model that stands alone: `bundles.plan.Options` but the device."""
        block = self.config.bundles[name]
        dataset = self.datasets[block.dataset]
        chosen = block.model_dump(mode="json", exclude={"kind", "dataset"})
        return chosen | {
            "target": dataset.label or block.dataset,
            "unit": dataset.unit,
            "strategy": block.strategy or "",
            "epochs": block.epochs or 0,
            "seed": self.config.seed,
        }

    @property
    def published(self) -> str:
        """The published cells, as seen from here: a project that is moved is not out of date."""
        path, here = data.PUBLISHED, Path.cwd()
        return str(path.relative_to(here) if path.is_relative_to(here) else path)

    @property
    def compared(self) -> list[str]:
        """The experiments that the publication has too; else all, which it then has none of."""
        return [name for name in self.grid if name in COMPARED.experiments] or list(self.grid)

    def excluded(self, codes: Iterable[str]) -> list[str]:
        """Return the lists of crystals not to pre-train on, if the protocol removes them."""
        if self.protocol.seen_in_test is SeenInTest.KEPT:
            return []
        return [self.layout.dataset(code).seen_in_test for code in codes]

    def other_tests(self, code: str) -> list[DatasetFiles]:
        """Return the files of the datasets that are fine-tuned to, but this one."""
        return [self.layout.dataset(other) for other in self.finetuned_datasets if other != code]

    def other_datasets(self, code: str) -> list[str]:
        """Return the codes of all datasets that are used, but this one."""
        return [other for other in self.used_datasets if other != code]

    def metrics(self, runs: Iterable[Run]) -> list[str]:
        """Return the metrics of runs."""
        return [self.files(run).metrics for run in runs]

    def figure_inputs(self, name: str) -> dict[str, list[str]]:
        """Return the files that a figure is drawn from, by what they are."""
        figure = self.figures[name]
        if whole := figure.whole_experiments(self.grid):
            found = {"tables": [self.layout.table(experiment, "runs") for experiment in whole]}
        else:
            runs = figure.runs(self.grid) if figure.runs else []
            found = {
                kind: [getattr(self.files(run), kind) for run in runs] for kind in figure.run_files
            }
        for kind in figure.dataset_files:
            found[kind] = [getattr(self.layout.dataset(code), kind) for code in self.used_datasets]
        if figure.reads_labels:
            found["labels"] = [self.layout.merged.labels]
        if figure.has_baselines and self.config.baselines:
            found["baselines"] = [self.layout.table(name, "runs") for name in self.config.baselines]
        if figure.reads_published:
            found["published"] = [self.published]
        return found

    @cached_property
    def quantities(self) -> dict[str, Quantity]:
        """Label and unit of every used dataset's property."""
        known = {code: self.datasets[code] for code in self.used_datasets}
        return {code: Quantity(entry.label, entry.unit) for code, entry in known.items()}

    def figure_options(self, name: str) -> dict[str, Any]:
        """Return the further arguments of a figure's drawing."""
        figure = self.figures[name]
        options = figure.options(self.grid)
        return options | ({"palette": self.config.figures.palette} if figure.has_palette else {})

    def imposed(self, key: str) -> list[str]:
        """Return the file of an imposed split, if the config names one."""
        path = getattr(self.config.imposed, key)
        return [path] if path else []


def load_study(content: Mapping[str, Any]) -> Study:
    """Check a config and expand it.

    Parameters
    ----------
    content
        All keys, defaults included; see `with_defaults`.

    Raises
    ------
    InputError
        If the config is wrong, with the key and the remedy.
    """
    config = parse(content)
    datasets = registry(data.DATASETS, config.datasets)
    check(config, datasets)
    planner = Planner(config, datasets)
    grid = {name: runs_of(planner, block) for name, block in config.grid.items()}
    check_grid(grid)
    check_baselines(config.baselines, grid)
    return Study(
        config=config,
        datasets=datasets,
        grid=grid,
        runs=all_runs(grid),
        figures=figures_of(
            grid, {name: block.kind for name, block in config.grid.items()}, config.switches
        ),
        layout=Layout(config.results),
        throughput=read_throughput(data.THROUGHPUT, config.training.device),
    )


def with_defaults(own: Mapping[str, Any]) -> dict[str, Any]:
    """Return a study's own config over the defaults, those of config.yaml."""
    return over_defaults(read_config(data.CONFIG), own)


def all_runs(grid: Grid) -> dict[str, Run]:
    """Return every run by id, each once, with the pre-trainings they start from."""
    runs: dict[str, Run] = {}
    for run in (run for members in grid.values() for run in members):
        if run.source is not None and run.source.kind is not RunKind.CHECKPOINT:
            runs[run.source.id] = run.source
        runs[run.id] = run
    return runs


def _checksum(*parts: Any) -> str:
    return digest_of(parts)[:16]
