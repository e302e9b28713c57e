"""ONNX files of skl2onnx, onnxmltools and CatBoost compile to what onnxruntime predicts."""

from __future__ import annotations

import warnings
from typing import Any

import catboost as cb
import lightgbm as lgb
import numpy as np
import onnx
import onnxmltools
import onnxruntime
import pandas as pd
import pytest
import xgboost as xgb
from foreign_probes import worst_difference
from lean_automl_exporters.onnx import OnnxOptions, TreeEncoding, export_onnx
from lean_automl_runtime.reference import evaluate
from onnx import TensorProto, helper, numpy_helper
from onnxmltools.convert.common.data_types import FloatTensorType as ToolsFloats
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, Int64TensorType, StringTensorType
from sklearn import ensemble, linear_model, neural_network, tree
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)
from sklearn.svm import LinearSVC

from lean_automl.compiler.foreign import Request, compile_checked, compile_model
from lean_automl.errors import UnsupportedOpError

TREES = 1e-6
ROUNDED = 5e-6


def rows(count: int = 300) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, 3)).astype(np.float32)


def classes_of(x: np.ndarray, count: int) -> np.ndarray:
    s = x[:, 0] + x[:, 1] ** 2
    return np.digitize(s, np.quantile(s, np.linspace(0, 1, count + 1)[1:-1]))


def converted(model: Any, classes: int, width: int = 3, **options: Any) -> onnx.ModelProto:
    x = rows()
    y = classes_of(x, classes) if classes else x[:, 0] * 3 + x[:, 1] ** 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(x, y)
        return convert_sklearn(model, initial_types=[("X", FloatTensorType([None, width]))], **options)


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize(
    ("model", "tolerance"),
    [
        (tree.DecisionTreeClassifier(max_depth=5), TREES),
        (ensemble.RandomForestClassifier(5, max_depth=5, random_state=0), TREES),
        (ensemble.ExtraTreesClassifier(5, max_depth=5, random_state=0), TREES),
        (ensemble.GradientBoostingClassifier(n_estimators=5), TREES),
        (linear_model.LogisticRegression(), ROUNDED),
        (neural_network.MLPClassifier((6, 4), max_iter=20, random_state=0), ROUNDED),
    ],
    ids=lambda value: type(value).__name__,
)
def test_classifiers(model: Any, tolerance: float, classes: int) -> None:
    file = converted(model, classes)
    assert worst_difference(file, nan=False, largest=50.0) < tolerance
    assert_labels(file)


def assert_labels(file: onnx.ModelProto) -> None:
    """Labels are those of the file, where its probabilities are apart."""
    x = np.random.default_rng(5).normal(size=(200, 3)).astype(np.float32)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(file.SerializeToString(), options, providers=["CPUExecutionProvider"])
    label, probabilities = session.run(None, {session.get_inputs()[0].name: x})
    if isinstance(probabilities, list):
        probabilities = np.array([list(row.values()) for row in probabilities])
    program = compile_model(file, Request(names=("x0", "x1", "x2")))
    found = evaluate(program, [x[:, int(column.name[1])] for column in program.columns])["label"]
    best = np.sort(probabilities, axis=1)
    apart = best[:, -1] - best[:, -2] > 1e-5
    assert (found[apart] == np.asarray(label)[apart]).all()


@pytest.mark.parametrize(
    ("model", "tolerance"),
    [
        (tree.DecisionTreeRegressor(max_depth=5), TREES),
        (ensemble.RandomForestRegressor(5, max_depth=5, random_state=0), TREES),
        (ensemble.GradientBoostingRegressor(n_estimators=5), TREES),
        (linear_model.Ridge(), ROUNDED),
        (linear_model.TweedieRegressor(power=0, link="log"), ROUNDED),
        (neural_network.MLPRegressor(hidden_layer_sizes=(6, 4), max_iter=20, random_state=0), ROUNDED),
        (neural_network.MLPRegressor(hidden_layer_sizes=(5,), activation="tanh", max_iter=20), ROUNDED),
        (neural_network.MLPRegressor(hidden_layer_sizes=(5,), activation="logistic", max_iter=20), ROUNDED),
        (make_pipeline(StandardScaler(), MinMaxScaler(), tree.DecisionTreeRegressor(max_depth=6)), TREES),
        (make_pipeline(SimpleImputer(), RobustScaler(), MaxAbsScaler(), linear_model.Lasso(0.01)), ROUNDED),
        (make_pipeline(MinMaxScaler(clip=True), tree.DecisionTreeRegressor(max_depth=6)), TREES),
    ],
    ids=lambda value: type(value).__name__,
)
def test_regressors(model: Any, tolerance: float) -> None:
    assert worst_difference(converted(model, 0), nan=False, largest=50.0) < tolerance


@pytest.mark.parametrize(
    ("encoder", "known"),
    [
        (OneHotEncoder(handle_unknown="ignore"), False),
        (OrdinalEncoder(), True),
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), False),
        (TargetEncoder(), False),
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "model", [linear_model.LogisticRegression(), ensemble.RandomForestClassifier(3, random_state=0)], ids=str
)
def test_pipelines_with_text(encoder: Any, known: bool, model: Any) -> None:
    x, rng = rows(), np.random.default_rng(1)
    frame = pd.DataFrame(
        {"a": x[:, 0], "b": x[:, 1], "c": rng.choice(["u", "v", "ö"], 300), "d": rng.choice(["p", "q"], 300)}
    )
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    pipeline = make_pipeline(ColumnTransformer([("n", numbers, ["a", "b"]), ("c", encoder, ["c", "d"])]), model)
    pipeline.fit(frame, classes_of(x, 2))
    types = [(name, FloatTensorType([None, 1]) if name in "ab" else StringTensorType([None, 1])) for name in "abcd"]
    file = convert_sklearn(pipeline, initial_types=types)
    names = {column.name: column.dtype for column in compile_model(file).columns}
    assert names == {"a": "float32", "b": "float32", "c": "string", "d": "string"}
    assert worst_difference(file, largest=50.0, known_text=known) < ROUNDED


def test_whole_number_categories() -> None:
    codes = np.random.default_rng(0).integers(-2, 4, size=(300, 2))
    pipeline = make_pipeline(OneHotEncoder(handle_unknown="ignore"), linear_model.Ridge()).fit(codes, codes[:, 0] ** 2)
    file = convert_sklearn(pipeline, initial_types=[("X", Int64TensorType([None, 2]))])
    assert worst_difference(file, nan=False, largest=100.0) < ROUNDED


def test_double_inputs() -> None:
    x = rows().astype(np.float64)
    model = make_pipeline(StandardScaler(), linear_model.Ridge()).fit(x, x[:, 0])
    file = convert_sklearn(model, initial_types=[("X", DoubleTensorType([None, 3]))])
    assert worst_difference(file, nan=False, largest=50.0) < ROUNDED


def tools(model: Any) -> onnx.ModelProto:
    types = [("X", ToolsFloats([None, 3]))]
    if isinstance(model, lgb.LGBMModel):
        return onnxmltools.convert_lightgbm(model, initial_types=types)
    return onnxmltools.convert_xgboost(model, initial_types=types)


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize(
    "model",
    [
        lgb.LGBMClassifier(n_estimators=4, num_leaves=7, verbosity=-1, n_jobs=1),
        xgb.XGBClassifier(n_estimators=4, max_depth=3, n_jobs=1),
    ],
    ids=lambda model: type(model).__name__,
)
def test_boosted_classifiers(model: Any, classes: int) -> None:
    x = rows()
    x[::9, 1] = np.nan
    file = tools(model.fit(x, classes_of(np.nan_to_num(x), classes)))
    assert worst_difference(file) < TREES
    assert_labels(file)


@pytest.mark.parametrize(
    "model",
    [
        lgb.LGBMRegressor(n_estimators=4, num_leaves=7, verbosity=-1, n_jobs=1),
        lgb.LGBMRegressor(n_estimators=4, num_leaves=7, verbosity=-1, n_jobs=1, objective="poisson"),
        lgb.LGBMRegressor(
            n_estimators=100, num_leaves=4, verbosity=-1, n_jobs=1, boosting_type="rf", subsample=0.5, subsample_freq=1
        ),
        xgb.XGBRegressor(n_estimators=4, max_depth=3, n_jobs=1),
    ],
    ids=lambda model: f"{type(model).__name__}-{model.get_params().get('objective')}",
)
def test_boosted_regressors(model: Any) -> None:
    x = rows()
    assert worst_difference(tools(model.fit(x, np.abs(x[:, 0])))) < TREES


def test_equality_tests_of_categories() -> None:
    x = rows()
    x[:, 2] = np.random.default_rng(1).integers(0, 9, 300)
    model = lgb.LGBMRegressor(n_estimators=4, num_leaves=7, verbosity=-1, n_jobs=1, min_data_per_group=5)
    file = tools(model.fit(x, x[:, 2] % 3 + x[:, 0], categorical_feature=[2]))
    assert worst_difference(file) < TREES


def test_catboost_files(tmp_path: Any) -> None:
    for classes in (2, 3):
        model = cb.CatBoostClassifier(iterations=4, depth=3, verbose=0, allow_writing_files=False, thread_count=1)
        model.fit(rows(), classes_of(rows(), classes))
        path = tmp_path / f"{classes}.onnx"
        model.save_model(str(path), format="onnx")
        assert worst_difference(path, nan=False) < TREES
        assert_labels(onnx.load(path))


MODES = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"]


@pytest.mark.parametrize("tracks", [0, 1])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("scaled", [False, True])
def test_every_kind_of_test(mode: str, tracks: int, scaled: bool) -> None:
    """One node, with NaN going either way, on the raw column and on a scaled one."""
    scaler = helper.make_node("Scaler", ["X"], ["S"], domain="ai.onnx.ml", offset=[0.3], scale=[1.7])
    ensemble_node = helper.make_node(
        "TreeEnsembleRegressor",
        ["S" if scaled else "X"],
        ["Y"],
        domain="ai.onnx.ml",
        n_targets=1,
        nodes_treeids=[0, 0, 0],
        nodes_nodeids=[0, 1, 2],
        nodes_featureids=[0, 0, 0],
        nodes_modes=[mode, "LEAF", "LEAF"],
        nodes_values=[0.75, 0.0, 0.0],
        nodes_truenodeids=[1, 0, 0],
        nodes_falsenodeids=[2, 0, 0],
        nodes_missing_value_tracks_true=[tracks, 0, 0],
        target_treeids=[0, 0],
        target_nodeids=[1, 2],
        target_ids=[0, 0],
        target_weights=[1.0, -2.0],
    )
    nodes = [scaler, ensemble_node] if scaled else [ensemble_node]
    x = helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, 1])
    y = helper.make_tensor_value_info("Y", TensorProto.FLOAT, [None, 1])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(helper.make_graph(nodes, "g", [x], [y]), opset_imports=opsets, ir_version=9)
    assert worst_difference(model) < TREES


@pytest.mark.parametrize("tracks", [0, 1])
def test_membership_of_sets(tracks: int) -> None:
    """Two trees of one node: a set and another set, as version 5 writes them."""
    node = helper.make_node(
        "TreeEnsemble",
        ["X"],
        ["Y"],
        domain="ai.onnx.ml",
        n_targets=1,
        tree_roots=[0, 1],
        nodes_featureids=[0, 0],
        nodes_modes=numpy_helper.from_array(np.array([6, 6], dtype=np.uint8)),
        nodes_splits=numpy_helper.from_array(np.zeros(2, dtype=np.float32)),
        nodes_truenodeids=[0, 2],
        nodes_trueleafs=[1, 1],
        nodes_falsenodeids=[1, 3],
        nodes_falseleafs=[1, 1],
        nodes_missing_value_tracks_true=[tracks, 0],
        leaf_targetids=[0, 0, 0, 0],
        leaf_weights=numpy_helper.from_array(np.array([1, 2, 4, 8], dtype=np.float32)),
        membership_values=numpy_helper.from_array(np.array([1, 4, 2.5, np.nan, 7, 4, np.nan], dtype=np.float32)),
    )
    x = helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, 1])
    y = helper.make_tensor_value_info("Y", TensorProto.FLOAT, [None, 1])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 5)]
    model = helper.make_model(helper.make_graph([node], "g", [x], [y]), opset_imports=opsets, ir_version=10)
    assert worst_difference(model) < TREES


@pytest.mark.parametrize("encoding", [TreeEncoding.TREE_ENSEMBLE, TreeEncoding.TREE_ENSEMBLE_V3])
def test_tree_ensembles_of_version_5(encoding: TreeEncoding) -> None:
    """The files of this project have both forms; without their notes they are files like any other."""
    x = rows()
    x[::7] = np.nan
    model = lgb.LGBMClassifier(n_estimators=4, num_leaves=7, verbosity=-1, n_jobs=1).fit(x, np.arange(300) % 3)
    content = export_onnx(compile_model(model), OnnxOptions(encoding=encoding))
    file = onnx.load_model_from_string(content)
    with pytest.raises(UnsupportedOpError, match=r"model\.lam"):
        compile_model(file)
    del file.metadata_props[:]
    assert worst_difference(file) < TREES


def test_names_come_from_the_request_and_files_are_the_same(tmp_path: Any) -> None:
    file = converted(linear_model.Ridge(), 0)
    path = tmp_path / "model.onnx"
    onnx.save(file, path)
    program = compile_model(path, Request(names=("p", "q", "r")))
    assert [column.name for column in program.columns] == ["p", "q", "r"]
    assert [column.name for column in compile_model(path).columns] == ["x0", "x1", "x2"]


@pytest.mark.parametrize(
    ("model", "classes", "named"),
    [
        (make_pipeline(Normalizer(), linear_model.Ridge()), 0, "Normalizer"),
        (linear_model.SGDClassifier(loss="log_loss"), 3, "Exp|Reciprocal"),
        (ensemble.AdaBoostClassifier(n_estimators=2), 3, "ONNX op"),
    ],
    ids=["Normalizer", "SGDClassifier", "AdaBoostClassifier"],
)
def test_refusals_name_what_is_refused(model: Any, classes: int, named: str) -> None:
    with pytest.raises(UnsupportedOpError, match=named):
        compile_model(converted(model, classes))


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("model", [LinearSVC(), linear_model.RidgeClassifier()], ids=lambda model: type(model).__name__)
def test_classifiers_without_probabilities_say_so(model: Any, classes: int) -> None:
    file = converted(model, classes)
    assert worst_difference(file, nan=False, largest=50.0) < ROUNDED
    compiled = compile_checked(file, sample=pd.DataFrame(rows()))
    assert "margins instead of probabilities" in compiled.notes[0]
    assert not compile_checked(converted(linear_model.LogisticRegression(), classes)).notes


def test_text_that_is_imputed_is_refused() -> None:
    frame = pd.DataFrame({"c": ["u", "v", ""] * 100, "d": ["p", "q"] * 150})
    imputer = SimpleImputer(strategy="most_frequent", missing_values="")
    model = make_pipeline(imputer, OneHotEncoder(), linear_model.Ridge()).fit(frame, rows()[:, 0])
    file = convert_sklearn(model, initial_types=[(name, StringTensorType([None, 1])) for name in "cd"])
    with pytest.raises(UnsupportedOpError, match=r"LabelEncoder .* columns and labels only"):
        compile_model(file)


def test_several_targets_are_refused() -> None:
    x = rows()
    file = convert_sklearn(linear_model.Ridge().fit(x, x[:, :2]), initial_types=[("X", FloatTensorType([None, 3]))])
    with pytest.raises(UnsupportedOpError, match="2 numbers"):
        compile_model(file)
