"""Every study that the docs show is planned, and has as many runs as they say."""

import importlib.util
import json
import re

import pytest
import yaml
from conftest import ROOT

from crystal_transfer.bundles import plan
from crystal_transfer.experiments.study import load_study, with_defaults
from crystal_transfer.species import SYMBOLS

NUMBERS = {"eight": 8, "no": 0}
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


def test_python_of_the_readme_runs(alloys, tmp_path, monkeypatch, capsys):
    """The lines of the README, with crystals in the places that they name, in fewer epochs."""
    code = re.search(r"^```python\n(.*?)^```$", PAGES[0].read_text(), re.M | re.S)[1]
    rows = [
        {
            "jid": crystal.id, "target": crystal.target,
            "atoms": {
                "lattice_mat": crystal.lattice.tolist(), "coords": crystal.coordinates.tolist(),
                "elements": [SYMBOLS[number] for number in crystal.numbers],
                "cartesian": crystal.cartesian,
            },
        }
        for crystal in alloys
    ]  # fmt: skip
    (tmp_path / "my_crystals.json").write_text(json.dumps(rows[:30]))
    (tmp_path / "new_crystals.json").write_text(json.dumps(rows[30:]))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plan, "FEWEST_EPOCHS", 1)
    monkeypatch.setattr(plan, "MOST_EPOCHS", 1)
    code = code.replace('Options(target="gap"', 'Options(group_by="none", target="gap"')
    exec(code, {})
    assert capsys.readouterr().out.count("formation_energy-1-") >= 10
    assert (tmp_path / "model/report.html").exists()


def test_the_page_of_the_real_study_is_that_of_its_tables():
    spec = importlib.util.spec_from_file_location("m", ROOT / "docs/make_real_study.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = module.PAGE.read_text()
    made_anew = module.written_page(page, module.study())
    assert page == made_anew, "run: python docs/make_real_study.py"
    # every block has its place
    assert set(re.findall(r"<!-- ([\w ]+) -->\n", page)) == {*module.BLOCKS, "end"}
