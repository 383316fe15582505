"""The files that a run reads and writes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Inputs:
    """The files a run reads.

    Attributes
    ----------
    graphs
        Of the run's dataset, or of all datasets together.
    table, split, scaler
        Of the run's dataset; None for a multipretrain.
    labels
        Of all properties, see `datasets.labels`; None but for a multipretrain.
    weights
        Of the run it starts from, or None.
    excluded
        JSON list of crystals that must not be drawn, or None.
    """

    graphs: str
    table: str | None = None
    split: str | None = None
    scaler: str | None = None
    labels: str | None = None
    weights: str | None = None
    excluded: str | None = None


@dataclass(frozen=True)
class Outputs:
    """The files a run writes; `checkpoint` exists only while it trains."""

    model: str
    metrics: str
    predictions: str
    history: str
    description: str
    checkpoint: str
