"""The first epochs of the published training histories, as protocol `paper` has them."""

import importlib.util
import sys

import pytest
from conftest import REAL, ROOT

REFERENCE = REAL.parents[1] / "reference"
EPOCHS = 3


@pytest.fixture(scope="module")
def fidelity():
    """The benchmark that prints the table of docs/fidelity.md."""
    if not (REFERENCE / "histories.json.gz").is_file():
        pytest.skip(f"needs the published histories: {REFERENCE}")
    spec = importlib.util.spec_from_file_location("fidelity", ROOT / "benchmarks/fidelity.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["fidelity"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("case", [("PH", 2, 200), ("GV", 1, 200), ("DC", 3, 200)], ids=str)
def test_first_epochs(fidelity, case):
    published = fidelity.Published(REAL, REFERENCE)
    theirs = published.history(*case)["training_loss"][:EPOCHS]
    ours = fidelity.first_epochs(published, *case, max_lr=1e-4, count=EPOCHS)
    for mine, their in zip(ours, theirs, strict=True):
        # at ten times the rate the first epoch is off by 40 to 60 % already
        assert mine == pytest.approx(their, rel=0.3)


def test_published_trainings_at_another_rate_than_the_others(fidelity):
    """They are of DC alone, and no training is between them and the others."""
    early = fidelity.Published(REAL, REFERENCE).early_losses()
    assert len(early) > 90
    assert set(early.index[early < 0.4]) == {
        ("DC", 200, 1), ("DC", 200, 2), ("DC", 500, 1), ("DC", 800, 1)
    }  # fmt: skip
    assert early[early < 0.4].max() < 0.1 and early.max() < 1.3
