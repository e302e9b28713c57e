from pathlib import Path

import pytest

from lean_automl.automl.output import MARKER, check_output, output_folder
from lean_automl.errors import ConfigError


def test_a_folder_appears_whole(tmp_path: Path) -> None:
    out = tmp_path / "model"
    with output_folder(out) as draft:
        (draft / "a").write_text("1")
        assert not out.exists()
    assert [path.name for path in out.iterdir()] == ["a"]
    assert list(tmp_path.iterdir()) == [out]


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    def fails() -> None:
        with output_folder(tmp_path / "model") as draft:
            (draft / "a").write_text("1")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_folder_is_replaced_in_one_step(tmp_path: Path) -> None:
    out = tmp_path / "model"
    for content in ("1", "2"):
        with output_folder(out) as draft:
            (draft / MARKER).write_text(content)
            if content == "2":
                assert (out / MARKER).read_text() == "1"
    assert (out / MARKER).read_text() == "2"
    assert list(tmp_path.iterdir()) == [out]


def test_what_may_not_be_replaced(tmp_path: Path) -> None:
    own, foreign = tmp_path / "own", tmp_path / "foreign"
    for folder in (own, foreign):
        folder.mkdir()
    (own / MARKER).write_text("{}")
    (foreign / "thesis.txt").write_text("years of work")
    check_output(tmp_path / "new", overwrite=False)
    check_output(own, overwrite=True)
    with pytest.raises(ConfigError, match="exists already"):
        check_output(own, overwrite=False)
    with pytest.raises(ConfigError, match="not made by lean_automl"):
        check_output(foreign, overwrite=True)
    with pytest.raises(ConfigError, match="not a folder"):
        check_output(tmp_path / "no" / "such", overwrite=False)
