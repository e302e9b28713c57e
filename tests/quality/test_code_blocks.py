"""Every block of code in the pages is run by a test, or is checked as far as it can be; none is left out unnamed."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

import pytest
import yaml
from quality.code_blocks import Block, blocks, make_folder, run
from quality.project import ROOT

# Pages whose blocks run here, in order, each page in a folder of its own.
RUN: Final = (
    "docs/devices.md",
    "docs/gate.md",
    "docs/how-to/bring-a-model.md",
    "docs/how-to/cpp.md",
    "docs/how-to/fastapi.md",
    "docs/how-to/function.md",
    "docs/how-to/nightly.md",
    "docs/how-to/other-machine.md",
    "docs/index.md",
    "docs/options.md",
    "docs/tutorial.md",
    "examples/gate/README.md",
)
NEED_A_MODEL: Final = ("fastapi.md", "function.md", "other-machine.md", "gate.md")
RUN_ELSEWHERE: Final = {
    "README.md": "tests/quality/test_readme.py",
    "docs/artifact.md": "tests/quality/test_docs.py",
    "docs/sklearn.md": "tests/estimators/test_page.py",
    "runtime/README.md": "tests/quality/test_readme.py",
}
# Too long for any test, or in need of what a test machine lacks; these are checked for their syntax, and their `make`
# targets for being there.
CHECKED_ONLY: Final = {
    "CONTRIBUTING.md": "sets up the environment that tests run in",
    "bench/README.md": "benchmarks of hours, with packages in environments of their own",
    "cpp_demo/README.md": "tests/exporters runs the same programs",
    "docs/how-to/browser.md": "needs onnxruntime-web: tests/quality/test_examples.py",
}
# What a page says of another place than the folder of the test.
INSTEAD: Final = {
    "docs/gate.md": {" --target y": "", "test.csv": "examples/data/adult.parquet", "roc_auc=0.9": "roc_auc=0.5",
                     " --max-p99-us 200": "", "model.lam": "adult-model/model.lam"},
    "docs/how-to/function.md": {"./runtime": f"--no-deps --no-build-isolation {ROOT / 'runtime'}"},
    "docs/how-to/nightly.md": {'train=$1 test=$2 target=$3': 'train=train.csv test=test.csv target=y'},
    "examples/gate/README.md": {"log_loss=-0.35": "log_loss=-0.69", "roc_auc=0.9 ": "roc_auc=0.5 "},
}  # fmt: skip
ALL: Final = blocks()


def test_every_page_with_code_is_named() -> None:
    pages = {block.page for block in ALL if block.language not in ("", "text")}
    assert pages == {*RUN, *RUN_ELSEWHERE, *CHECKED_ONLY}
    for test in RUN_ELSEWHERE.values():
        assert (ROOT / test).is_file()
    for page, instead in INSTEAD.items():
        text = "".join(block.code for block in ALL if block.page == page)
        assert all(old in text for old in instead), page


def check_python(block: Block, _: Path) -> None:
    compile(block.code, block.place, "exec")


def check_shell(block: Block, _: Path) -> None:
    done = subprocess.run(["sh", "-n"], input=block.code, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{block.place}: {done.stderr}"
    targets = re.findall(r"^make ((?:[\w-]+=\S+ )*[\w-]+)", block.code, re.MULTILINE)
    for target in targets:
        found = re.search(rf"^{target.split()[-1]}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        assert found, f"{block.place}: make {target}"


def check_yaml(block: Block, _: Path) -> None:
    workflow = yaml.safe_load(block.code)
    for job in workflow["jobs"].values():
        assert all({"uses", "run"} & set(step) for step in job["steps"]), block.place


def check_javascript(block: Block, folder: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node to check JavaScript with")
    path = folder / "block.mjs"
    path.write_text(block.code, encoding="utf-8")
    done = subprocess.run([node, "--check", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{block.place}: {done.stderr}"


class Scripts(HTMLParser):
    """Collects scripts, and sees that tags are closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.scripts: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002
        self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        """One that closes itself."""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["script"]:
            self.scripts.append(data)


def check_html(block: Block, folder: Path) -> None:
    found = Scripts()
    found.feed(block.code)
    assert not found.open, block.place
    for script in found.scripts:
        check_javascript(Block(block.page, block.line, "js", script), folder)


def check_cpp(block: Block, _: Path) -> None:
    """Compiled and run by the page's own commands, from the file that the block includes."""
    assert block.code.strip() in {
        path.read_text(encoding="utf-8").strip() for path in (ROOT / "examples").rglob("*.cpp")
    }, block.place


CHECKS: Final = {
    "python": check_python,
    "sh": check_shell,
    "yaml": check_yaml,
    "js": check_javascript,
    "html": check_html,
    "cpp": check_cpp,
}


@pytest.mark.parametrize("block", [block for block in ALL if block.language not in ("", "text")], ids=lambda b: b.place)
def test_the_syntax_of(block: Block, tmp_path: Path) -> None:
    CHECKS[block.language](block, tmp_path)


@pytest.fixture(scope="module")
def adult_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of the bundled table, for pages that begin with one."""
    folder = tmp_path_factory.mktemp("model")
    make_folder(folder)
    fit = "lean_automl fit examples/data/adult.parquet --target income --out adult-model"
    done = run(Block("", 0, "sh", fit), folder)
    assert done.returncode == 0, done.stderr
    return folder / "adult-model"


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN)
def test_the_blocks_run_of(page: str, tmp_path: Path, adult_model: Path) -> None:
    make_folder(tmp_path)
    if page.endswith(NEED_A_MODEL) and not page.startswith("examples"):
        shutil.copytree(adult_model, tmp_path / "adult-model")
    ran = 0
    for block in ALL:
        if block.page != page or block.language not in ("sh", "python") or block.code.startswith('"""'):
            continue
        code = block.code
        for old, new in INSTEAD.get(page, {}).items():
            code = code.replace(old, new)
        done = run(Block(page, block.line, block.language, code), tmp_path)
        assert done.returncode == 0, f"{block.place}:\n{code}\n{done.stdout}\n{done.stderr}"
        ran += 1
    assert ran
