import json
import os
from pathlib import Path

import pytest

from lean_automl.automl.output import FRONT, MARKER, OutputFolder, _born, check_output
from lean_automl.errors import ConfigError


def draft_of(folder: OutputFolder, **files: str) -> Path:
    draft = folder.draft()
    for name, content in files.items():
        (draft / name.replace("_", ".")).write_text(content)
    return draft


def test_a_folder_appears_whole(tmp_path: Path) -> None:
    out = tmp_path / "model"
    with OutputFolder(out) as folder:
        draft = draft_of(folder, a="1")
        assert not out.exists()
        folder.publish(draft)
        assert [path.name for path in out.iterdir()] == ["a"]
    assert list(tmp_path.iterdir()) == [out]


def test_a_later_set_replaces_an_earlier_one_and_nothing_else(tmp_path: Path) -> None:
    out = tmp_path / "model"
    with OutputFolder(out) as folder:
        folder.publish(draft_of(folder, model_lam="1", model_onnx="1", run_json="1"))
        (out / "notes.txt").write_text("mine")
        folder.publish(draft_of(folder, model_lam="2", run_json="2"))
    assert {path.name: path.read_text() for path in out.iterdir()} == {
        "model.lam": "2",
        MARKER: "2",
        "notes.txt": "mine",
    }
    assert list(tmp_path.iterdir()) == [out]


def test_an_error_leaves_what_was_published_or_nothing(tmp_path: Path) -> None:
    def fails(publish: bool) -> None:
        with OutputFolder(tmp_path / "model") as folder:
            draft = draft_of(folder, a="1")
            if publish:
                folder.publish(draft)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails(publish=False)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(RuntimeError):
        fails(publish=True)
    assert (tmp_path / "model" / "a").read_text() == "1"


def test_an_older_folder_stays_until_something_takes_its_place(tmp_path: Path) -> None:
    out = tmp_path / "model"
    out.mkdir()
    (out / MARKER).write_text("old")
    with OutputFolder(out) as folder:
        draft = draft_of(folder, a="new")
        assert (out / MARKER).read_text() == "old"
    assert (out / MARKER).read_text() == "old"
    with OutputFolder(out) as folder:
        folder.publish(draft_of(folder, run_json="new"))
    assert (out / MARKER).read_text() == "new"
    assert list(tmp_path.iterdir()) == [out]
    assert not draft.exists()


RECORD = json.dumps({"digest": "0", "target": "y"})


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({}, None),
        ({MARKER: RECORD}, None),
        ({MARKER: RECORD, "model.lam": "", "model.onnx": "", FRONT: ""}, None),
        ({"thesis.txt": "years of work"}, "not made by lean_automl"),
        ({MARKER: "{}"}, "not made by lean_automl"),
        ({MARKER: "miles: 12"}, "not made by lean_automl"),
        ({MARKER: "[]", "model.lam": ""}, "not made by lean_automl"),
        ({MARKER: RECORD, "thesis.txt": "years of work"}, "'thesis.txt', which no run wrote"),
    ],
)
def test_what_may_be_replaced(files: dict[str, str], problem: str | None, tmp_path: Path) -> None:
    out = tmp_path / "model"
    out.mkdir()
    for name, content in files.items():
        (out / name).write_text(content)
    if problem is None:
        check_output(out, overwrite=True)
    else:
        with pytest.raises(ConfigError, match=problem):
            check_output(out, overwrite=True)
    with pytest.raises(ConfigError, match="exists already"):
        check_output(out, overwrite=False)


def test_a_run_that_is_under_way_is_not_disturbed(tmp_path: Path) -> None:
    out = tmp_path / "model"
    with OutputFolder(out) as folder:
        owner = folder.aside / "owner"
        check_output(out, overwrite=False)  # by itself
        process, _, born = owner.read_text().partition(" ")
        assert (int(process), born) == (os.getpid(), _born(process))
        owner.write_text(f"{os.getppid()} {_born(str(os.getppid()))}")
        with pytest.raises(ConfigError, match="another run is making"):
            check_output(out, overwrite=False)
        owner.write_text(f"{os.getppid()} 1")  # of before the machine started anew: another process has its number
        check_output(out, overwrite=False)


def test_what_is_kept_for_later_has_no_owner(tmp_path: Path) -> None:
    with OutputFolder(tmp_path / "model") as folder:
        folder.keep = True
    assert list(folder.aside.iterdir()) == []


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    check_output(tmp_path / "new", overwrite=False)
    with pytest.raises(ConfigError, match="not a folder"):
        check_output(tmp_path / "no" / "such", overwrite=False)
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="is not a folder"):
        check_output(tmp_path / "file", overwrite=True)
