"""Predictions against targets."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from crystal_transfer.figures.style import COLOURS, SCRATCH_COLOUR, Drawing, panels
from crystal_transfer.units import Quantity, in_brackets


def parity(
    runs: pd.DataFrame, predictions: Mapping[str, pd.DataFrame], datasets: Mapping[str, Quantity]
) -> Drawing:
    """Draw test predictions of scratch and of the best PT model, one panel per dataset."""
    codes = [code for code in datasets if code in set(runs["dataset"])]
    figure, axes = panels(len(codes), width=2.9, height=3.0)
    shown = []
    for axis, code in zip(axes, codes, strict=True):
        here = runs[runs["dataset"] == code]
        scratch = here[here["kind"] == "scratch"].head(1)
        tuned = here[here["kind"] == "finetune"].nlargest(1, "r2")
        limits = []
        for run, colour, marker in (
            (scratch, SCRATCH_COLOUR, "x"),
            (tuned, COLOURS[1], "o"),
        ):
            for row in run.itertuples():
                points = predictions[row.id]
                name = f"PT {row.source}" if row.source else "scratch"
                axis.scatter(
                    points["target"], points["prediction"], s=12, marker=marker, color=colour,
                    alpha=0.6, linewidths=0.8, edgecolors=None if marker == "x" else "none",
                    label=f"{name}: $R^2$ = {row.r2:.2f}",
                )  # fmt: skip
                limits += [points["target"], points["prediction"]]
                shown.append(points.assign(dataset=code, run=row.id))
        ends = np.nanmin(pd.concat(limits)), np.nanmax(pd.concat(limits))
        axis.plot(ends, ends, color="black", linewidth=0.8, zorder=0)
        unit = datasets[code].unit
        axis.set_title(f"{code}, n = {here['size'].max()}")
        axis.set_xlabel(f"Target: {datasets[code].axis_label}", fontsize=8)
        axis.set_ylabel("Prediction" + in_brackets(unit))
        axis.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.2), handletextpad=0.1)
    return figure, pd.concat(shown, ignore_index=True)
