"""Pictures of a bundle: what its predictions are worth."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from crystal_transfer.bundles.bundle import Bundle
from crystal_transfer.bundles.comparison import (
    BLEND,
    CHGNET,
    FOREST,
    KERNEL,
    MEDIAN,
    NETWORK,
    RIDGE,
)
from crystal_transfer.bundles.intervals import factor
from crystal_transfer.figures.style import COLOURS, SCRATCH_COLOUR, Drawing, panels
from crystal_transfer.units import in_brackets, in_unit

LEVELS = np.linspace(0.05, 0.95, 19)
BINS = 5  # of crystals, by predicted difficulty
SHORT = {
    FOREST: "forest", KERNEL: "kernel", RIDGE: "ridge on\nsource", MEDIAN: "median",
    BLEND: "network +\nbaseline", CHGNET: "kernel with\nCHGNet", NETWORK: "network",
}  # fmt: skip


def parity(bundle: Bundle, tested: pd.DataFrame | None) -> Drawing:
    """Draw predictions out of fold, and those of test crystals, against targets."""
    training, unit = bundle.training, in_unit(bundle.plan.unit)
    figure, (axis,) = panels(1, width=4.2, height=4.0)
    shown = {"out of fold": (training.targets, training.network, SCRATCH_COLOUR, "o")}
    if tested is not None:
        shown["test"] = (tested["target"], tested["prediction"], COLOURS[1], "D")
    tables = []
    for name, (target, predicted, colour, marker) in shown.items():
        mae = np.abs(np.asarray(predicted) - np.asarray(target)).mean()
        axis.scatter(target, predicted, s=11, alpha=0.5, linewidths=0, color=colour, marker=marker,
                     label=f"{name}: MAE {mae:.3g}{unit}")  # fmt: skip
        tables.append(pd.DataFrame({"of": name, "target": target, "prediction": predicted}))
    data = pd.concat(tables, ignore_index=True)
    ends = data[["target", "prediction"]].min().min(), data[["target", "prediction"]].max().max()
    axis.plot(ends, ends, color="black", linewidth=0.8, zorder=0)
    name = bundle.plan.target
    axis.set_xlabel(
        ("target" if name == "target" else f"{name}: target") + in_brackets(bundle.plan.unit)
    )
    axis.set_ylabel("prediction" + in_brackets(bundle.plan.unit))
    axis.legend(loc="upper left", handletextpad=0.2)
    return figure, data


def comparison(bundle: Bundle) -> Drawing:
    """Draw the MAE of the network and of each baseline, with standard errors over folds."""
    data = pd.DataFrame([score._asdict() for score in bundle.scores]).sort_values("mae")
    figure, (axis,) = panels(1, width=max(4.2, 0.9 * len(data)), height=3.0)
    colours = [COLOURS[0] if name == NETWORK else COLOURS[6] for name in data["model"]]
    axis.bar(range(len(data)), data["mae"], yerr=data["mae_error"], color=colours, capsize=3,
             width=0.7)  # fmt: skip
    axis.set_xticks(range(len(data)), [SHORT[name] for name in data["model"]])
    axis.set_ylabel("MAE out of fold" + in_brackets(bundle.plan.unit))
    return figure, data


def coverage(bundle: Bundle, tested: pd.DataFrame | None) -> Drawing:
    """Draw the share of targets within the intervals against the level that was asked for.

    Without test crystals each fold is covered by intervals from the residuals of the others.
    """
    data = pd.DataFrame({"level": LEVELS, "folds": [_covered_across_folds(bundle, level) for level
                                                    in LEVELS]})  # fmt: skip
    figure, (axis,) = panels(1, width=3.6, height=3.4)
    axis.plot([0, 1], [0, 1], color="black", linewidth=0.8)
    axis.plot(data["level"], data["folds"], "o-", color=SCRATCH_COLOUR, markersize=4,
              label="across folds")  # fmt: skip
    if tested is not None:
        reach = np.abs(tested["target"] - tested["prediction"]) / tested["difficulty"]
        calibration = bundle.training.calibration(NETWORK)
        own = calibration.own_difficulty()
        data["test"] = [
            (reach <= factor(calibration.residuals, own, level)).mean() for level in LEVELS
        ]
        axis.plot(data["level"], data["test"], "D-", color=COLOURS[1], markersize=4,
                  label="test crystals")  # fmt: skip
    axis.set_xlabel("Level asked for")
    axis.set_ylabel("Share of targets within the interval")
    axis.set_xlim(0, 1)
    axis.set_ylim(0, 1)
    axis.legend(loc="upper left")
    return figure, data


def difficulty(bundle: Bundle) -> Drawing:
    """Draw errors out of fold against the error that is expected of a crystal."""
    calibration = bundle.training.calibration(NETWORK)
    expected, errors = calibration.own_difficulty(), np.abs(calibration.residuals)
    bins = np.array_split(np.argsort(expected), BINS)
    data = pd.DataFrame({
        "expected": [expected[rows].mean() for rows in bins],
        "mae": [errors[rows].mean() for rows in bins],
        "error": [errors[rows].std(ddof=1) / np.sqrt(len(rows)) for rows in bins],
        "crystals": [len(rows) for rows in bins],
    })  # fmt: skip
    figure, (axis,) = panels(1, width=3.6, height=3.4)
    axis.errorbar(
        data["expected"], data["mae"], data["error"], fmt="o", color=COLOURS[0], capsize=3
    )
    axis.set_xlabel("Predicted difficulty" + in_brackets(bundle.plan.unit))
    axis.set_ylabel("MAE out of fold" + in_brackets(bundle.plan.unit))
    axis.set_ylim(bottom=0)
    return figure, data


def learning(bundle: Bundle, curve: pd.DataFrame) -> Drawing:
    """Draw the error on the first fold against the number of crystals to train on."""
    figure, (axis,) = panels(1, width=3.8, height=3.4)
    axis.plot(curve["crystals"], curve[NETWORK], "o-", color=COLOURS[0], label="network")
    axis.plot(curve["crystals"], curve["baseline"], "s--", color=COLOURS[1],
              label=SHORT[bundle.verdict.baseline].replace("\n", " "))  # fmt: skip
    axis.set_xlabel("Crystals to train on")
    axis.set_ylabel("MAE on the first fold" + in_brackets(bundle.plan.unit))
    axis.set_ylim(bottom=0)
    axis.legend()
    return figure, curve


def histories(tables: Sequence[pd.DataFrame]) -> Drawing:
    """Draw loss and error after every epoch, of every member."""
    figure, (left, right) = panels(2, width=3.4, height=3.0)
    for place, table in enumerate(tables):
        label = f"member {place + 1}" if len(tables) <= 6 else None
        colour = COLOURS[place % len(COLOURS)]
        marker = "o" if len(table) == 1 else None  # a line needs two epochs
        left.plot(table["epoch"], table["training_loss"], color=colour, linewidth=0.9, label=label,
                  marker=marker)  # fmt: skip
        right.plot(table["epoch"], table["validation_mae"], color=colour, linewidth=0.9,
                   marker=marker)  # fmt: skip
    _epochs(left, "Training loss (scaled)")
    _epochs(right, "MAE of the held-out fold (scaled)")
    left.legend(fontsize=7)
    return figure, pd.concat(
        [table.assign(member=place + 1) for place, table in enumerate(tables)], ignore_index=True
    )


def everything(
    bundle: Bundle,
    curve: pd.DataFrame,
    tables: Sequence[pd.DataFrame],
    tested: pd.DataFrame | None,
) -> dict[str, Figure]:
    """Draw all pictures of a bundle, by name."""
    return {
        "comparison": comparison(bundle)[0],
        "parity": parity(bundle, tested)[0],
        "coverage": coverage(bundle, tested)[0],
        "difficulty": difficulty(bundle)[0],
        "learning_curve": learning(bundle, curve)[0],
        "histories": histories(tables)[0],
    }


def _covered_across_folds(bundle: Bundle, level: float) -> float:
    """Return the share of training targets that intervals from the other folds cover."""
    folds, calibration = bundle.training.folds, bundle.training.calibration(NETWORK)
    residuals, own = calibration.residuals, calibration.own_difficulty()
    inside = [
        np.abs(residuals[folds == fold]) / own[folds == fold]
        <= factor(residuals[folds != fold], own[folds != fold], level)
        for fold in np.unique(folds)
    ]
    return float(np.concatenate(inside).mean())


def _epochs(axis: Axes, label: str) -> None:
    axis.set_xlabel("Epoch")
    axis.set_ylabel(label)
    axis.set_yscale("log")
