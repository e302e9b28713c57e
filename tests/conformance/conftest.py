"""Makes `conformance.programs` and its siblings importable by the tests of every folder under `tests`."""

import sys
from pathlib import Path

TESTS = str(Path(__file__).resolve().parents[1])
if TESTS not in sys.path:
    sys.path.insert(0, TESTS)
