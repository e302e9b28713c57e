"""`lean_automl compile`: files, notes and refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import joblib
import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
from lean_automl_runtime import load
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lean_automl.cli.main import main

DONE, ERROR, USAGE = 0, 1, 2


@pytest.fixture
def rows() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame({"age": rng.normal(40, 9, 300), "city": rng.choice(["Rome", "oslo"], 300), "y": 0})


@pytest.fixture
def folder(tmp_path: Path, rows: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    frame = rows[["age", "city"]].astype({"city": "category"})
    target = (frame["age"] > 38).astype(int)
    model = lgb.train({"objective": "binary", "verbosity": -1, "num_leaves": 5}, lgb.Dataset(frame, target), 4)
    model.save_model("booster.txt")
    model.save_model("again.v2.txt")
    numbers = rows[["age"]]
    joblib.dump(make_pipeline(StandardScaler(), LogisticRegression()).fit(numbers, target), "pipeline.joblib")
    rows.to_csv("rows.csv", index=False)
    return tmp_path


def test_the_files_of_a_booster(folder: Path, rows: pd.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["compile", "booster.txt", "--data", "rows.csv", "--classes", "no,yes"]
    assert main(arguments) == DONE
    assert "agrees with LightGBM on 300 rows" in capsys.readouterr().out
    made = folder / "booster-compiled"
    assert {path.name for path in made.iterdir()} == {"model.lam", "model.onnx", "run.json"}
    wanted = lgb.Booster(model_file="booster.txt").predict(
        rows[["age", "city"]].astype({"age": "float32", "city": "category"})
    )
    for name in ("model.lam", "model.onnx"):
        model = load(made / name)
        assert model.classes == ("no", "yes")
        assert np.abs(model.predict_proba(rows)[:, 1] - wanted).max() < 1e-6
    assert main(arguments) == USAGE
    assert main([*arguments, "--overwrite", "--json"]) == DONE
    facts = json.loads(capsys.readouterr().out)
    assert facts["compiled_from"] == {"file": "booster.txt", "library": "LightGBM"}
    assert facts["parity"]["largest_difference"] < 1e-6
    assert main(["inspect", "booster-compiled/model.lam"]) == DONE


def test_pickles_are_not_loaded_unasked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", "pipeline.joblib"]) == USAGE
    assert "runs whatever code" in capsys.readouterr().err
    assert not (folder / "pipeline-compiled").exists()
    assert main(["compile", "pipeline.joblib", "--trust-pickle", "--data", "rows.csv"]) == DONE
    assert "agrees with scikit-learn on 300 rows" in capsys.readouterr().out


def test_what_inspect_prints_describes_columns(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", "booster.txt"]) == DONE
    capsys.readouterr()
    assert main(["inspect", "booster-compiled/model.lam", "--json"]) == DONE
    (folder / "schema.json").write_text(capsys.readouterr().out)
    assert main(["compile", "again.v2.txt", "--columns", "schema.json"]) == DONE
    assert "was not checked" in capsys.readouterr().err
    digests = [
        json.loads((folder / f"{name}-compiled/run.json").read_text())["digest"] for name in ("booster", "again")
    ]
    assert digests[0] == digests[1]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is not JSON"),
        ("3", "neither a list"),
        ('[{"name": "age"}]', "has kind None"),
        ('[{"name": "age", "kind": "numeric", "dtype": "string"}]', "numeric is float32 or float64"),
        ('[{"name": "age", "kind": "numeric"}, {"name": "age", "kind": "numeric"}]', "twice"),
        ('[{"name": "age", "kind": "categorical"}]', "reads numbers"),
        ('[{"name": "agee", "kind": "numeric"}]', "no such column"),
        ("[3]", "is not an object"),
    ],
)
def test_wrong_descriptions(folder: Path, capsys: pytest.CaptureFixture[str], content: str, words: str) -> None:
    (folder / "schema.json").write_text(content)
    assert main(["compile", "booster.txt", "--columns", "schema.json"]) == USAGE
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("absent.txt", None, "cannot be read"),
        ("notes.txt", b"hello", "not a model of a known kind"),
        ("other.json", b'{"a": 1}', "neither XGBoost nor CatBoost"),
        ("broken.ubj", b"{L\x00\x00", "neither JSON nor UBJSON"),
        ("empty.txt", b"tree\n\n", "no trees"),
        ("broken.cbm", b"CBM1\x00", "cannot read"),
        (
            "cut.txt",
            b"tree\nfeature_names=a b\nmax_feature_idx=1\nobjective=binary\n\nTree=0\nnum_leaves=3\n",
            "damaged",
        ),
        ("cut.json", b'{"learner": {"learner_model_param": {}}}', "damaged"),
        ("cut.onnx", b"\x08\x07nothing", "not an ONNX file"),
        ("broken.pkl", b"\x80\x04nothing", "cannot be loaded"),
    ],
)
def test_files_that_are_no_models(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes | None, words: str
) -> None:
    if content is not None:
        (folder / name).write_bytes(content)
    assert main(["compile", name, "--trust-pickle"]) == ERROR
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value"), [("--rounds", "few"), ("--rounds", "0"), ("--classes", "a,,b"), ("--classes", "a,b,c")]
)
@pytest.mark.usefixtures("folder")
def test_wrong_options(capsys: pytest.CaptureFixture[str], option: str, value: Any) -> None:
    assert main(["compile", "booster.txt", option, value]) == USAGE
    assert option.strip("-") in capsys.readouterr().err


@pytest.mark.usefixtures("folder")
def test_rows_that_the_library_refuses(rows: pd.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    rows.loc[3, "age"] = np.nan
    rows.to_csv("gaps.csv", index=False)
    assert main(["compile", "pipeline.joblib", "--trust-pickle", "--data", "gaps.csv"]) == ERROR
    assert "cannot predict the given rows" in capsys.readouterr().err


def test_a_difference_is_an_error(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["compile", "booster.txt", "--data", "rows.csv", "--tolerance", "0"])
    assert code == ERROR
    assert "disagrees with LightGBM" in capsys.readouterr().err
    assert not (folder / "booster-compiled").exists()


def test_truth_values_of_text_files(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A CSV file says True and False where the model was trained on booleans."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"age": rng.normal(40, 9, 300), "ok": rng.random(300) < 0.5})
    model = lgb.LGBMClassifier(n_estimators=4, verbosity=-1, n_jobs=1).fit(frame, frame["ok"] & (frame["age"] > 38))
    model.booster_.save_model("truth.txt")
    frame.to_csv("truth.csv", index=False)
    assert main(["compile", "truth.txt", "--data", "truth.csv"]) == DONE
    assert "agrees with LightGBM on 300 rows" in capsys.readouterr().out
    made = load(folder / "truth-compiled" / "model.lam")
    wanted = model.predict_proba(frame.astype({"age": "float32"}))
    for rows in (frame, pd.read_csv("truth.csv", dtype={"ok": str})):
        assert np.abs(made.predict_proba(rows) - wanted).max() < 1e-6
