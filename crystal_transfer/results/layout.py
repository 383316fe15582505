"""The layout of results: every path below a study's folder, and nobody else knows one.

A code, id or name may be a wildcard of Snakemake, such as ``{dataset}``: the path is then its
pattern.
"""

from dataclasses import dataclass
from pathlib import Path


FORMATS = ("svg", "png", "pdf", "csv")  # of every figure; csv: the numbers behind it


@dataclass(frozen=True)
class DatasetFiles:
    """Files of one dataset."""

    table: str
    rejected: str
    test_ids: str
    split: str
    scaler: str
    symmetry: str
    seen_in_test: str
    shared_tests: str


@dataclass(frozen=True)
class MergedFiles:
    """Files of all datasets together, for multi-property pre-training."""

    table: str
    labels: str
    graphs: str


@dataclass(frozen=True)
class RunFiles:
    """Files of one run; the checkpoint exists only while it trains."""

    model: str
    metrics: str
    predictions: str
    history: str
    description: str
    checkpoint: str
    log: str

    @property
    def outputs(self) -> dict[str, str]:
        """What the run leaves when it has ended."""
        names = ("model", "metrics", "predictions", "history", "description")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class Layout:
    """Paths below the folder of a study.

    Attributes
    ----------
    root
        The folder, config key `results`.
    """

    root: str

    def dataset(self, code: str) -> DatasetFiles:
        """Return the files of a dataset."""
        folder = f"{self.root}/datasets/{code}"
        return DatasetFiles(
            table=f"{folder}/crystals.npz",
            rejected=f"{folder}/rejected.csv",
            test_ids=f"{folder}/test_ids.json",
            split=f"{folder}/split.json",
            scaler=f"{folder}/scaler.json",
            symmetry=f"{folder}/symmetry.csv",
            seen_in_test=f"{folder}/seen_in_test.json",
            shared_tests=f"{folder}/shared_tests.json",
        )

    def features(self, code: str) -> str:
        """Return what baselines see of a dataset's crystals."""
        return f"{self.root}/datasets/{code}/features.npz"

    def baselines(self, experiment: str, code: str) -> str:
        """Return the results of an experiment's baselines on one dataset."""
        return f"{self.root}/baselines/{experiment}/{code}.csv"

    def graphs(self, code: str, bond_rule: str) -> str:
        """Return the folder of a dataset's graphs, whose bonds were found by a rule."""
        return f"{self.root}/graphs/{bond_rule}/{code}"

    @property
    def merged(self) -> MergedFiles:
        """Return the files of all datasets together."""
        folder = f"{self.root}/cumulative"
        return MergedFiles(f"{folder}/crystals.npz", f"{folder}/labels.npz", f"{folder}/graphs")

    def run(self, id: str) -> RunFiles:
        """Return the files of a run."""
        folder = f"{self.root}/runs/{id}"
        return RunFiles(
            model=f"{folder}/model.safetensors",
            metrics=f"{folder}/metrics.json",
            predictions=f"{folder}/predictions.csv",
            history=f"{folder}/history.csv",
            description=f"{folder}/run.json",
            checkpoint=f"{self.root}/checkpoints/{id}.pt",
            log=self.log("train", id),
        )

    def bundle(self, name: str) -> str:
        """Return the folder of a model that stands alone; `bundles.paths` has what is in it."""
        return f"{self.root}/bundles/{name}"

    def table(self, experiment: str, rows: str) -> str:
        """Return a table of an experiment: its ``runs``, or its ``cells``."""
        return f"{self.root}/tables/{experiment}_{rows}.csv"

    def set_aside(self, path: str) -> str:
        """Return where a file of the study is kept that shows no run any more."""
        return f"{self.root}/outdated/{Path(path).relative_to(self.root)}"

    @property
    def usage(self) -> str:
        """Return the table of what jobs asked for and used."""
        return f"{self.root}/tables/usage.csv"

    def figure(self, name: str, suffix: str = "svg") -> str:
        """Return a figure in one of its formats, or as ``csv`` the numbers behind it."""
        return f"{self.root}/figures/{name}.{suffix}"

    def published_figure(self, name: str, suffix: str = "svg") -> str:
        """Return a figure of the published numbers."""
        return f"{self.root}/published_figures/{name}.{suffix}"

    @property
    def story(self) -> str:
        """Return the first page of the report."""
        return f"{self.root}/tables/story.rst"

    @property
    def claims(self) -> str:
        """Return the paper's claims, counted."""
        return f"{self.root}/tables/claims.csv"

    def log(self, rule: str, name: str) -> str:
        """Return the log of a job."""
        return f"{self.root}/logs/{rule}/{name}.log"

    def benchmark(self, rule: str, name: str) -> str:
        """Return the record of time and memory that Snakemake keeps of a job."""
        return f"{self.root}/benchmarks/{rule}/{name}.jsonl"

    @property
    def benchmarks(self) -> str:
        """Return the folder of all such records."""
        return f"{self.root}/benchmarks"

    @property
    def claim(self) -> str:
        """Return the record of which Snakemake works on the study."""
        return f"{self.root}/snakemake.json"

    def is_done(self, id: str) -> bool:
        """Return whether a run has finished."""
        return Path(self.run(id).metrics).exists()
