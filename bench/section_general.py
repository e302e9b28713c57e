"""The section of a result file that has no function of its own: what its benchmark says of itself, and its figures."""

import ast
from pathlib import Path
from typing import Any

from page_parts import head, machine, table, verdicts

KNOWN = ("machine", "bars")
MOST_ROWS = 40
Figure = int | float | str | None


def general(stem: str, found: dict[str, Any]) -> str:
    """Tables of what is flat in a result: figures, mappings of figures, mappings of those; rows stay in the file."""
    source = Path(__file__).with_name(f"{stem.partition('-')[0]}.py")  # what follows tells results of one apart
    said = ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))) if source.exists() else None
    title = stem.replace("_", " ").replace("-", " ").capitalize()
    by = f"`bench/{source.name}`: " if source.exists() else ""
    parts = [head(title, by + (said or "").split("\n\n")[0])]
    parts += [machine(found)] if "machine" in found else []
    alone = [[name, value] for name, value in found.items() if _is_figure(value)]
    parts += [table(["figure", "value"], alone)] if alone else []
    for name, value in found.items():
        rows = {} if name in KNOWN else _rows(value)
        if rows:
            columns = list(dict.fromkeys(column for row in rows.values() for column in row))
            shown = [[key, *(row.get(column) for column in columns)] for key, row in rows.items()]
            parts += [f"### {name}", "", table([name, *columns], shown[:MOST_ROWS])]
    return "\n".join([*parts, verdicts(found)])


def _rows(value: Any) -> dict[str, dict[str, Figure]]:
    """Rows of a table, by what is in the first column; none of what is not flat."""
    if not isinstance(value, dict):
        return {}
    rows = {key: {"value": row} if _is_figure(row) else row for key, row in value.items()}
    flat = {
        key: {name: figure for name, figure in row.items() if _is_figure(figure)}
        for key, row in rows.items()
        if isinstance(row, dict)
    }
    return {key: row for key, row in flat.items() if row}


def _is_figure(value: Any) -> bool:
    return value is None or isinstance(value, int | float | str)
