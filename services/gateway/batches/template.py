"""Puts a row of a table into a template: a request in whose strings ``{{column}}`` stands for a cell."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

Cell = str | int | float | bool | None
_PLACEHOLDER = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")


def placeholders(value: Any) -> set[str]:
    """The columns that a template names."""
    return {found for text in _texts(value) for found in _PLACEHOLDER.findall(text)}


def rendered(value: Any, cells: dict[str, Cell]) -> Any:
    """The template with the cells of a row. Raises ``KeyError`` for a column that the row has not.

    A string that is one placeholder and nothing else becomes the cell itself, with its type; an empty one is null, so
    that the default holds.
    """
    if isinstance(value, dict):
        return {k: rendered(v, cells) for k, v in value.items()}
    if isinstance(value, list):
        return [rendered(v, cells) for v in value]
    if not isinstance(value, str):
        return value
    if alone := _PLACEHOLDER.fullmatch(value.strip()):
        cell = cells[alone[1]]
        return None if isinstance(cell, str) and not cell.strip() else cell
    return _PLACEHOLDER.sub(lambda found: _written(cells[found[1]]), value)


def _written(cell: Cell) -> str:
    if isinstance(cell, bool):
        return str(cell).lower()
    return "" if cell is None else str(cell)


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)
