"""The report of a run on a table with hostile names: what it says, that nothing of the table acts, how it looks."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from report_browser import Browser, find_browser
from tables import mixed_frame_for

from lean_automl.automl.front import read_front
from lean_automl.automl.pipeline import FitRequest, fit
from lean_automl.cli.main import main
from lean_automl.cli.progress import Silent
from lean_automl.config import Budget, Constraints, FitConfig
from lean_automl.learners.linear import Linear
from lean_automl.report.card import card, plain
from lean_automl.report.explain import _confusion
from lean_automl.report.html import Markup, tag
from lean_automl.report.numbers import percent
from lean_automl.report.page import page

HOSTILE: Final = "</script><script>alert('x')</script> \"q\" & `c`|d"
SECTIONS: Final = [
    *("budget", "front", "leaderboard", "holdout", "columns", "timeline", "failures", "data", "latency", "commands"),
]
MOST_BYTES: Final = 300_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a run whose columns, target and classes have such names."""
    out = tmp_path_factory.mktemp("report") / "the model"
    frame, target = mixed_frame_for("binary", 500)
    frame = frame.rename(columns={"city": HOSTILE, target: f"{HOSTILE}!"})
    frame[f"{HOSTILE}!"] = frame[f"{HOSTILE}!"].map({"yes": "</script>", "no": '"no" <b>'})
    frame["leak"] = (frame[f"{HOSTILE}!"] == "</script>").astype(int)
    frame["same"] = 1
    config = FitConfig(
        constraints=Constraints(max_latency_us=1e5, max_size_bytes=60_000),
        budget=Budget(time_limit_s=120.0, max_trials=3),
        families=("additive", "linear"),
        folds=2,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lean_automl.teacher.build.portfolio", lambda *_: (Linear(),))
        fit(FitRequest(frame, f"{HOSTILE}!", out), config, Silent())
    return out


@pytest.fixture(scope="module")
def run(folder: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    return record


class Reader(HTMLParser):
    """Elements, ids and text of a page; elements must be closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.ids += [value for name, value in attrs if name == "id" and value]
        assert not any(name.startswith("on") for name, _ in attrs)
        if tag not in ("meta", "link", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_nothing_of_the_table_is_read_as_html(folder: Path) -> None:
    text = (folder / "report.html").read_text(encoding="utf-8")
    read = Reader(text)
    assert read.open == []
    assert read.tags.count("script") == 1
    assert "b" not in read.tags
    assert HOSTILE in read.text, "it is shown as it is"
    assert not re.search(r"""(?:src|href)="(?!#|data:,)""", text), "nothing is loaded from elsewhere"
    assert "url(" not in text
    assert len(text.encode()) < MOST_BYTES


def test_all_sections_are_there(folder: Path, run: dict[str, Any]) -> None:
    read = Reader((folder / "report.html").read_text(encoding="utf-8"))
    assert [name for name in read.ids if name in SECTIONS] == SECTIONS
    for words in ("All limits met", "Looks like a leak", "Dropped: constant", "What each column adds", "Calibration"):
        assert words in read.text
    assert f"lean_automl predict '{folder.name}/model.lam'" in read.text
    assert all(f"trial {trial['number']}" in read.text for trial in run["trials"])


def test_the_record_has_what_plots_need(run: dict[str, Any]) -> None:
    explained = run["explained"]
    holdout = run["rows"]["holdout"]
    assert explained["rows"] == holdout
    assert sum(own["rows"] for own in explained["calibration"]) == holdout
    assert sum(map(sum, explained["confusion"]["counts"])) == holdout
    importance = explained["importance"]
    assert next(iter(importance["columns"])) == "leak"
    assert set(importance["columns"]) | set(importance["unused"]) == set(run["features"])
    assert {shape["column"] for shape in explained["shapes"]} >= {"leak"}
    assert len(json.dumps(explained)) < 60_000
    for trial in run["trials"]:
        assert 0 <= trial["started"] <= run["seconds"]["total"]
    assert run["started"]["read"] < run["started"]["students"] < run["started"]["finish"]
    assert run["asked"]["folder"] == "the model"


def test_the_page_is_made_again_from_the_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (
        (folder / "report.html").read_text(encoding="utf-8"),
        (folder / "model_card.md").read_text(encoding="utf-8"),
    )
    monkeypatch.chdir(folder.parent)
    for name in ("report.html", "model_card.md"):
        (folder / name).unlink()
    assert main(["report", folder.name]) == 0
    assert "report.html" in capsys.readouterr().out
    after = (folder / "report.html").read_text(encoding="utf-8"), (folder / "model_card.md").read_text(encoding="utf-8")
    assert after == before


def test_bad_news_are_told(run: dict[str, Any]) -> None:
    broken = {**run["checks"][0], "met": False, "value": 99.0}
    failed = {**run["trials"][0], "score": None, "reason": f"it broke: {HOSTILE}"}
    bad = {
        **run,
        "checks": [broken, *run["checks"][1:]],
        "trials": [*run["trials"][1:], failed],
        "failures": {"catboost-1": "no <time> left"},
        "passed_over": ["additive: too slow"],
        "interrupted": True,
        "members": [],
        "teacher_score": None,
        "teacher_holdout": None,
        "explained": None,
    }
    read = Reader(page(bad, [], "x"))
    for words in ("Interrupted", "1 of 4 limits broken", f"it broke: {HOSTILE}", "no <time> left", "too slow"):
        assert words in read.text
    assert "There was no time for a teacher" in read.text
    assert "The run was interrupted" in card(bad, "x")


def test_it_is_told_what_was_fitted_on_more_rows_than_a_sample(run: dict[str, Any]) -> None:
    more = {**run["trials"][0], "number": 99, "parameters": {"grown": 1}}
    rows = {"search": 9_000, "holdout": 100, "sample": 700}
    grown = {**run, "rows": rows, "trials": [*run["trials"], more], "refitted": False}
    made = page(grown, [], "x")
    assert "searched on 700, fitted on 9,000" in Reader(made).text
    assert "on more rows, as trial 1 on the sample" in made
    assert "teacher, of the sample" in Reader(made).text
    assert "9,000 to learn from, of which 700 to search on" in card(grown, "x")
    assert "as it was fitted on all rows but those that judge" in card(grown, "x")
    assert "as it was fitted on one fold" in card({**run, "refitted": False}, "x")
    assert "sample" not in card(run, "x")


def test_the_card_says_what_is_known(folder: Path, run: dict[str, Any]) -> None:
    text = (folder / "model_card.md").read_text(encoding="utf-8")
    heads = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert heads == [
        *("Intended use", "Data", "Scores", "Limits and measured figures", "Columns", "Training", "Caveats"),
    ]
    assert "<script" not in text
    assert "predicts the target nearly by itself" in text
    assert run["digest"] in text
    rows = [line for line in text.splitlines() if line.startswith("| ") and "importance" not in line]
    assert any(plain(HOSTILE) in row for row in rows)
    assert plain("a|b\n# <c>") == r"a\|b \# &lt;c&gt;"


def test_elements_escape_what_is_no_markup() -> None:
    assert tag("p", '<&">', class_='a"b') == '<p class="a&quot;b">&lt;&amp;&quot;&gt;</p>'
    assert tag("p", Markup("<b></b>")) == "<p><b></b></p>"
    assert "\x00" not in tag("p", "a\x00b\ud800")
    (tag("p", "a\ud800")).encode("utf-8")


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_browser_shows_it_without_complaint(folder: Path, width: int, dark: bool) -> None:
    program = find_browser()
    if program is None:
        pytest.skip("no Chromium is installed")
    with Browser(program) as browser:
        browser.open(folder / "report.html", width, dark)
        assert browser.value("document.documentElement.scrollWidth") <= width
        assert browser.value("[...document.querySelectorAll('section')].map(s => s.id)") == SECTIONS[1:]
        background = browser.value("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", background)[:3])) < 200) == dark
        browser.value("document.querySelector('.dot').dispatchEvent(new Event('pointerover', {bubbles: true}))")
        assert browser.value("getComputedStyle(document.getElementById('tip')).visibility") == "visible"
        first = min(read_front(folder), key=lambda point: point.score)
        assert browser.value(f"document.body.innerHTML.includes('trial {first.trial}')")
        assert browser.complaints() == []


def test_every_task_has_its_plots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lean_automl.teacher.build.portfolio", lambda *_: (Linear(),))
    for task, words in (("multiclass", "Confusion"), ("regression", "Residuals")):
        frame, target = mixed_frame_for(task, 400)
        frame.loc[0, "age"] = np.nan
        config = FitConfig(budget=Budget(time_limit_s=100.0, max_trials=1), families=("oblivious",), folds=2)
        result = fit(FitRequest(frame, target, tmp_path / task), config, Silent())
        assert result.explained is not None
        assert result.explained.shapes is None or task == "regression"
        read = Reader((tmp_path / task / "report.html").read_text(encoding="utf-8"))
        assert words in read.text
        assert "Growth of root_mean_squared_error" in read.text or "Growth of log_loss" in read.text
        assert "No limits were set" in read.text


def test_one_of_many_classes_taken_for_another_is_wrong() -> None:
    y = np.arange(40) % 20
    labels = np.where(y == 19, 18, y)  # both are among the others
    found = _confusion(y, labels, [f"class {k}" for k in range(20)])
    assert found.classes[-1] == "(others)"
    assert sum(row[i] for i, row in enumerate(found.counts)) == 40
    assert found.right == 38


@pytest.mark.parametrize(("share", "shown"), [(1.0, "100 %"), (0.9999, "99.9 %"), (0.5, "50 %"), (0.012, "1.2 %")])
def test_only_all_of_them_are_a_hundred_percent(share: float, shown: str) -> None:
    assert percent(share) == shown
