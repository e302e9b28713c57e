import sys
from pathlib import Path

# Shared builders of tests, such as `tables`, are imported by name.
sys.path.insert(0, str(Path(__file__).parent))
