"""The training page: choose, check, train, result, and every way it can end; then the model at work."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Web
from tests.e2e.test_making import choose
from tests.fakes import web_facts, web_media


def chosen(web: Web, name: str = "talk.mp4") -> Any:
    web.world.can_train = True
    page = web.go("/model_training")
    choose(page, name, "video/mp4", web_media.movie(2.0, sound=False))
    expect(page.get_by_role("button", name="开始训练")).to_be_visible()
    return page


def begun(web: Web, name: str = "talk.mp4") -> Any:
    page = chosen(web, name)
    web.world.held = {"check"}
    page.get_by_role("button", name="开始训练").click()
    expect(page.locator(".train-now")).to_be_visible()
    web.world.held.clear()
    return page


def test_it_is_honest_when_no_engine_can(web: Web) -> None:
    page = web.go("/model_training")
    expect(page.locator("[data-state=unavailable]")).to_contain_text("没有能训练的引擎")
    expect(page.locator("[data-state=unavailable]")).to_contain_text("torch is not installed")
    expect(page.locator("[data-state=unavailable]")).to_contain_text("docker-compose.train.yml")
    choose(page, "talk.mp4", "video/mp4", web_media.movie(2.0, sound=False))
    expect(page.get_by_role("button", name="开始训练")).to_be_disabled()
    expect(page.get_by_label("训练步数")).to_have_value("5000")
    expect(page.get_by_text("建议 3,000–10,000")).to_be_visible()
    page.get_by_role("link", name="现在就创建形象").click()
    expect(page.get_by_role("heading", name="形象", level=1)).to_be_visible()


def test_from_clip_to_model_with_live_curves(web: Web) -> None:
    page = chosen(web)
    expect(page.locator("[aria-current=step]")).to_contain_text("检查")
    expect(page.locator("[data-check=length]")).to_have_class("good")
    expect(page.locator("[data-check=size]")).to_have_class("good")
    page.get_by_label("训练步数").fill("3000")
    web.world.held = {"check"}
    page.get_by_role("button", name="开始训练").click()
    expect(page.locator("[aria-current=step]")).to_contain_text("训练")
    expect(page.get_by_text("正在检查视频")).to_be_visible()
    web.world.held = {"fit-2"}
    expect(page.get_by_text(re.compile("第 [0-9,]+ / 3,000 步"))).to_be_visible()
    expect(page.locator(".train-now")).to_contain_text("嘴比声音早 120 毫秒")
    loss = page.get_by_role("img", name=re.compile("损失曲线 · 学习部分. 从"))
    few = len(loss.locator("polyline").first.get_attribute("points").split())
    web.world.held = {"fit-12"}
    mouth = page.get_by_role("img", name=re.compile("嘴部张开程度"))
    expect(mouth).to_have_attribute("aria-label", re.compile("相关度"))
    assert mouth.locator("polyline").count() == 3
    more = len(loss.locator("polyline").first.get_attribute("points").split())
    assert more > few, "the curve grows"
    expect(page.get_by_role("img", name=re.compile("留出部分的几个瞬间"))).to_be_visible()
    web.world.held.clear()
    expect(page.locator("[data-result=helped]")).to_contain_text("跟随语音 0.41 → 0.68")
    expect(page.locator("[aria-current=step]")).to_contain_text("结果")
    expect(page.locator("[data-result=helped]")).to_contain_text("训练对视频和聊天、实时对话有帮助")
    expect(page.locator("[data-result=helped] .train-movies video")).to_have_count(2)
    rows = page.locator("[data-way=video] tr:not(.way)")
    expect(rows).to_have_count(5)
    expect(page.locator("[data-way=text] tr")).to_have_count(4)
    expect(page.locator("[data-way=text]")).to_contain_text("更好")
    expect(page.locator("[data-way=live]")).to_contain_text("这里没有帮助，所以这里不使用它")
    expect(page.locator("[data-result=helped]")).to_contain_text("嘴平均张开两眼间距的 15%，现在是 12%")
    expect(rows.filter(has_text="张嘴跟随语音")).to_contain_text("更好")
    expect(rows.filter(has_text="圆展")).to_contain_text("相同")
    expect(page.locator("[data-model=talk_steps3000]")).to_contain_text("有帮助")
    sent = web.world.requests[0][2]
    assert (sent["steps"], sent["engine"]) == (3000, "atlas")


def test_a_clip_that_cannot_work_is_told_before_it_is_tried(web: Web) -> None:
    page = chosen(web, "mute.mp4")
    expect(page.locator("[data-check=sound]")).to_contain_text("没有声音")
    expect(page.get_by_role("button", name="开始训练")).to_be_disabled()
    page.get_by_role("button", name="换一个文件").click()
    earlier = page.locator(".earlier-clip")
    expect(earlier).to_have_count(1)
    earlier.click()
    expect(page.get_by_role("heading", name="mute.mp4")).to_be_visible()


def test_a_reload_shows_the_training_that_runs(web: Web) -> None:
    page = begun(web)
    web.world.held = {"fit-8"}
    expect(page.get_by_role("img", name=re.compile("嘴部张开程度"))).to_be_visible()
    page.reload()
    expect(page.get_by_role("img", name=re.compile("损失曲线 · 未学习部分"))).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("嘴部张开程度"))).to_be_visible()
    web.go("/model_training")  # without the address of the job as well
    expect(page.locator(".train-now")).to_be_visible()
    web.world.held.clear()
    expect(page.locator("[data-result]")).to_be_visible()


def test_a_reload_comes_back_to_the_check(web: Web) -> None:
    page = chosen(web)
    page.get_by_label("名字").fill("我的模型")
    page.get_by_label("训练步数").fill("3000")
    page.reload()
    expect(page.locator("[aria-current=step]")).to_contain_text("检查")
    expect(page.get_by_label("名字")).to_have_value("我的模型")
    expect(page.get_by_label("训练步数")).to_have_value("3000")
    page.get_by_role("button", name="换一个文件").click()
    page.reload()
    expect(page.get_by_text("把视频拖到这里")).to_be_visible()


def test_the_advice_and_the_check_agree(web: Web) -> None:
    page = web.go("/model_training")
    expect(page.locator(".advice")).to_contain_text("14 到 50 秒")


def test_it_can_be_cancelled_and_gone_on_with(web: Web) -> None:
    page = begun(web)
    web.world.held = {"fit-4"}
    expect(page.get_by_text(re.compile("第 [0-9,]+ / 5,000 步"))).to_be_visible()
    page.get_by_role("button", name="取消").click()
    expect(page.locator("[data-state=cancelled]")).to_contain_text("已学到的部分会保留")
    web.world.held.clear()
    page.get_by_role("button", name="从那里继续").click()
    expect(page.locator("[data-result]")).to_be_visible()
    first, second = (r[2] for r in web.world.requests)
    assert {k: first[k] for k in ("video_asset_id", "steps")} == {k: second[k] for k in ("video_asset_id", "steps")}
    assert web.world.requests[0][1] != web.world.requests[1][1], "another act, another key"


def test_a_refused_clip_says_why_and_what_to_do(web: Web) -> None:
    page = begun(web, "music.mp4")
    problem = page.locator("[data-state=failed] .problem")
    expect(problem).to_be_visible()
    assert problem.locator(".hint").inner_text()
    page.get_by_role("button", name="再训练一个").click()
    expect(page.get_by_text("把视频拖到这里")).to_be_visible()


def test_a_training_that_did_not_help_says_so(web: Web) -> None:
    page = begun(web, "short.mp4")
    expect(page.locator("[data-result=not-better]")).to_contain_text("没有帮助")
    expect(page.locator("[data-model]")).to_contain_text("没有帮助")


@pytest.fixture
def trained(web: Web) -> Web:
    web.world.can_train = True
    web.world.models.append(web_facts.model("anna_steps5000", "Anna, trained", "v_anna", True))
    return web


def test_a_model_is_chosen_with_its_face_and_used(trained: Web) -> None:
    page = trained.go("/model_training")
    page.locator("[data-model]").get_by_role("link", name="用它生成视频").click()
    expect(page.get_by_role("radio", name="Anna, trained")).to_be_checked()
    page.get_by_label("要说的话").fill("大家好")
    page.get_by_role("button", name="生成视频").click()
    expect(page.locator("video.player")).to_be_visible()
    sent = trained.world.requests[0][2]
    assert (sent["avatar_id"], sent["model"], sent["engine"]) == ("v_anna", "anna_steps5000", "atlas")
    trained.go("/chat_system?model=anna_steps5000")
    expect(page.get_by_role("button", name="形象：Anna, trained")).to_be_visible()
    page.get_by_role("button", name="形象：Anna, trained").click()
    page.get_by_label(re.compile("人物设定")).fill("你是一位老师。")
    page.get_by_role("button", name="完成").click()
    page.get_by_label("输入问题").fill("你好")
    page.keyboard.press("Enter")
    expect(page.locator("li.turn").last).to_have_attribute("data-state", "succeeded")
    sent = trained.world.requests[1][2]
    assert (sent["avatar_id"], sent["model"], sent["persona"]) == ("v_anna", "anna_steps5000", "你是一位老师。")


def test_a_model_is_deleted_after_asking(trained: Web) -> None:
    page = trained.go("/model_training")
    page.get_by_role("button", name="删除模型").click()
    page.get_by_role("dialog").get_by_role("button", name="删除").click()
    expect(page.get_by_text("还没有训练好的模型")).to_be_visible()
    assert trained.world.models == []


def test_an_answer_takes_over_from_the_idle_loop_and_hands_back(web: Web) -> None:
    page = web.go("/chat_system")
    web.until("document.querySelector('.stage video.idle').currentTime > 0.1")
    page.get_by_label("输入问题").fill("你好")
    page.keyboard.press("Enter")
    web.until("document.querySelector('.stage').dataset.state === 'speaking'")
    sent = web.world.requests[0][2]["idle_frame"]
    assert 0 <= sent < 50
    wait = float(page.locator(".stage").get_attribute("data-seam"))
    assert 0 <= wait < 2, "the loop of two seconds was waited for, or it had gone by"
    page.evaluate(
        "(idle => { window.seeks = []; idle.addEventListener('seeking', () => window.seeks.push(idle.currentTime)) })"
        "(document.querySelector('.stage video.idle'))"
    )
    web.until("document.querySelector('.stage .answer').ended")
    web.until("!document.querySelector('.stage').classList.contains('speaking')")
    # where it was put, not where it is: on a busy machine the loop of two seconds may have begun again
    at = [round(s * 25, 1) for s in page.evaluate("window.seeks")]
    assert 30.5 in at, f"the loop goes on from frame 30, not from {at}"


def test_by_keyboard_and_for_ears(open_page: Callable[..., Web]) -> None:
    web = open_page("en", width=360, height=740)
    web.world.can_train = True
    web.world.models.append(web_facts.model("anna_steps5000", "Anna, trained", "v_anna", True))
    page = web.go("/model_training")
    page.get_by_role("button", name="Figures of").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("img", name=re.compile("correlation of 1"))).to_be_visible()
    dialog.get_by_text("Values as a table").focus()
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("columnheader", name="as trained")).to_be_visible()
    page.keyboard.press("Escape")
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 360
