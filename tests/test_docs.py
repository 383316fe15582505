"""Every study that the docs show is planned, and has as many runs as they say."""

import re

import pytest
import yaml
from conftest import ROOT

from crystal_transfer.experiments.study import load_study, with_defaults

NUMBERS = {"eight": 8}
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks() -> list:
    """All YAML blocks that are studies, with the text that follows each."""
    found = []
    for page in PAGES:
        parts = re.split(r"^```yaml\n(.*?)^```\n", page.read_text(), flags=re.M | re.S)
        for number in range(1, len(parts), 2):
            found.append(pytest.param(parts[number], parts[number + 1], id=f"{page.name}-{number}"))
    return found


@pytest.mark.parametrize(("block", "after"), blocks())
def test_studies_of_the_docs(block, after):
    study = load_study(with_defaults(yaml.safe_load(block)))
    if "experiments:" not in block:
        return
    said = re.search(r"plans (\w+) runs", after[:400])
    assert said, "the docs must say how many runs a study plans"
    assert len(study.runs) == int(NUMBERS.get(said[1], said[1]))


def test_there_are_such_studies():
    assert len(blocks()) >= 2
