"""What the datasets hold: crystals, targets, symmetries, samples, and what they share."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.colors import LogNorm

from crystal_transfer.datasets.crystals import CrystalTable
from crystal_transfer.datasets.labels import Labels, shared
from crystal_transfer.datasets.splits import Split, sample_of, train_and_validation
from crystal_transfer.figures.legends import legend_below
from crystal_transfer.figures.style import COLOURS, Drawing, colour_of, ink_on, panels
from crystal_transfer.units import Quantity

BINS = 40
SYSTEMS = (
    "triclinic", "monoclinic", "orthorhombic", "tetragonal", "trigonal", "hexagonal", "cubic"
)  # fmt: skip


def overview(crystals: Mapping[str, CrystalTable], datasets: Mapping[str, Quantity]) -> Drawing:
    """Draw the targets of every dataset as a histogram with its size.

    Returns
    -------
    figure, data
        The data give crystals, atoms per crystal and the target's range in physical units.
    """
    colours = colour_of(list(crystals))
    figure, axes = panels(len(crystals))
    rows = []
    for axis, (code, table) in zip(axes, crystals.items(), strict=True):
        axis.hist(table.targets, bins=BINS, color=colours[code])
        axis.set_yscale("log", nonpositive="clip")
        axis.set_title(f"{code}: {len(table):,} crystals")
        axis.set_xlabel(datasets[code].axis_label, fontsize=8)
        axis.set_ylabel("Crystals")
        atoms = np.diff(table.offsets).mean()
        rows.append(
            _identity(code, datasets) | _spread(table.targets) | {"atoms_per_crystal": atoms}
        )
    return figure, pd.DataFrame(rows)


def target_statistics(
    crystals: Mapping[str, CrystalTable], datasets: Mapping[str, Quantity]
) -> Drawing:
    """Draw the distribution of each target, scaled to [-1, 1], as a box and a violin.

    Returns
    -------
    figure, data
        The data give moments and quantiles in physical units.
    """
    from scipy import stats  # half a second, which other figures need not wait

    rows, scaled = [], []
    for code, table in crystals.items():
        targets = table.targets
        quantiles = np.quantile(targets, [0.05, 0.25, 0.75, 0.95])
        named = dict(zip(["q05", "q25", "q75", "q95"], quantiles, strict=True))
        rows.append(
            _identity(code, datasets) | _spread(targets) | named
            | {"skewness": stats.skew(targets), "excess_kurtosis": stats.kurtosis(targets)}
        )  # fmt: skip
        scaled.append(2 * (targets - targets.min()) / np.ptp(targets) - 1)
    figure, axis = plt.subplots(figsize=(1.6 + 0.85 * len(scaled), 3.2))
    positions = np.arange(len(scaled))
    drawn: dict[str, Any] = axis.violinplot(scaled, positions, widths=0.85, showextrema=False)
    for body, colour in zip(drawn["bodies"], colour_of(list(datasets)).values(), strict=True):
        body.set(facecolor=colour, alpha=0.45)
    axis.boxplot(scaled, positions=positions, widths=0.18, whis=(5, 95), showfliers=False,
                 medianprops={"color": "black"})  # fmt: skip
    axis.set_xticks(
        positions, [f"{code}\n{len(s):,}" for code, s in zip(datasets, scaled, strict=True)]
    )
    axis.set_xlabel("Dataset, number of crystals")
    axis.set_ylabel("Target, scaled to [-1, 1]")
    axis.set_title("Box: quartiles; whiskers: 5 and 95 %", loc="left")
    return figure, pd.DataFrame(rows)


def crystal_systems(
    systems: Mapping[str, pd.DataFrame], datasets: Mapping[str, Quantity]
) -> Drawing:
    """Draw the share of each crystal system in every dataset."""
    counts = {}
    for code, rows in systems.items():
        found = rows["system"].replace("", "not found")
        counts[code] = found.value_counts()
    table = pd.DataFrame(counts).reindex([*SYSTEMS, "not found"]).fillna(0).astype(int)
    table = table[table.sum(axis=1) > 0]
    share = 100 * table / table.sum()
    figure, axis = plt.subplots(figsize=(2.4 + 0.75 * len(counts), 3.4))
    bottom = np.zeros(len(counts))
    for system, colour in zip(share.index, COLOURS, strict=False):
        values = share.loc[system].to_numpy()
        axis.bar(share.columns, values, 0.75, bottom=bottom, color=colour, label=system,
                 edgecolor="white", linewidth=0.6)  # fmt: skip
        bottom += values
    axis.set_xlabel("Dataset")
    axis.set_ylabel("Crystals (%)")
    axis.set_ylim(0, 100)
    figure.legend(*axis.get_legend_handles_labels(), loc="outside right center", reverse=True)
    return figure, table.rename_axis("system").reset_index()


def split_distributions(
    crystals: Mapping[str, CrystalTable],
    splits: Mapping[str, Split],
    datasets: Mapping[str, Quantity],
    samples: Mapping[str, tuple[int, int]],
) -> Drawing:
    """Draw how the targets of pool, test set and largest sample are distributed.

    Parameters
    ----------
    samples
        Dataset -> FT size and trial of the sample that is shown; datasets that are never
        fine-tuned to have none.

    Returns
    -------
    figure, data
        The data give size, mean, standard deviation and, against the pool, the statistic and the
        p value of the two-sample Kolmogorov-Smirnov test.
    """
    from scipy import stats  # as above

    colours = dict(zip(["pool", "test set", "training", "validation"], COLOURS, strict=False))
    figure, axes = panels(len(datasets))
    rows, handles = [], {}
    for axis, code in zip(axes, datasets, strict=True):
        table, split = crystals[code], splits[code]
        targets = dict(zip(table.ids.tolist(), table.targets, strict=True))
        parts = {"pool": split.pool, "test set": split.test}
        if code in samples:
            sample = sample_of(split, *samples[code], "random", targets)
            parts["training"], parts["validation"] = train_and_validation(sample)
        pool = np.array([targets[id] for id in split.pool])
        for part, ids in parts.items():
            if not ids:
                continue
            values = np.sort([targets[id] for id in ids])
            (handles[part],) = axis.step(
                values, np.arange(1, len(values) + 1) / len(values), where="post",
                color=colours[part], linewidth=1.3, linestyle="--" if part == "pool" else "-",
            )  # fmt: skip
            test = stats.ks_2samp(values, pool)
            rows.append(
                {
                    "dataset": code, "part": part, "unit": datasets[code].unit,
                    "crystals": len(values), "mean": values.mean(),
                    "standard_deviation": values.std(), "ks_against_pool": test.statistic,
                    "ks_p_value": test.pvalue,
                }
            )  # fmt: skip
        size = f", n = {samples[code][0]}" if code in samples else ""
        axis.set_title(f"{code}{size}")
        axis.set_xlabel(datasets[code].axis_label, fontsize=8)
        axis.set_ylabel("Share of crystals below")
    legend_below(figure, handles)
    return figure, pd.DataFrame(rows)


def shared_crystals(labels: Labels, datasets: Mapping[str, Quantity]) -> Drawing:
    """Draw how many crystals every two datasets have in common.

    Returns
    -------
    figure, data
        The diagonal counts the distinct crystals of a dataset; `distinct` those of all together.
    """
    codes, counts = labels.properties, shared(labels)
    figure, axis = plt.subplots(figsize=(1.9 + 0.72 * len(codes), 1.1 + 0.6 * len(codes)))
    share = 100 * counts / np.diag(counts)[:, None]
    colours = plt.colormaps["viridis"]
    norm = LogNorm(0.1, 100, clip=True)
    picture = axis.imshow(np.maximum(share, 1e-9), norm=norm, cmap=colours, aspect="auto")
    for i, j in np.ndindex(*counts.shape):
        shade = colours(float(norm(max(float(share[i, j]), 1e-9))))
        axis.text(j, i, f"{counts[i, j]:,}", ha="center", va="center", fontsize=7,
                  color=ink_on(shade))  # fmt: skip
    axis.set_xticks(range(len(codes)), codes)
    axis.set_yticks(range(len(codes)), codes)
    axis.tick_params(length=0)
    axis.set_xlabel("... that are also in this dataset")
    axis.set_ylabel("Crystals of this dataset ...")
    axis.set_title(f"{len(labels.ids):,} distinct crystals in all", loc="left")
    figure.colorbar(picture, label="Share of the row's dataset (%)", extend="min", format="%g")
    table = pd.DataFrame(counts, columns=codes)
    table.insert(0, "dataset", codes)
    return figure, table.assign(distinct=len(labels.ids))


def _identity(code: str, datasets: Mapping[str, Quantity]) -> dict[str, str]:
    return {
        "dataset": code,
        "property": datasets[code].label,
        "unit": datasets[code].unit,
    }


def _spread(targets: np.ndarray) -> dict[str, Any]:
    return {
        "crystals": len(targets),
        "minimum": targets.min(),
        "median": np.median(targets),
        "mean": targets.mean(),
        "maximum": targets.max(),
        "standard_deviation": targets.std(),
    }
