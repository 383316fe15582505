"""Outputs appear whole or not at all."""

import errno
import os
import re
from pathlib import Path

import pytest

from crystal_transfer.console import logged
from crystal_transfer.errors import InputError
from crystal_transfer.files import (
    read_json,
    replaced_when_whole,
    require_folder,
    require_place,
    write_json,
    write_text,
)


@pytest.mark.parametrize("folder", [False, True])
def test_a_failed_write_leaves_the_old_content(tmp_path, folder):
    path = tmp_path / "x"
    path.write_text("old")
    with pytest.raises(RuntimeError), replaced_when_whole(path) as temporary:
        if folder:
            temporary.mkdir()
            temporary = temporary / "part"
        temporary.write_text("ne")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_one(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder/file")
    write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "folder/file").read_text() == "new"


def test_only_files_are_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("old")
    for name, fault in (
        ("pipe", "pipe: is no file that can be replaced"), ("folder", "folder: is a folder"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=fault):
            write_text(tmp_path / name, "new")
    with pytest.raises(InputError, match="file is a file, so nothing can lie in it"):
        require_place(tmp_path / "file/x.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder", "pipe"]


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="the system has no /proc")
@pytest.mark.parametrize("require", [require_place, require_folder])
def test_what_cannot_be_written_is_refused_before_the_work_to_root_too(require):
    with pytest.raises(InputError, match="/proc/x/y: /proc cannot be written to"):
        require("/proc/x/y")


@pytest.mark.parametrize("require", [require_place, require_folder])
def test_asking_whether_a_file_can_be_written_leaves_nothing(tmp_path, require):
    require(tmp_path / "a/b")
    assert list(tmp_path.iterdir()) == []


def test_json_that_cannot_be_written_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "x.json", float("nan"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("text", "message"), [("", "line 1"), ("[1,", "line 1")])
def test_broken_json(tmp_path, text, message):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(InputError, match=message):
        read_json(tmp_path / "x.json")
    with pytest.raises(InputError, match="cannot be read"):
        read_json(tmp_path / "nowhere.json")


def test_a_users_mistake_ends_in_one_sentence(tmp_path):
    log = tmp_path / "log"
    with pytest.raises(SystemExit, match="error: too few crystals"), logged(log):
        print("started")
        raise InputError("too few crystals")
    assert log.read_text() == "started\nerror: too few crystals\n"


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.ENOSPC, "No space left on device; make room."),
        (errno.EROFS, "Read-only file system; make it writable, or name another place."),
        (errno.ENOENT, "No such file or directory; see whether it was moved or deleted."),
        (errno.EIO, "Input/output error."),
    ],
)
def test_what_the_system_refuses_ends_in_one_sentence(tmp_path, number, sentence):
    with (
        pytest.raises(SystemExit, match=re.escape(f"error: mine: {sentence}")),
        logged(tmp_path / "log"),
    ):
        raise OSError(number, os.strerror(number), "mine")
    assert (tmp_path / "log").read_text() == f"error: mine: {sentence}\n"
