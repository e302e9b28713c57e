"""Makes the random programs of `tests/conformance`, and the helpers of this folder, importable."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve()
for folder in (HERE.parents[2], HERE.parent):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
