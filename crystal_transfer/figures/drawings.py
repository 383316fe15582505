"""Who draws which figure: names as in `experiments.catalogue`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from crystal_transfer.figures import (
    cells,
    chance,
    changes,
    circular,
    curves,
    datasets,
    equivalent,
    heatmaps,
    hyperparameters,
    leakage,
    multi,
    parity,
    pooled,
    publication,
    published_gain,
    sizes,
    transfer_gains,
    unseen,
)
from crystal_transfer.figures.paper import histories, violins
from crystal_transfer.figures.paper.published import PUBLISHED
from crystal_transfer.results.tables import ACROSS_SIZES, WITHIN_SIZE, comparable_cells
from crystal_transfer.units import Quantity


def of_runs(draw: Callable[..., Any], within: Sequence[str] = WITHIN_SIZE) -> Callable[..., Any]:
    """Turn a drawing of cells into one of runs, averaged as `results.tables.comparable_cells`."""

    def drawn(runs: pd.DataFrame, datasets: Mapping[str, Quantity], palette: str) -> Any:
        return draw(comparable_cells(runs, within), datasets, palette)

    return drawn


DRAWINGS: dict[str, Callable[..., Any]] = {
    "datasets": datasets.overview,
    "target_statistics": datasets.target_statistics,
    "crystal_systems": datasets.crystal_systems,
    "split_distributions": datasets.split_distributions,
    "shared_crystals": datasets.shared_crystals,
    "r2_by_size": sizes.r2_by_size,
    "mae_by_size": sizes.mae_by_size,
    "r2_change_by_pretrain_size": changes.r2_change,
    "mae_change_by_pretrain_size": changes.mae_change,
    "pretrain_size": changes.both_changes,
    "r2_by_strategy": circular.r2_by_strategy,
    "mae_by_strategy": circular.mae_by_strategy,
    "scratch_heatmap": heatmaps.scratch,
    "pairwise_heatmap": heatmaps.pairwise,
    "multi_property_heatmap": heatmaps.multi_property,
    "scratch_rates": transfer_gains.scratch_rates,
    "published_gain": published_gain.published_gain,
    "scratch_epochs": transfer_gains.scratch_epochs,
    "transfer_gain": transfer_gains.transfer_gain,
    "chance": chance.chance,
    "unseen": unseen.table,
    "margins_of_error": heatmaps.margins,
    "margins_of_error_scratch": heatmaps.scratch_margins,
    "equivalent_sizes": equivalent.equivalent_sizes,
    "multi_property_against_pairwise": multi.against_pairwise,
    "multi_property_curves": curves.multi_property_curves,
    "property_number": multi.property_number,
    "strategies_by_size": hyperparameters.strategies_by_size,
    "sampling": hyperparameters.samplings,
    "learning_rate": hyperparameters.learning_rates,
    "frozen_layers": hyperparameters.frozen_layers,
    "parity": parity.parity,
    "ensembles": pooled.ensembles,
    "outliers": pooled.outliers,
    "leakage": leakage.leakage,
    "learning_curves": curves.learning_curves,
    "comparison": publication.comparison,
    "cells": cells.every_cell,
    "fig1b": violins.of_crystals,
    "figS13": histories.of_learning_rates,
    "figS14": histories.of_property_numbers,
    **{name: of_runs(draw) for name, draw in PUBLISHED.items()},
    "figS19": of_runs(PUBLISHED["figS19"], ACROSS_SIZES),
}
