"""Rows of a batch: how they are read, put into a template, named, and reported."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from services.gateway.batches.checking import row_name
from services.gateway.batches.reading import MAX_ROWS, UnreadableError, checked_rows, rows_of_csv, rows_of_jsonl
from services.gateway.batches.report import report, safe_cell
from services.gateway.batches.template import placeholders, rendered

TEMPLATE: dict[str, Any] = {
    "scenes": [{"text": "{{ name }}，你好！{{n}} 件"}, {"text": "再见 {{name}}"}],
    "avatar_id": "{{avatar}}",
    "subtitles": True,
    "synthesis": {"speed": "{{speed}}"},
}


def test_cells_go_into_every_string_and_keep_their_type_where_they_stand_alone() -> None:
    assert placeholders(TEMPLATE) == {"name", "n", "avatar", "speed"}
    made = rendered(TEMPLATE, {"name": "小王", "n": 3, "avatar": " ", "speed": 1.2})
    assert made["scenes"] == [{"text": "小王，你好！3 件"}, {"text": "再见 小王"}]
    assert (made["avatar_id"], made["synthesis"], made["subtitles"]) == (None, {"speed": 1.2}, True)
    assert rendered("{{a}} {{b}} {c} {{{{", {"a": True, "b": None}) == "true  {c} {{{{"
    assert rendered("{{a}}", {"a": "{{b}}"}) == "{{b}}", "a cell is no template"
    with pytest.raises(KeyError):
        rendered(TEMPLATE, {"name": "x"})


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv_with_any_separator_quotes_and_line_breaks_in_cells(separator: str) -> None:
    text = f'\ufeffname{separator}text{separator}\r\n"a{separator}b"{separator}"第一行\n第二行 ""x"""\r\n\r\nc\r\n'
    assert rows_of_csv(text) == [{"name": f"a{separator}b", "text": '第一行\n第二行 "x"'}, {"name": "c", "text": ""}]


def test_json_lines_have_the_columns_of_all_lines() -> None:
    assert rows_of_jsonl('{"a": 1}\n\n{"b": null, "a": "x"}\n') == [{"a": 1, "b": None}, {"a": "x", "b": None}]


@pytest.mark.parametrize(
    ("read", "text", "row"),
    [
        (rows_of_csv, "", 0),
        (rows_of_csv, "a,b", 0),
        (rows_of_csv, "a,a\n1,2", 0),
        (rows_of_csv, "a,,b\n1,2,3", 0),
        (rows_of_csv, "a,b\n1,2\n1,2,3", 2),
        (rows_of_csv, "a\n" + "1\n" * (MAX_ROWS + 1), 0),
        (rows_of_csv, 'a\n"' + "x" * 200_000, 0),
        (rows_of_jsonl, '{"a": 1}\n{', 2),
        (rows_of_jsonl, '{"a": 1}\n[1]', 2),
        (rows_of_jsonl, '{"a": {"b": 1}}', 1),
        (rows_of_jsonl, '{"a": NaN}', 1),
        (rows_of_jsonl, "[" * 100_000, 1),
        (checked_rows, [{"x" * 81: 1}], 1),
        (checked_rows, [{str(n): 1 for n in range(61)}], 0),
    ],
)
def test_what_cannot_be_read_is_told_with_its_row(read: Any, text: Any, row: int) -> None:
    with pytest.raises(UnreadableError) as raised:
        read(text)
    zh, en = (raised.value.error(lang) for lang in ("zh", "en"))
    assert zh.row == row and en.message.isascii() and not zh.message.isascii()


def test_names_come_from_a_column_or_a_number() -> None:
    assert row_name("{{sku}} {{n}}", "新年", 3, {"sku": "A 1", "n": 2}) == "A 1 2"
    assert row_name("{{sku}}", "新年", 3, {"sku": ""}) == "新年 003" and row_name("", "", 12, {}) == "012"
    assert len(row_name("{{t}}", "", 1, {"t": "x" * 500})) == 80


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\r=1", "＝1", "＠x"])
def test_no_cell_of_a_report_is_a_formula(text: str) -> None:
    assert safe_cell(text).startswith("'")
    (line,) = list(csv.reader(io.StringIO(report(["h"], [[text]]).removeprefix("\ufeff"), newline="")))[1:]
    assert line == ["'" + text]


def test_numbers_stay_numbers_in_a_report() -> None:
    assert [safe_cell(v) for v in (-1.5, 3, None, True, "小王")] == ["-1.5", "3", "", "True", "小王"]
