"""The metrics that tables and figures show: their words, and which direction is better."""

from dataclasses import dataclass

from crystal_transfer.units import in_brackets

FEWEST_TRIALS = 3  # of fewer nothing is claimed


@dataclass(frozen=True)
class Metric:
    """One metric of a run.

    Attributes
    ----------
    label
        For axes.
    higher_is_better
        Whether a larger value is a better one.
    in_units
        Whether it has the unit of the property; else it has none.
    shown
        The range that figures show at most; None where there is no limit.
    """

    label: str
    higher_is_better: bool
    in_units: bool = False
    shown: tuple[float | None, float | None] = (None, None)

    def axis_label(self, unit: str = "") -> str:
        """Return the label, with the property's unit where the metric has it."""
        return self.label + (in_brackets(unit) if self.in_units else "")


# what `crystal_transfer.metrics` computes; worse predictions than R2 = -0.5 are all useless, the csv has them
METRICS = {
    "r2": Metric("test $R^2$", higher_is_better=True, shown=(-0.5, 1.02)),
    "mae": Metric("test MAE", higher_is_better=False, in_units=True),
    "mae_scaled": Metric("test MAE (scaled to [-1, 1])", higher_is_better=False),
    "rmse": Metric("test RMSE", higher_is_better=False, in_units=True),
    "median_ae": Metric("test median absolute error", higher_is_better=False, in_units=True),
    "spearman": Metric("Spearman's rank correlation", higher_is_better=True, shown=(-0.5, 1.02)),
}
SHOWN = ("r2", "mae_scaled")  # the two that most figures show side by side
