"""The Batch page: table and template, the check of all rows, progress, retry, downloads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.e2e.web import Web, sync_api

expect = sync_api.expect
TABLE = "name,product\n小王,水杯\n小李,台灯\n"


def write(page: Any, table: str = TABLE, text: str = "您好，感谢选择") -> None:
    page.get_by_label("CSV（第一行是列名）或 JSONL").fill(table)
    page.get_by_label("要说的话").fill(text)


def test_a_batch_is_checked_started_and_watched_to_its_end(web: Web) -> None:
    page = web.go("/video_generation")
    page.get_by_role("link", name="批量制作").click()
    expect(page.get_by_text("还没有批次")).to_be_visible()
    page.get_by_role("button", name="检查").click()
    expect(page.get_by_text("请先提供表格和模板")).to_be_visible()
    write(page)
    page.get_by_role("button", name="{{name}}").click()
    expect(page.get_by_label("要说的话")).to_have_value("您好，感谢选择{{name}}")
    expect(page.get_by_label("要说的话")).to_be_focused()
    page.get_by_label("批次名称").fill("新年")
    page.get_by_label("视频与文件名称").fill("祝-{{name}}")
    page.get_by_role("button", name="检查").click()
    expect(page.get_by_role("cell", name="祝-小李")).to_be_visible()
    expect(page.get_by_role("cell", name="您好，感谢选择小王")).to_be_visible()
    page.get_by_role("button", name="开始制作 2 段").click()
    expect(page.get_by_role("heading", name="新年")).to_be_visible()
    expect(page.get_by_text("2 / 2 已完成")).to_be_visible()
    expect(page.get_by_role("link", name="查看视频 祝-小李")).to_be_visible()
    with page.expect_download() as started:
        page.get_by_role("link", name="下载报告 CSV").click()
    assert started.value.suggested_filename.endswith("report.csv")
    page.reload()
    expect(page.get_by_text("2 / 2 已完成")).to_be_visible()
    page.get_by_role("link", name="所有批次").click()
    page.get_by_role("link", name="新年").click()
    page.get_by_role("button", name="移除批次").click()
    page.get_by_role("dialog").get_by_role("button", name="移除批次").click()
    expect(page.get_by_text("还没有批次")).to_be_visible()


def test_mistakes_are_named_and_go_when_something_is_changed(web: Web) -> None:
    page = web.go("/batches")
    write(page, text="{{sku}}")
    page.get_by_role("button", name="检查").click()
    expect(page.get_by_role("alert")).to_contain_text("sku")
    expect(page.get_by_role("button", name="开始制作")).to_have_count(0)
    write(page, "name\n小王\n \n小李,多", "{{name}}")
    expect(page.get_by_role("alert")).to_have_count(0)
    page.get_by_role("button", name="检查").click()
    expect(page.get_by_role("alert")).to_contain_text("第 2 行")


def test_a_file_of_either_encoding_and_a_draft_as_the_template(web: Web) -> None:
    script = {"text": "{{name}}新年快乐", "avatar_id": "builtin"}
    web.world.drafts["d_1"] = {"id": "d_1", "name": "贺词", "version": 1, "script": script}
    web.world.drafts["d_1"] |= dict.fromkeys(("created_at", "updated_at"), "2026-11-30T08:00:00.000Z")
    page = web.go("/batches")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="选择文件").click()
    chooser.value.set_files({"name": "a.csv", "mimeType": "text/csv", "buffer": TABLE.encode("gb18030")})
    expect(page.get_by_label("CSV（第一行是列名）或 JSONL")).to_have_value(TABLE)
    page.get_by_label("模板来自").select_option("d_1")
    page.get_by_role("button", name="检查").click()
    expect(page.get_by_role("cell", name="小王新年快乐")).to_be_visible()


def test_failed_rows_are_retried_and_a_batch_is_cancelled(open_page: Callable[..., Web]) -> None:
    web = open_page("zh", width=360, height=740, color_scheme="dark")
    page = web.go("/batches")
    write(page, "name\nfail\n小李", "{{name}}")
    page.get_by_role("button", name="检查").click()
    page.get_by_role("button", name="开始制作 2 段").click()
    expect(page.locator(".batch-table .missing")).to_be_visible()
    page.get_by_role("button", name="重试失败的 1 行").click()
    expect(page.get_by_text("2 / 2 已完成")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    web.world.held = {"queued"}
    page = web.go("/batches")
    write(page, "name\n小张", "{{name}}")
    page.get_by_role("button", name="检查").click()
    page.get_by_role("button", name="开始制作 1 段").click()
    page.get_by_role("button", name="全部取消").click()
    page.get_by_role("dialog").get_by_role("button", name="全部取消").click()
    expect(page.locator(".batch-table").get_by_text("已取消")).to_be_visible()
