"""Reads the rows of a batch: CSV with a line of column names, JSON lines, or rows as they are."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import dataclass
from typing import Any

from services.gateway.batches.template import Cell

MAX_ROWS, MAX_COLUMNS, MAX_COLUMN = 500, 60, 80
_SEPARATORS = ",;\t"


@dataclass(frozen=True)
class RowError:
    """What is wrong with a row (from 1; 0: with all of them), in the reader's words."""

    row: int
    field: str
    message: str


_TEXTS = {
    "no-csv": ("this is no CSV text", "不是有效的 CSV 文本"),
    "no-json": ("this line is no JSON", "这一行不是有效的 JSON"),
    "no-names": ("there is no line of column names", "缺少列名行"),
    "names": ("every column needs a name of its own in the first line", "第一行里每一列都要有不同的列名"),
    "cells": (
        "{cells} cells in {columns} columns; quote cells that hold {separator}",
        "{columns} 列里有 {cells} 个单元格；含 {separator} 的单元格要加引号",
    ),
    "no-rows": ("there are no rows", "没有数据行"),
    "rows": ("{rows} rows; a batch has at most {limit}", "有 {rows} 行；一个批次最多 {limit} 行"),
    "columns": ("{columns} columns; a batch has at most {limit}", "有 {columns} 列；一个批次最多 {limit} 列"),
    "row": ("a row is an object: column and value", "每一行应为对象：列名和值"),
    "name": ("a column's name has 1 to {limit} characters", "列名应为 1 到 {limit} 个字符"),
    "value": ("a value is a text, a number, true, false or null", "值应为文字、数字、true、false 或 null"),
    "no-column": ("the template names a column that the rows have not", "模板中的列名在表格里没有"),
}


def told(what: str, lang: str, **params: object) -> str:
    """What is wrong, in ``en`` or ``zh``."""
    en, zh = _TEXTS[what]
    return (zh if lang == "zh" else en).format_map(params)


class UnreadableError(Exception):
    """The rows cannot be read at all."""

    def __init__(self, row: int, field: str, what: str, **params: object) -> None:
        super().__init__(told(what, "en", **params))
        self.row, self._field, self._what, self._params = row, field, what, params

    def error(self, lang: str) -> RowError:
        """The mistake in the reader's words."""
        return RowError(self.row, self._field, told(self._what, lang, **self._params))


def rows_of_csv(text: str) -> list[dict[str, Cell]]:
    """Rows by column. The separator is the one of comma, semicolon and tab that the first line has most of.

    Raises ``UnreadableError``.
    """
    text = text.removeprefix("\ufeff")
    first = text.split("\n", 1)[0]
    separator = max(_SEPARATORS, key=first.count)
    try:
        lines = [r for r in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if any(c.strip() for c in r)]
    except csv.Error as e:
        raise UnreadableError(0, "csv", "no-csv") from e
    if not lines:
        raise UnreadableError(0, "csv", "no-names")
    names = [c.strip() for c in lines[0]]
    while names and not names[-1]:
        names.pop()
    if "" in names or len(set(names)) < len(names):
        raise UnreadableError(0, "csv", "names")
    out = []
    for number, cells in enumerate(lines[1:], 1):
        if any(c.strip() for c in cells[len(names) :]):
            raise UnreadableError(
                number, "csv", "cells", cells=len(cells), columns=len(names), separator=repr(separator)
            )
        padded = [*cells[: len(names)], *[""] * (len(names) - len(cells))]
        out.append(dict[str, Cell](zip(names, padded, strict=True)))
    return checked_rows(out)


def rows_of_jsonl(text: str) -> list[dict[str, Cell]]:
    """One object a line. Raises ``UnreadableError``."""
    out = []
    for number, line in enumerate((line for line in text.removeprefix("\ufeff").splitlines() if line.strip()), 1):
        try:
            out.append(json.loads(line))
        except (ValueError, RecursionError) as e:
            raise UnreadableError(number, "jsonl", "no-json") from e
    return checked_rows(out)


def checked_rows(rows: list[Any]) -> list[dict[str, Cell]]:
    """The rows, all with all columns: null where one has it not. Raises ``UnreadableError``."""
    if not rows:
        raise UnreadableError(0, "rows", "no-rows")
    if len(rows) > MAX_ROWS:
        raise UnreadableError(0, "rows", "rows", rows=len(rows), limit=MAX_ROWS)
    columns: dict[str, None] = {}
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise UnreadableError(number, "rows", "row")
        for name, cell in row.items():
            if not 0 < len(name) <= MAX_COLUMN:
                raise UnreadableError(number, name[:MAX_COLUMN], "name", limit=MAX_COLUMN)
            if isinstance(cell, dict | list) or (isinstance(cell, float) and not math.isfinite(cell)):
                raise UnreadableError(number, name, "value")
            columns[name] = None
    if len(columns) > MAX_COLUMNS:
        raise UnreadableError(0, "rows", "columns", columns=len(columns), limit=MAX_COLUMNS)
    return [{name: row.get(name) for name in columns} for row in rows]
