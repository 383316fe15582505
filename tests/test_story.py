"""The first page of a report: what won, what to beware of, and that docutils can read it."""

import base64
import random

import pandas as pd
from docutils.core import publish_parts

from crystal_transfer.experiments.study import load_study, with_defaults
from crystal_transfer.protocols import protocol_of
from crystal_transfer.results.metrics import METRICS
from crystal_transfer.results.story import page, warnings_of, wins
from crystal_transfer.results.tables import CELL, cells


def run(kind: str, dataset: str, mae: float | None, trial: int = 1, network: str = "") -> dict:
    """A run of the cell that `network` names, as a row of the table."""
    found = dict.fromkeys([*CELL, *METRICS], 0.0) | {"source": "", "variation": ""}
    return found | {"kind": kind, "dataset": dataset, "size": 20, "trial": trial,
                    "network": network, "mae": mae, "mae_scaled": mae}  # fmt: skip


TRIALS = (1, 2, 3)
ONE_TRIAL = pd.DataFrame(
    [
        run("scratch", "A", 2.0), run("scratch", "B", 2.0), run("scratch", "C", None),
        run("baseline", "A", 0.5), run("baseline", "A", 3.0, network="x"),
        run("baseline", "B", 3.0),
        run("finetune", "A", 1.0), run("finetune", "B", 1.0),
        run("finetune", "B", 2.5, network="x"),
        run("finetune", "C", 1.0), run("finetune", "A", None, network="x"),
    ]
)  # fmt: skip
RUNS = pd.concat([ONE_TRIAL.assign(trial=trial) for trial in TRIALS], ignore_index=True)
CELLS = cells(RUNS).assign(trials=3, diverged=0)


def of(kind: str) -> pd.DataFrame:
    return RUNS[RUNS["kind"] == kind]


def test_wins_by_hand():
    """A cell without a rival is not counted, one that diverged is said; all rivals count."""
    assert wins(RUNS, of("scratch")) == (2, 3, 1, 0)
    assert wins(RUNS, of("baseline")) == (2, 3, 1, 0)
    said = "in **2 of 3** cells, 1 that diverged left out."
    assert said in wins(RUNS, of("scratch")).sentence("scratch")
    assert wins(RUNS, RUNS[:0])[:2] == (0, 0)
    assert "No cell" in wins(RUNS, RUNS[:0]).sentence("scratch")


def test_cells_are_compared_on_the_trials_that_both_have():
    """By its mean over all its trials scratch would be ahead."""
    errors = {1: 3.0, 2: 3.0, 3: 3.0, 4: 0.1, 5: 0.1}
    scratch = pd.DataFrame([run("scratch", "A", mae, trial) for trial, mae in errors.items()])
    tuned = pd.DataFrame([run("finetune", "A", 2.0, trial) for trial in TRIALS])
    assert wins(tuned, scratch) == (1, 1, 0, 0)


def test_nothing_is_claimed_from_two_trials():
    found = wins(RUNS[RUNS["trial"] < 3], of("scratch"))
    assert found == (0, 0, 1, 3)
    assert "No cell" in found.sentence("scratch")
    assert "3 that have fewer than 3 trials left out" in found.sentence("scratch")


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
    text = page([("scratch", "scratch", 3)], RUNS, "clean", ["one", "two"], picture)
    html = publish_parts(text, writer="html")["body"]
    assert "System Message" not in html
    assert f"data:image/png;base64,{picture}" in html
    assert html.index("2 of 3") < html.index("Before you quote")
    assert "33 tested models" in html
