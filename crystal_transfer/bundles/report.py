"""The report of a bundle: one page with its pictures inside."""

import base64
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd

from crystal_transfer import __version__
from crystal_transfer.bundles import pictures
from crystal_transfer.bundles.bundle import Bundle
from crystal_transfer.bundles.card import values_of
from crystal_transfer.bundles.predict import LEVEL
from crystal_transfer.bundles.templates import filled
from crystal_transfer.figures.fitting import fit_labels
from crystal_transfer.figures.formats import DPI
from crystal_transfer.files import write_text
from crystal_transfer.metrics import metrics

CAPTIONS = {
    "comparison": "The network beside the baselines, on the same folds; bars are standard errors.",
    "parity": "Predictions against targets; on the line they are equal.",
    "coverage": "Intervals of a level should hold for this share of crystals: the line.",
    "difficulty": "Errors of crystals that were expected to be easy (left) to difficult (right).",
    "learning_curve": "What more crystals would bring: the error on the first fold.",
    "histories": "Training of the members. The last epoch is used, whatever the held-out error.",
}


def write_report(
    bundle: Bundle,
    curve: pd.DataFrame,
    histories: Sequence[pd.DataFrame],
    tested: pd.DataFrame | None,
    rejected: int,
    folder: Path,
) -> None:
    """Write report.html.

    Parameters
    ----------
    bundle
        The bundle.
    curve
        See `assembly.learning_curve`.
    histories
        Loss and error after every epoch, of every member.
    tested
        Predictions of test crystals with their targets, or None.
    rejected
        Number of rows that were left out.
    folder
        Of the bundle.
    """
    drawn = pictures.everything(bundle, curve, histories, tested)
    values = values_of(bundle, rejected) | {
        "version": __version__,
        "level": LEVEL,
        "test": None if tested is None else test_values(tested),
        "pictures": [
            {"name": name, "png": _png(figure), "caption": CAPTIONS[name]}
            for name, figure in drawn.items()
        ],
    }
    write_text(folder / "report.html", filled("report.html", values))


def test_values(tested: pd.DataFrame) -> dict[str, Any]:
    """Measure predictions of test crystals."""
    targets, predictions = (tested[name].to_numpy() for name in ("target", "prediction"))
    measured = metrics(targets, predictions)
    within = (tested["lower"] <= tested["target"]) & (tested["target"] <= tested["upper"])
    return {
        "n": len(tested),
        "mae": measured["mae"],
        "r2": measured["r2"],
        "covered": float(within.mean()),
        "far": int((~tested["in_domain"]).sum()),
    }


def _png(figure: Any) -> str:
    buffer = BytesIO()
    fit_labels(figure)
    figure.savefig(buffer, format="png", dpi=DPI, bbox_inches="tight")
    plt.close(figure)  # many models may be made in one process
    return base64.b64encode(buffer.getvalue()).decode()
