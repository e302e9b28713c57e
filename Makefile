PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := adult-model

.PHONY: install demo cpp-demo docs newcomer test lint types imports unit slow clean

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml runtime/pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("python 3.11 or newer is needed: make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	@echo "installing into $(VENV): a few minutes, most of them downloads"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -c constraints.txt -e runtime -e .
	$(BIN)/python -m lean_automl.learners.warmup
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[torch]' --group dev
	@touch $@

# The main job on a real table, then the exported file in plain onnxruntime.
demo: install
	rm -rf $(DEMO)
	$(BIN)/lean_automl fit examples/data/adult.parquet --target income --max-latency-ms 2 --max-size-kb 40 \
		--time-limit 60 --out $(DEMO)
	$(BIN)/lean_automl predict $(DEMO)/model.lam examples/data/adult.parquet --out $(DEMO)/predictions.csv
	@echo
	@echo "model.onnx in plain onnxruntime, against the predictions of model.lam:"
	$(BIN)/python examples/onnx_only.py $(DEMO)/model.onnx examples/data/adult.parquet $(DEMO)/predictions.csv

# A small model in two C++ programs: its exported header, and its ONNX file in onnxruntime.
cpp-demo: install
	$(BIN)/python cpp_demo/make_demo.py --out cpp_demo/build/model
	cmake -S cpp_demo -B cpp_demo/build -DPython3_EXECUTABLE=$(CURDIR)/$(BIN)/python
	cmake --build cpp_demo/build
	cd cpp_demo/build && ctest --verbose

# The documentation as a site in site/, built without a network; generated pages are made anew first.
docs: $(VENV)/.installed-dev
	$(BIN)/python docs/update.py
	$(BIN)/python docs/update_cli.py
	$(BIN)/python bench/tables.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# What a newcomer does, from wheels in an empty environment, with the time of each step; needs a package index.
newcomer: $(VENV)/.installed-dev
	$(BIN)/python bench/newcomer.py

test: lint types imports unit

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-dev
	MYPYPATH=runtime:exporters $(BIN)/mypy

imports: $(VENV)/.installed-dev
	$(BIN)/lint-imports

unit: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -q -n auto -m "not slow"

slow: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -q -m slow

clean:
	rm -rf $(VENV) $(DEMO) site cpp_demo/build build runtime/build exporters/build .mypy_cache .ruff_cache .pytest_cache .hypothesis
