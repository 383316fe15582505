"""The card of the weights that ship: what they are, and how good, beside baselines.

    python benchmarks/weights_card.py

Reads the study config/pretrained.yaml (its multi-property run, datasets and splits), fits baselines to the
training crystals of each property, tests both on the property's test crystals, copies the weights into the
package and writes README.md beside them. docs/own-crystals.csv tells what transfer brings.
"""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from own_crystals import UNITS

from crystal_transfer import data
from crystal_transfer.baselines.matminer_features import features_of
from crystal_transfer.baselines.models import fit_baseline
from crystal_transfer.datasets import crystals, splits
from crystal_transfer.datasets.crystals import tabulate
from crystal_transfer.files import read_json, sha256, write_text
from crystal_transfer.models.saved import load_model
from crystal_transfer.results.layout import Layout
from crystal_transfer.results.markdown import markdown

NAME = "seven-properties"
LAYOUT = Layout("results/pretrained")
RUN = LAYOUT.run("multipretrain_MPT-all")
MOST = 3000  # crystals that a baseline is trained on: beyond, the kernel method takes hours
ORIGINS = {
    "PZ": "piezoelectric modulus, C/m² (de Jong et al., Sci. Data 2, 150053, 2015)",
    "DC": "dielectric constant (Petousis et al., Sci. Data 4, 160134, 2017)",
    "PH": "last phonon DOS peak, 1/cm (Petretto et al., Sci. Data 5, 180065, 2018)",
    "EBG": "experimental band gap, eV (Kingsbury et al., npj Comput. Mater. 8, 195, 2022)",
    "GV": "log10 shear modulus, log10 GPa (Materials Project)",
    "BG": "PBE band gap, eV (Materials Project)",
    "FE": "formation energy, eV/atom (Materials Project)",
}


def baselines(code: str) -> dict[str, float]:
    """Return the MAE of each baseline, trained on a property's pool, on its test crystals."""
    files = LAYOUT.dataset(code)
    table, parts = crystals.load(files.table), splits.load(files.split)
    place = {id: row for row, id in enumerate(table.ids.tolist())}
    drawn = splits.draw(parts, min(MOST, len(parts.pool)), 1)
    inside, outside = (tabulate(table[place[id]] for id in ids) for ids in (drawn, parts.test))
    seen, unseen = features_of(inside).values, features_of(outside).values
    found = {}
    for name in ("median", "forest", "kernel"):
        model = fit_baseline(name, seen, inside.targets, 0)
        found[name] = float(np.abs(model.predict(unseen) - outside.targets).mean())
    return found


def rows() -> list[dict[str, Any]]:
    """Return a row per property: the network's MAE and those of baselines."""
    measured = read_json(RUN.metrics)["properties"]
    return [
        {
            "property": f"{code}: {ORIGINS[code]}",
            "training": len(splits.load(LAYOUT.dataset(code).split).pool),
            "test": result["n_test"],
            "network": result["mae"],
            "R2": result["r2"],
            **baselines(code),
        }
        for code, result in measured.items()
    ]


def table_of(found: list[dict[str, Any]]) -> str:
    """Write rows as a table of Markdown; the lowest error in bold."""
    models = ["network", "median", "forest", "kernel"]
    columns = ["property", "crystals to train on", "to test on", "R²", *models]
    lines = []
    for row in found:
        best = min(row[model] for model in models if model in row)
        cells = [
            "-" if model not in row else f"**{row[model]:.3g}**" if row[model] == best
            else f"{row[model]:.3g}"
            for model in models
        ]  # fmt: skip
        start = [row["property"], f"{row['training']:,}", row["test"], f"{row['R2']:.3f}"]
        lines.append(start + cells)
    return markdown(pd.DataFrame(lines, columns=columns))


def transfer() -> str:
    """Write what fine-tuning from a network that had not seen the property brings."""
    path = Path("docs/own-crystals.csv")
    if not path.exists():
        return "Not measured yet."
    lines = []
    for (dataset, n), rows in pd.read_csv(path).groupby(["dataset", "n"], sort=False):
        both = rows.pivot(index="trial", columns="start", values="mae").dropna()
        mean = both.mean()
        less = 100 * (1 - mean["transfer"] / mean["scratch"])
        errors = [
            f"{mean[start]:.3g} {UNITS[dataset]}".removesuffix(" 1")
            for start in ("scratch", "transfer")
        ]
        lines.append([dataset.upper(), n, len(both), *errors, f"{less:.0f} %"])
    columns = ["dataset", "crystals", "trials", "MAE from scratch", "MAE by transfer", "less"]
    return markdown(pd.DataFrame(lines, columns=columns))


def main() -> None:
    model = load_model(RUN.model)
    weights = data.FOLDER / "weights" / f"{NAME}.safetensors"
    shutil.copyfile(RUN.model, weights)
    history = pd.read_csv(RUN.history)
    n_parameters = sum(value.numel() for value in model.tensors.values())
    text = f"""# {NAME}

An ALIGNN with {model.sizes.alignn_layers} + {model.sizes.gcn_layers} layers of width
{model.sizes.hidden_features} ({n_parameters:,} numbers, {weights.stat().st_size / 1e6:.1f} MB), trained on
seven properties of real crystals at once, {len(history)} epochs, the best by validation error. JARVIS2D had no part in it.
`snakemake --profile local --configfile config/pretrained.yaml` makes it anew; SHA-256 `{sha256(weights)}`.

**Data**: the training samples published with Devi, Butler & Sai Gautam, npj Comput. Mater. 10, 300 (2024), MIT, of which Materials
Project data are CC BY 4.0; 90 % of each dataset to train on, and 10 % to test on. **Weights**: MIT, with the data's attribution.

MAE on test crystals whose label was never learned, beside baselines that were trained on crystals of that one property, at most
{MOST:,} of those that the network had (median of their targets, random forest and kernel method on Magpie and structure features). A test crystal's structure may have been learned with a label of another property: nearly all crystals
of the small datasets are in BG and FE too.

{table_of(rows())}

What transfer brings on a property that the source has not seen (JARVIS2D: these weights; others: a network trained likewise
for 8 epochs without that property; means over trials, of which docs/own-crystals.md has the spread; one trial shows no more than itself):

{transfer()}
"""
    write_text(weights.parent / "README.md", text)


if __name__ == "__main__":
    main()
