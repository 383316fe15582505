"""Who draws which figure: names as in `experiments.catalogue`."""

from collections.abc import Callable
from typing import Any

from crystal_transfer.figures import (
    cells,
    changes,
    circular,
    curves,
    datasets,
    equivalent,
    heatmaps,
    hyperparameters,
    multi,
    parity,
    publication,
    sizes,
    unseen,
)

DRAWINGS: dict[str, Callable[..., Any]] = {
    "fig1b_datasets": datasets.overview,
    "target_statistics": datasets.target_statistics,
    "crystal_systems": datasets.crystal_systems,
    "split_distributions": datasets.split_distributions,
    "shared_crystals": datasets.shared_crystals,
    "fig4a_r2_by_size": sizes.r2_by_size,
    "fig4b_mae_by_size": sizes.mae_by_size,
    "fig5a_r2_change_by_pretrain_size": changes.r2_change,
    "fig5b_mae_change_by_pretrain_size": changes.mae_change,
    "pretrain_size": changes.both_changes,
    "fig5c_r2_by_strategy": circular.r2_by_strategy,
    "fig5d_mae_by_strategy": circular.mae_by_strategy,
    "fig6a_scratch_heatmap": heatmaps.scratch,
    "pairwise_heatmap": heatmaps.pairwise,
    "fig6c_multi_property_heatmap": heatmaps.multi_property,
    "table1_jarvis2d": unseen.table,
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
    "learning_curves": curves.learning_curves,
    "comparison": publication.comparison,
    "cells": cells.every_cell,
}
