"""Files that belong to the package: the paper's config, the registry, throughput, published cells.

They are links to the project's top level, where people look for them; a wheel has copies.
"""

from pathlib import Path

FOLDER = Path(__file__).parent
CONFIG = FOLDER / "config.yaml"
DATASETS = FOLDER / "datasets.yaml"
THROUGHPUT = FOLDER / "throughput.yaml"
PUBLISHED = FOLDER / "published_results.csv"
ALIGNN_MODELS = FOLDER / "alignn_models.yaml"
WEIGHTS = FOLDER / "weights"
