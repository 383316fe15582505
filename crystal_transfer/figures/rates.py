"""How much of what transfer gains is a matter of the learning rate that scratch was given."""

from collections.abc import Mapping

import pandas as pd

from crystal_transfer.figures.style import COLOURS, SCRATCH_COLOUR, Drawing, Quantity, panels
from crystal_transfer.results.metrics import METRICS
from crystal_transfer.results.tables import cells

STYLES = ["--", ":", "-."]  # of scratch, a rate each


def scratch_rates(runs: pd.DataFrame, datasets: Mapping[str, Quantity]) -> Drawing:
    """Draw the MAE of scratch at several rates beside that of transfer, a panel per FT dataset.

    Transfer is the median over PT datasets, with a band from the best to the worst of them. The
    numbers have the reduction of the MAE by the median, in %, against each rate.
    """
    table = cells(runs)
    codes = [code for code in datasets if code in set(table["dataset"])]
    scratch, tuned = (table[table["kind"] == kind] for kind in ("scratch", "finetune"))
    rates = sorted(scratch["max_lr"].unique(), reverse=True)
    figure, axes = panels(len(codes))
    for axis, code in zip(axes, codes, strict=True):
        for rate, style in zip(rates, STYLES, strict=False):
            line = scratch[(scratch["dataset"] == code) & (scratch["max_lr"] == rate)]
            line = line.sort_values("size")
            axis.errorbar(
                line["size"], line["mae_mean"], line["mae_ci95"].where(line["trials"] > 2, 0),
                linestyle=style, color=SCRATCH_COLOUR, capsize=2, linewidth=1.2,
                label=f"scratch, rate {rate:g}",
            )  # fmt: skip
        spread = _over_sources(tuned[tuned["dataset"] == code])
        axis.fill_between(spread.index, spread["min"], spread["max"], color=COLOURS[0], alpha=0.2,
                          linewidth=0)  # fmt: skip
        axis.plot(spread.index, spread["median"], "o-", color=COLOURS[0], markersize=4,
                  label="transfer: median, best to worst PT dataset")  # fmt: skip
        sizes = sorted(table.loc[table["dataset"] == code, "size"].unique())
        axis.set_xscale("log")
        axis.set_xticks(sizes, [str(size) for size in sizes])
        axis.minorticks_off()
        axis.set_title(f"{code}: {datasets[code].label}")
        axis.set_xlabel("FT dataset size (crystals)")
        axis.set_ylabel(METRICS["mae"].axis_label(datasets[code].unit))
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure, gains(table)


def gains(table: pd.DataFrame) -> pd.DataFrame:
    """Return what transfer gains against scratch at each rate.

    Parameters
    ----------
    table
        Cells of scratch at several learning rates, and of fine-tuning.

    Returns
    -------
    Columns dataset, size, scratch_rate, mae_scratch, mae_transfer (median over PT datasets) and
    gain, the reduction of the MAE in %.
    """
    rows = []
    for row in table[table["kind"] == "scratch"].itertuples():
        here = (table["dataset"] == row.dataset) & (table["size"] == row.size)
        transfer = table.loc[here & (table["kind"] == "finetune"), "mae_mean"].median()
        rows.append({
            "dataset": row.dataset,
            "size": row.size,
            "scratch_rate": row.max_lr,
            "mae_scratch": row.mae_mean,
            "mae_transfer": transfer,
            "gain": 100 * (1 - transfer / row.mae_mean),
        })  # fmt: skip
    return pd.DataFrame(rows)


def _over_sources(tuned: pd.DataFrame) -> pd.DataFrame:
    return tuned.groupby("size")["mae_mean"].agg(["min", "median", "max"])
