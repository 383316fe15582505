"""A model for one's own crystals in a few lines of Python: all that such a script needs."""

from crystal_transfer.bundles.bundle import load_bundle
from crystal_transfer.bundles.data import read_labelled, read_unlabelled
from crystal_transfer.bundles.finetune import finetune
from crystal_transfer.bundles.plan import Options
from crystal_transfer.bundles.predict import embed_bundle, predict_bundle

__all__ = [
    "Options",
    "embed_bundle",
    "finetune",
    "load_bundle",
    "predict_bundle",
    "read_labelled",
    "read_unlabelled",
]
