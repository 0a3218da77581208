"""An engine that needs a model and draws videos only: what it costs, where it is offered and where not."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Web
from tests.e2e.test_training import chosen
from tests.fakes import web_facts

SYNCTALK = {
    "service": "render",
    "name": "synctalk",
    "available": True,
    "reason": "",
    "is_default": False,
    "languages": [],
    "license": "CC BY-NC 4.0: non-commercial use only",
    "description": "SyncTalk",
    "can_train": True,
    "cannot_train_reason": "",
    "default_steps": 100_000,
    "training_clip": {"least_s": 2.0, "short_s": 120.0, "most_s": 300.0},
    "needs_model": True,
    "videos_only": True,
    "models": [],
    "breaker": "",
    "breaker_reason": "",
    "breaker_retry_s": 0.0,
}


@pytest.fixture
def there(web: Web) -> Web:
    """With the engine, and a model of it on an avatar of its own."""
    web.world.engines.append(SYNCTALK)
    model = web_facts.model("lee_steps100000", "Lee, trained", "v_lee", True)
    figures = {"before": {}, "after": {"psnr_db": 32.2, "lpips": 0.039, "lmd_px": 2.8}, "curve": None}
    web.world.models.append(
        {**model, **figures, "engine": "synctalk", "steps": 100_000, "offset_ms": 0, "warnings": ["not-compared"]}
    )
    web.world.avatars.append({**web_facts.avatar("v_lee", "Lee", ["cut-to-head"]), "engine": "synctalk"})
    return web


def test_choosing_it_proposes_its_steps_and_tells_what_it_takes(there: Web) -> None:
    page = chosen(there)
    expect(page.get_by_label("训练步数")).to_have_value("5000")
    page.get_by_label("引擎").select_option("synctalk")
    expect(page.get_by_label("训练步数")).to_have_value("100000")
    expect(page.locator("[data-check=length]")).to_contain_text("建议至少 120 秒")
    expect(page.get_by_text("该引擎通常为 100,000 步")).to_be_visible()
    expect(page.locator("form .note.warn")).to_contain_text("仅允许非商业使用")
    page.get_by_label("引擎").select_option("atlas")
    expect(page.locator("[data-check=length]")).to_have_class("good")
    expect(page.get_by_label("训练步数")).to_have_value("5000")
    expect(page.locator("form .note.warn")).to_have_count(0)
    page.get_by_label("引擎").select_option("synctalk")
    page.get_by_role("button", name="开始训练").click()
    expect(page.locator(".train-now")).to_be_visible()
    sent = there.world.requests[0][2]
    assert (sent["engine"], sent["steps"]) == ("synctalk", 100_000)


def test_its_people_are_offered_for_videos_only(there: Web) -> None:
    page = there.go("/model_training")
    row = page.locator("[data-model=lee_steps100000]")
    expect(row).to_contain_text("已训练")
    expect(row.get_by_role("link", name="用它生成视频")).to_be_visible()
    there.go("/video_generation")
    expect(page.get_by_role("radio", name="Lee, trained")).to_be_visible()
    expect(page.get_by_role("radio", name="Lee", exact=True)).to_have_count(0)  # not without a model
    there.go("/chat_system?model=lee_steps100000")
    page.get_by_role("button", name="形象：Eileen").click()
    expect(page.get_by_role("radio", name="Anna", exact=True)).to_be_attached()
    expect(page.get_by_role("radio", name="Lee, trained")).to_have_count(0)


def test_its_figures_and_its_licence_are_told(there: Web) -> None:
    there.world.can_train = True
    page = there.go("/model_training")
    page.get_by_role("button", name="Lee, trained").first.click()
    result = page.get_by_role("dialog")
    expect(result).to_contain_text("没有可比较的对象")
    expect(result).to_contain_text("PSNR 32.2 dB")
    expect(result.get_by_role("link", name="与它对话")).to_have_count(0)
    there.go("/system")
    card = page.locator("li.card", has_text="synctalk")
    expect(card).to_contain_text("仅限非商业使用")
    expect(card).to_contain_text("CC BY-NC 4.0")
    expect(card).to_contain_text("用于生成视频，不用于对话")
