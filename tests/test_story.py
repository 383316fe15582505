"""The first page of a report: what won, what to beware of, and that docutils can read it."""

import base64
import random

import pandas as pd
from docutils.core import publish_parts

from crystal_transfer.experiments.study import load_study, with_defaults
from crystal_transfer.protocols import protocol_of
from crystal_transfer.results.story import page, warnings_of, wins


def cell(kind: str, dataset: str, mae: float | None, trials: int = 3) -> dict:
    return {"kind": kind, "dataset": dataset, "size": 20, "mae_mean": mae, "trials": trials,
            "diverged": 0}  # fmt: skip


CELLS = pd.DataFrame(
    [
        cell("scratch", "A", 2.0), cell("scratch", "B", 2.0), cell("scratch", "C", None),
        cell("baseline", "A", 0.5), cell("baseline", "A", 3.0), cell("baseline", "B", 3.0),
        cell("finetune", "A", 1.0), cell("finetune", "B", 1.0), cell("finetune", "B", 2.5),
        cell("finetune", "C", 1.0), cell("finetune", "A", None),
    ]
)  # fmt: skip


def of(kind: str) -> pd.DataFrame:
    return CELLS[CELLS["kind"] == kind]


def test_wins_by_hand():
    """A cell without a rival, or without a mean, is not counted; the best rival counts."""
    assert wins(CELLS, of("scratch")) == (2, 3)
    assert wins(CELLS, of("baseline")) == (2, 3)
    assert wins(CELLS, CELLS[:0]) == (0, 0)
    assert "No cell" in wins(CELLS, CELLS[:0]).sentence("scratch")


def test_warnings_follow_from_the_study():
    paper, clean = (
        load_study(with_defaults({"protocol": name})).protocol for name in ("paper", "clean")
    )
    assert "own learning rate" in warnings_of(CELLS, paper, False)[0]
    assert "pre-trained on" in warnings_of(CELLS, paper, False)[1]
    assert not any("learning rate" in text for text in warnings_of(CELLS, clean, False))
    few = CELLS.assign(trials=2)
    assert warnings_of(few, clean, False)[0].startswith("8 of 8 cells have fewer than 3 trials")
    assert warnings_of(CELLS.assign(diverged=1), paper, True)[0].startswith("8 trainings diverged")
    assert len(warnings_of(few, paper, False)) == 3


def test_a_protocol_of_words_is_that_protocol():
    study = load_study(with_defaults({}))
    words = {name: word.value for name, word in vars(study.protocol).items()}
    assert protocol_of(words) == study.protocol


def test_docutils_reads_the_page():
    """With a picture as large as a heatmap's: longer lines than docutils reads."""
    picture = base64.b64encode(random.Random(0).randbytes(150_000)).decode()
    text = page([("scratch", "scratch", 3)], CELLS, "clean", ["one", "two"], picture)
    html = publish_parts(text, writer="html")["body"]
    assert "System Message" not in html
    assert f"data:image/png;base64,{picture}" in html
    assert html.index("2 of 3") < html.index("Before you quote")
    assert "32 tested models" not in html
