"""Every study that the docs show is planned, and has as many runs as they say."""

import importlib
import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from conftest import ROOT

from crystal_transfer.bundles import plan
from crystal_transfer.experiments.study import load_study, with_defaults
from crystal_transfer.results.layout import Layout
from crystal_transfer.runs import as_plain, description
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
            "jid": crystal.id, "gap": crystal.target,
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


@pytest.fixture
def real_study(monkeypatch):
    """The modules that make docs/real-study.md, by name."""
    monkeypatch.syspath_prepend(ROOT / "docs/real_study")
    names = [path.stem for path in (ROOT / "docs/real_study").glob("*.py")]
    found = {name: importlib.import_module(name) for name in names}
    yield found
    for name in names:
        del sys.modules[name]


def test_the_page_of_the_real_study_is_that_of_its_tables(real_study):
    module = real_study["page"]
    page = module.PAGE.read_text()
    made_anew = module.written_page(page, module.study())
    assert page == made_anew, "run: python docs/real_study/page.py"
    # every block has its place
    assert set(re.findall(r"<!-- ([\w -]+) -->\n", page)) == {*module.BLOCKS, "end"}


def test_numbers_of_the_readme_are_those_of_the_page():
    page, readme = ((ROOT / name).read_text() for name in ("docs/real-study.md", "README.md"))
    said = readme.partition("## What is transfer worth?")[2].partition("\n## ")[0]
    _, *means = re.search(r"^\| mean \| (.*) \|$", page, re.M)[0].strip("| ").split(" | ")
    for gain in means[:4]:  # over scratch at either rate, of as many steps, of all properties
        assert f"{gain} %" in said
    rates = re.findall(r"^\| (GV|PH|DC|EBG) \| 200 \| 0.001 \| 3 \| (\d+ ± \d+) ", page, re.M)
    codes, gains = zip(*rates, strict=True)
    assert f"{', '.join(gains[:-1])} and {gains[-1]} % on {', '.join(codes[:-1])} and" in said
    published = page.partition("<!-- published -->")[2].partition("<!-- end -->")[0]
    over = {
        rate: re.findall(
            rf"^\| \w+ → PH \| 200 \| scratch at {rate} \| 3 \| (-?\d+ ± \d+) ", published, re.M
        )
        for rate in ("0.0001", "0.001")
    }
    slow, equal = (" and ".join(f"{gain} %" for gain in over[rate][::-1]) for rate in over)
    assert "On PH, pre-training on PZ (piezoelectric modulus) and on EBG lowers" in said
    assert f"{slow}, and by {equal} at the same rate" in " ".join(said.split())
    averaged = page.partition("<!-- ensembles -->")[2].partition("<!-- end -->")[0]
    found = re.findall(r"\| (\d+) ± \d+ \| (\d+) \(\d+ to \d+, \d pairs\) \| (-?\d+) ±", averaged)
    assert len(found) == 7
    scratch, pairs, left = (
        [int(number) for number in column] for column in zip(*found, strict=True)
    )
    assert f"{min(scratch)} to {max(scratch)} % from scratch" in said
    assert f"{min(pairs)} to {max(pairs)} % after transfer" in said
    assert f"{min(left)} to {max(left)} % are left to transfer" in " ".join(said.split())


def cells_of(page: str, block: str) -> list[list[str]]:
    """The rows of the first table of a block, without its head."""
    text = page.partition(f"<!-- {block} -->")[2].partition("<!-- end -->")[0]
    table = re.search(r"(?:^\|.*\n)+", text, re.M)[0]
    return [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]


def number_and_half_width(cell: str) -> tuple[float, float]:
    mean, _, half = cell.partition(" ± ")
    return float(mean), float(half)


def test_what_the_real_study_says_in_words_is_in_its_tables():
    """Sentences of docs/real-study.md that are written by hand and name no file."""
    page = (ROOT / "docs/real-study.md").read_text()
    said = " ".join(page.split())
    *datasets, mean = [
        [number_and_half_width(cell) for cell in row[1:]] for row in cells_of(page, "summary")
    ]
    slow, equal, steps, all_scratch, all_pair, _, _ = mean
    assert "about a third of that is left, clear over the seven datasets together" in said
    assert 0.28 < equal[0] / slow[0] < 0.39
    assert equal[0] > equal[1]
    assert "nothing is left over the seven together" in said
    assert steps[0] < steps[1]
    assert "(beyond the interval on three of seven, and over the seven together)" in said
    assert [row[4][0] > row[4][1] for row in datasets].count(True) == 3
    assert all_pair[0] > all_pair[1]
    assert all_scratch[0] > all_scratch[1]
    assert "Transfer is below a constant, by its median pair, on FE alone" in said
    # n = 10: the constant and the median pair
    few = [row for row in cells_of(page, "rates of scratch") if row[1] == "10"]
    below = [row[0] for row in few if float(row[6].split()[0]) < float(row[3].split()[0])]
    assert below == ["FE"]


def test_what_the_real_study_says_of_claims_is_in_their_table():
    page = (ROOT / "docs/real-study.md").read_text()
    said = " ".join(page.split())
    claims = {row[0]: row[1:] for row in cells_of(page, "paper")}

    def percent(claim: str, column: int, metric: str) -> float:
        return float(re.search(rf"{metric} (-?[\d.]+) %", claims[claim][column])[1])

    assert "against scratch at the published rate every pair has the lower MAE" in said
    assert "MAE 42/42" in claims["Pairs beat scratch, n = 200"][2]
    assert "our mean gain is less than half of our gain over scratch at the published one" in said
    slow, equal = (percent("Mean gain, n = 200: all pairs", column, "MAE") for column in (2, 3))
    assert equal < slow / 2
    assert "the mean gain of the MAE is larger than the published one" in said
    assert slow > percent("Mean gain, n = 200: all pairs", 1, "MAE")
    assert "hardly on PH, where the published gain is large" in said
    changes = "MPT against the pair on PH and EBG, against scratch on GV"
    theirs, ours = (percent(changes, column, "PH MAE") for column in (1, 3))
    assert theirs < -20 < -5 < ours
    assert "the best PT datasets are mostly others" in said
    same = re.search(r"for (\d) of 7 by R² .* for (\d) of 7 by scaled MAE", said)
    assert max(map(int, same.groups())) < 4


def test_rows_of_earlier_sittings_stay_while_their_runs_are_planned_so(
    real_study, tmp_path, monkeypatch, capsys
):
    keeping, reading = real_study["keeping"], real_study["reading"]
    study = reading.study()
    kept = keeping.earlier("scratch_runs", ["id"])
    some = [run for run in study.grid["scratch"] if run.id in kept.index][:3]
    rows = kept.loc[[run.id for run in some]].reset_index()
    monkeypatch.setattr(keeping, "TABLES", tmp_path)
    (tmp_path / "scratch_runs.csv").write_text(rows.to_csv(index=False))
    other = replace(some[2], hyperparameters=replace(some[2].hyperparameters, epochs=9))
    definitions = keeping.definitions_of(study, [*some[:2], other])
    again = rows.iloc[[0]].drop(columns="definition").assign(mae=0.5)
    keeping.write(again, "scratch_runs", ["id"], definitions)
    found = keeping.earlier("scratch_runs", ["id"])
    assert list(found.index) == [some[0].id, some[1].id]
    assert found.loc[some[0].id, "mae"] == 0.5
    assert found.loc[some[1].id, "mae"] == rows.loc[1, "mae"]
    assert some[2].id in capsys.readouterr().out


def test_a_run_of_another_config_is_not_gathered(real_study, tmp_path, capsys):
    collect = real_study["collect"]
    study = collect.study_of(collect.CONFIG)
    study = replace(study, layout=Layout(str(tmp_path)))
    run, other = study.grid["scratch"][:2]
    for some, epochs in ((run, run.hyperparameters.epochs), (other, 9)):
        trained = replace(some, hyperparameters=replace(some.hyperparameters, epochs=epochs))
        content = {"run": description(trained), "settings": as_plain(study.settings(some))}
        files = study.files(some)
        Path(files.description).parent.mkdir(parents=True)
        Path(files.description).write_text(json.dumps(content))
        Path(files.metrics).write_text("{}")
    assert collect.finished(study, [run, other]) == [run]
    assert other.id in capsys.readouterr().out
