"""Every input of the table `malformed` ends in its sentence, and costs no other row."""

import json
import os
import re

import ase.io
import malformed
import pytest
from ase.build import bulk

from crystal_transfer.datasets.cleaning import clean
from crystal_transfer.datasets.sources.file import read_file
from crystal_transfer.errors import InputError


@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    return malformed.folders(tmp_path_factory.mktemp("written"))


@pytest.mark.parametrize("format", ["cif", "poscar", "xyz"])
def test_damaged_structure_files_are_rejected_with_the_reason(damaged, format, tmp_path):
    cases = [case for case in damaged if case.kind.startswith(f"{format}:")]
    ase.io.write(tmp_path / "good.cif", bulk("Cu"))
    lines = ["good.cif,1.0"]
    for number, case in enumerate(cases):
        (tmp_path / f"{number}-{case.name}").write_bytes(case.content)
        lines.append(f"{number}-{case.name},2.0")
    (tmp_path / "id_prop.csv").write_text("\n".join(lines) + "\n")
    table, rejected = clean(read_file(tmp_path))
    reasons = {row.id: row.reason for row in rejected}
    wrong = []
    for number, case in enumerate(cases):
        reason = reasons.get(f"{number}-{case.name}", "ACCEPTED")
        if not re.search(case.sentence, reason):
            wrong.append(f"{case.kind}, {case.name}: {reason}")
    assert not wrong, "\n".join(wrong)
    assert table.ids.tolist() == ["good.cif"]
    assert not re.search(r"\w(Error|Exception)\b", " ".join(reasons.values()))


@pytest.mark.parametrize("kind", malformed.JARVIS_ROWS)
def test_rows_of_alignn_json(kind, tmp_path):
    rows, sentence = malformed.JARVIS_ROWS[kind]
    path = tmp_path / "d.json"
    path.write_text(json.dumps([malformed.GOOD, *rows]))
    table, rejected = clean(read_file(path))
    assert table.ids.tolist() == ["good"]
    assert len(rejected) == len(rows)
    assert [row for row in rejected if not re.search(sentence, row.reason)] == []
    for row in rejected:
        f"{row.id} {row.reason}".encode()
        assert row.id.isprintable()


@pytest.mark.parametrize("kind", malformed.TABLE_ROWS)
def test_rows_of_tables(kind, tmp_path):
    rows, sentence = malformed.TABLE_ROWS[kind]
    good = [malformed.SALT_DICT, 1.0]
    content = {"columns": ["structure", "y"], "data": [good, *rows]}
    path = tmp_path / "t.json"
    path.write_text(json.dumps(content))
    table, rejected = clean(read_file(path, "y"))
    assert table.ids.tolist() == ["0"]
    assert len(rejected) == len(rows)
    assert [row for row in rejected if not re.search(sentence, row.reason)] == []


def refused(path, sentence, *keys) -> None:
    with pytest.raises(InputError, match=sentence) as error:
        clean(read_file(path, *keys))
    message = str(error.value)
    assert "\n" not in message
    assert str(path) in message


@pytest.mark.parametrize(
    ("kind", "name", "content", "sentence"), malformed.FILES,
    ids=[f"{number}-{kind}" for number, (kind, *_) in enumerate(malformed.FILES)],
)  # fmt: skip
def test_files_that_are_refused(kind, name, content, sentence, tmp_path):
    (tmp_path / name).write_bytes(content)
    refused(tmp_path / name, sentence)


@pytest.mark.parametrize(("content", "column", "sentence"), malformed.REFUSED_TABLES)
def test_tables_that_are_refused(content, column, sentence, tmp_path):
    (tmp_path / "t.json").write_text(json.dumps(content))
    refused(tmp_path / "t.json", sentence, column)


@pytest.fixture
def folder(tmp_path):
    for name in ("a.cif", "b.cif", "b.vasp"):
        ase.io.write(tmp_path / name, bulk("Cu"))
    (tmp_path / "c").mkdir()
    return tmp_path


@pytest.mark.parametrize(("content", "column", "id", "sentence"), malformed.REFUSED_CSVS)
def test_folders_that_are_refused(content, column, id, sentence, folder):
    data = content if isinstance(content, bytes) else content.encode()
    (folder / "id_prop.csv").write_bytes(data)
    refused(folder, sentence, column, id)


def test_rows_of_folders(folder):
    for row, sentence in malformed.REJECTED_CSV_ROWS:
        (folder / "id_prop.csv").write_text(f"a.cif,1.0\n{row}\n", encoding="utf-8")
        table, rejected = clean(read_file(folder))
        assert table.ids.tolist() == ["a.cif"], row
        assert len(rejected) == 1, row
        assert re.search(sentence, rejected[0].reason), (row, rejected)


def test_what_is_no_regular_file_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "d.json")
    refused(tmp_path / "d.json", "is not a regular file")
    refused(tmp_path / "nowhere.json", "no such file")
    os.mkfifo(tmp_path / "id_prop.csv")
    refused(tmp_path, "is not a regular file")
    (tmp_path / "id_prop.csv").unlink()
    os.mkfifo(tmp_path / "a.cif")
    (tmp_path / "big.cif").write_bytes(b"#" * (11 * 2**20))
    (tmp_path / "id_prop.csv").write_text("a.cif,1.0\nbig.cif,1.0\n")
    _, rejected = clean(read_file(tmp_path))
    assert [row.reason for row in rejected] == [
        "is not a regular file", "holds more than 10 MiB, which is too large",
    ]  # fmt: skip


def test_there_are_enough_of_them(damaged):
    rows = [row for kinds in (malformed.JARVIS_ROWS, malformed.TABLE_ROWS)
            for rows, _ in kinds.values() for row in rows]  # fmt: skip
    lists = (malformed.FILES, malformed.REFUSED_TABLES, malformed.REFUSED_CSVS)
    distinct = {case.content for case in damaged} | {repr(row) for row in rows}
    assert len(distinct) + sum(map(len, lists)) + len(malformed.REJECTED_CSV_ROWS) >= 500
