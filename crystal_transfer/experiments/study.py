"""A study: a checked config and all that follows from it."""

from dataclasses import dataclass
from pathlib import Path

from crystal_transfer.datasets.registry import registry
from crystal_transfer.experiments.catalogue import (
    DatasetFigure,
    RunFigure,
    comparison,
    dataset_figures,
    run_figures,
)
from crystal_transfer.experiments.config import check, check_schema, rows_of
from crystal_transfer.experiments.grid import all_runs, experiments
from crystal_transfer.experiments.runs import Run

PUBLISHED = "resources/published_results.csv"


@dataclass(frozen=True)
class Study:
    """What a workflow needs to know.

    Attributes
    ----------
    datasets
        Code -> entry, see `datasets.registry`.
    protocol
        The chosen protocol's switches.
    grid
        Experiment -> its runs, without pre-trainings.
    runs
        Every run by id.
    properties
        Datasets that are merged for multi-property pre-training; empty if no run needs them.
    run_figures, dataset_figures
        Every figure by name that the grid can show.
    """

    datasets: dict[str, dict]
    protocol: dict[str, str]
    grid: dict[str, list[Run]]
    runs: dict[str, Run]
    properties: list[str]
    run_figures: dict[str, RunFigure]
    dataset_figures: dict[str, DatasetFigure]

    @property
    def used_datasets(self) -> list[str]:
        """Codes of the datasets that some run is trained on, in order of first use."""
        trained = (code for run in self.runs.values() for code in run.properties or [run.dataset])
        return list(dict.fromkeys(trained))

    @property
    def tested_datasets(self) -> list[str]:
        """Codes of the datasets that some run other than a pre-training is tested on."""
        tested = (run.dataset for members in self.grid.values() for run in members)
        return list(dict.fromkeys(tested))


def load_study(config: dict, root: str | Path) -> Study:
    """Check a config and expand it.

    Parameters
    ----------
    config
        As Snakemake merged it.
    root
        The project's folder, which has `resources/` and `workflow/schemas/`.

    Raises
    ------
    InputError
        If the config is wrong, with the key and the remedy.
    """
    root = Path(root)
    check_schema(config, root / "workflow/schemas/config.schema.yaml")
    datasets = registry(root / "resources/datasets.yaml", config.get("datasets", {}))
    check(config, datasets)
    grid = experiments(config, rows_of(datasets))
    protocol = config["protocols"][config["protocol"]]
    runs = all_runs(grid)
    merged = any(run.properties for run in runs.values())
    return Study(
        datasets,
        protocol,
        grid,
        runs,
        config["properties"] if merged else [],
        run_figures(grid) | comparison(grid, str(root / PUBLISHED)),
        dataset_figures(grid),
    )
