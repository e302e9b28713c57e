"""Settings with which a fit takes a second."""

from typing import Any, Final

QUICK: Final[dict[str, Any]] = {
    "time_limit": 300.0,
    "max_trials": 1,
    "families": ("linear",),
    "folds": 2,
    "threads": 1,
    "teacher": False,
    "measure": False,
}
