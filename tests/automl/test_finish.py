from pathlib import Path

import pytest

from lean_automl.automl.finish import MissError, check_sizes
from lean_automl.config import Constraints
from lean_automl.student.deploy import Deployment


def test_the_size_that_counts_is_that_of_the_file_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "model.lam").write_bytes(bytes(1_000))
    deployment, limit = Deployment({"model.lam": "reference"}), Constraints(max_size_bytes=1_000)
    assert [check.met for check in check_sizes(tmp_path, deployment, limit)] == [True]
    (tmp_path / "model.lam").write_bytes(bytes(1_001))
    with pytest.raises(MissError, match=r"size of model.lam is 1.001 kB \(limit 1 kB\)"):
        check_sizes(tmp_path, deployment, limit)
    assert check_sizes(tmp_path, deployment, Constraints())[0].limit is None
