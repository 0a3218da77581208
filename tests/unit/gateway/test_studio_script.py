"""What a scene's text says: pauses, SSML, and texts that only look like it."""

from __future__ import annotations

import pytest

from services.common.errors import HuashengError
from services.common.pronunciation import Pronunciation
from services.gateway.studio.say_as import as_said
from services.gateway.studio.script import Pause, Said, Script, parse_script
from services.tts.text.normalise import normalise


def pieces(text: str, language: str = "") -> list[object]:
    """(text, rate) of what is said, seconds of pauses."""
    found = parse_script(text, language).pieces
    return [p.seconds if isinstance(p, Pause) else (p.text if p.rate == 1 else (p.text, p.rate)) for p in found]


def shown(text: str) -> list[str]:
    return [p.shown for p in parse_script(text).pieces if isinstance(p, Said)]


def warned(script: Script) -> list[tuple[str, str]]:
    return [(w.reason, w.text) for w in script.warnings]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("大家好。[pause 0.5]我是画声。", ["大家好。", 0.5, "我是画声。"]),
        ("大家好。[停顿 0.5]我是画声。", ["大家好。", 0.5, "我是画声。"]),
        ("大家好。【停顿1.5秒】我是画声。", ["大家好。", 1.5, "我是画声。"]),
        ("你好[停顿 500毫秒]。再见", ["你好。", 0.5, "再见"]),
        ("Hello. [pause 500ms] World.", ["Hello.", 0.5, "World."]),
        ("Hello [PAUSE 2s] , world", ["Hello,", 2.0, "world"]),
        ("[pause .5]Hello", [0.5, "Hello"]),
        ("Hello[pause 1][pause 2]", ["Hello", 1.0, 2.0]),
        ("[pause 1]", [1.0]),
        ("", []),
        ("  \n ", []),
        ("😀[pause 1]", [1.0]),
        ("Hello 😀[pause 1]!", ["Hello 😀!", 1.0]),
        ("pause 0.5, [pause], [paused 3] and [stop 1]", ["pause 0.5, [pause], [paused 3] and [stop 1]"]),
    ],
)
def test_pauses_in_brackets(text: str, expected: list[object]) -> None:
    assert pieces(text) == expected
    assert not parse_script(text).warnings


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("a [pause 0] b", 0.1), ("a [pause 20] b", 10.0), ("a [停顿 5ms] b", 0.1), ("a [pause 999999] b", 10.0)],
)
def test_pauses_out_of_range_are_brought_into_it_and_named(text: str, seconds: float) -> None:
    script = parse_script(text)
    assert [p.seconds for p in script.pieces if isinstance(p, Pause)] == [seconds]
    assert warned(script) == [("pause-clamped", text[2:-2])]


@pytest.mark.parametrize(
    "text",
    [
        "a < b & c > d",
        "if x<breakfast then",
        "<b>bold</b> <i>x",
        "价格<100元",
        "<p>open only",
        "I <3 you",
        "1 <s 2",
        "a<p and p>q",
    ],
)
def test_what_is_not_ssml_stays_as_it_is(text: str) -> None:
    assert pieces(text) == [text]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('<speak>你好<break time="1s"/>世界</speak>', ["你好", 1.0, "世界"]),
        ('你好<break time="250ms"/>世界', ["你好", 0.25, "世界"]),
        ('a<break strength="x-weak"/>b<break strength="weak"/>c<break/>d', ["a", 0.1, "b", 0.25, "c", 0.5, "d"]),
        ('a<break strength="strong"/>b<break strength="x-strong"/>c', ["a", 0.8, "b", 1.2, "c"]),
        ('a <break strength="none"/>b <break time="0s"/>c', ["a b c"]),
        ("<speak>\n  一行，\n  又一行。\n  Two\n  words\n</speak>", ["一行，又一行。 Two words"]),
        ("<p>一</p><p>二</p>", ["一\n二"]),
        ("<speak><p><s>One</s><s>Two</s></p></speak>", ["One\nTwo"]),
        ('<speak><prosody rate="slow">慢</prosody>快</speak>', [("慢", 0.8), "快"]),
        ('<prosody rate="120%">x</prosody>', [("x", 1.2)]),
        ('<prosody rate="-20%">x</prosody>', [("x", 0.8)]),
        ('<prosody rate="+50%">x</prosody>', [("x", 1.5)]),
        ('<prosody rate="1.1">x</prosody>', [("x", 1.1)]),
        ('a<prosody rate="fast">b<prosody rate="80%">c</prosody>d</prosody>', ["a", ("b", 1.25), "c", ("d", 1.25)]),
        ('一<prosody rate="fast">二</prosody>。', ["一", ("二。", 1.25)]),
        ("<speak>a [pause 0.5] b</speak>", ["a", 0.5, "b"]),
        ('AT&T <break time="1s"/> a < b', ["AT&T", 1.0, "a < b"]),
        ('x &lt; y &amp; z<break time="1s"/>', ["x < y & z", 1.0]),
        (' <?xml version="1.0" encoding="GBK"?> <!-- note --> <speak>你好</speak>', ["你好"]),
        ('<speak xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="zh-CN" version="1.0">你好</speak>', ["你好"]),
        ("<speak><![CDATA[a < b]]></speak>", ["a < b"]),
        ("<speak><metadata>nothing</metadata>x</speak>", ["x"]),
        ("<speak/>", []),
        ("\ufeff<speak>x</speak>", ["x"]),
    ],
)
def test_ssml(text: str, expected: list[object]) -> None:
    assert pieces(text) == expected
    assert not parse_script(text).warnings


def test_a_replaced_word_is_shown_as_written() -> None:
    (said,) = parse_script('这是<sub alias="万维网联盟">W3C</sub>的网站，由<sub alias="李明">L. M.</sub>写。').pieces
    assert isinstance(said, Said)
    assert said.text == "这是万维网联盟的网站，由李明写。"
    assert said.shown == "这是W3C的网站，由L. M.写。"
    # clause by clause, as the speech service gives them back
    assert said.shown_between(0, 11) == "这是W3C的网站，"
    assert said.shown_between(11, len(said.text)) == "由L. M.写。"
    for cut in range(len(said.text) + 1):  # also within the words that are said instead
        assert said.shown_between(0, cut) + said.shown_between(cut, len(said.text)) == said.shown


def test_places_of_replaced_words_survive_the_trimming() -> None:
    first, second = parse_script(
        '<speak> ！ <sub alias="甲">A</sub>[pause 1] 。<sub alias="乙">B</sub> 丙 </speak>'
    ).pieces[::2]
    assert isinstance(first, Said) and isinstance(second, Said)
    assert (first.text, first.shown) == ("甲。", "A。")
    assert (second.text, second.shown) == ("乙 丙", "B 丙")


@pytest.mark.parametrize(
    ("kind", "form", "text", "language", "expected"),
    [
        ("characters", "", "Abc12", "en", "A B C 1 2"),
        ("spell-out", "", "GPT", "zh", "G P T"),
        ("digits", "", "110", "zh", "1 1 0"),
        ("digits", "", "12-34", "en", "1 2, 3 4"),
        ("telephone", "", "+86 138-0013", "zh", "加八六，幺三八，零零幺三"),
        ("telephone", "", "+1 (212) 555", "en", "plus 1, 2 1 2, 5 5 5"),
        ("cardinal", "", "2024", "en", "2,024"),
        ("number", "", "-12345.6", "zh", "-12,345.6"),
        ("ordinal", "", "22", "en", "22nd"),
        ("ordinal", "", "13", "en", "13th"),
        ("ordinal", "", "3", "zh", "第3"),
        ("date", "", "2024-05-01", "zh", "2024年5月1日"),
        ("date", "mdy", "5/1/2024", "zh", "2024年5月1日"),
        ("date", "dmy", "1.5.2024", "en", "May 1, 2024"),
        ("date", "yyyymmdd", "20240501", "en", "May 1, 2024"),
        ("date", "md", "5/1", "zh", "5月1日"),
        ("date", "ym", "2024-05", "en", "May 2024"),
        ("date", "d", "3", "en", "3rd"),
        ("time", "hms24", "14:30", "zh", "14:30"),
        ("fraction", "", "3/4", "zh", "3/4"),
        ("currency", "", "$42.50", "en", "$42.50"),
        ("unit", "", "10kg", "zh", "10kg"),
        ("date", "mdy", "31/31/2024", "en", None),
        ("date", "", "5/1", "en", None),
        ("date", "x" * 50, "5/1", "en", None),
        ("cardinal", "", "many", "en", None),
        ("digits", "", "many", "en", None),
        ("time", "", "noon", "en", None),
        ("expletive", "", "x", "en", None),
        ("", "", "x", "en", None),
    ],
)
def test_say_as(kind: str, form: str, text: str, language: str, expected: str | None) -> None:
    assert as_said(text, kind, form, language) == expected


@pytest.mark.parametrize(
    ("kind", "form", "text", "language", "words"),
    [
        ("digits", "", "110", "zh", "一一零"),
        ("digits", "", "110", "en", "one one zero"),
        ("telephone", "", "13800", "zh", "幺三八零零"),
        ("cardinal", "", "2024", "en", "two thousand and twenty four"),
        ("ordinal", "", "3", "zh", "第三"),
        ("date", "mdy", "5/1/2024", "zh", "二零二四年五月一日"),
        ("date", "mdy", "5/1/2024", "en", "May first, twenty twenty four"),
        ("fraction", "", "3/4", "zh", "四分之三"),
    ],
)
def test_the_speech_service_reads_it_so(kind: str, form: str, text: str, language: str, words: str) -> None:
    assert normalise(as_said(text, kind, form, language) or "", language) == words


def test_say_as_follows_the_language_of_the_text_or_of_the_scene() -> None:
    date = '<say-as interpret-as="date" format="mdy">5/1/2024</say-as>'
    assert pieces(f"<speak>今天是{date}。</speak>") == ["今天是2024年5月1日。"]
    assert pieces(f"<speak>Today is {date}.</speak>") == ["Today is May 1, 2024."]
    assert pieces(f"<speak>{date}</speak>", "zh-CN") == ["2024年5月1日"]
    assert shown(f"<speak>今天是{date}。</speak>") == ["今天是5/1/2024。"]


def test_phonemes_become_pronunciations() -> None:
    text = (
        '<phoneme alphabet="ipa" ph="təˈmeɪtoʊ">tomato</phoneme>，<phoneme alphabet="py" ph="chóng qìng">重庆</phoneme>'
    )
    (said,) = parse_script(text).pieces
    assert isinstance(said, Said)
    assert said.text == said.shown == "tomato，重庆"
    assert said.pronunciations == (
        Pronunciation("tomato", "/təˈmeɪtoʊ/", "en"),
        Pronunciation("重庆", "chong2 qing4", "zh"),
    )


def test_a_word_said_in_two_ways_is_in_two_pieces() -> None:
    text = '<phoneme alphabet="pinyin" ph="hang2">行</phoneme>业<phoneme alphabet="pinyin" ph="xing2">行</phoneme>走'
    said = [p for p in parse_script(text).pieces if isinstance(p, Said)]
    assert [(p.text, [e.say for e in p.pronunciations]) for p in said] == [("行业", ["hang2"]), ("行走", ["xing2"])]


@pytest.mark.parametrize(
    ("text", "words", "warning"),
    [
        ("<emphasis>很</emphasis>好<emphasis>吗</emphasis>", ["很好吗"], "<emphasis>"),
        ('<voice name="x">你好</voice>', ["你好"], "<voice>"),
        ('<lang xml:lang="fr">Bonjour</lang>', ["Bonjour"], "<lang>"),
        ('<speak>a<mark name="here"/>b</speak>', ["ab"], "<mark>"),
        ('<speak><audio src="http://x/y.mp3">beep<desc>a sound</desc></audio></speak>', ["beep"], "<audio>"),
        ('<speak><s xml:lang="en">Hello</s></speak>', ["Hello"], '<s lang="en">'),
        ('<prosody pitch="high">高</prosody>', ["高"], '<prosody pitch="high">'),
        ('<prosody rate="quickly">x</prosody>', ["x"], '<prosody rate="quickly">'),
        ('<break time="soon"/>x', ["x"], '<break time="soon">'),
        ('<say-as interpret-as="expletive">x</say-as>', ["x"], '<say-as interpret-as="expletive">'),
        ('<phoneme alphabet="x-sampa" ph="h@">he</phoneme>', ["he"], '<phoneme ph="h@">'),
        ('<phoneme alphabet="py" ph="blub9">你</phoneme>', ["你"], '<phoneme ph="blub9">'),
        ("<speak><sub>W3C</sub></speak>", ["W3C"], "<sub>"),
    ],
)
def test_what_is_not_followed_is_named_once_and_its_words_are_said(text: str, words: list[str], warning: str) -> None:
    script = parse_script(text)
    assert [p.text for p in script.pieces if isinstance(p, Said)] == words
    assert warned(script) == [("ssml-unknown", warning)]


@pytest.mark.parametrize(("rate", "within"), [("10%", 0.5), ("+900%", 2.0), ("5", 2.0), ("-99%", 0.5)])
def test_rates_out_of_range_are_brought_into_it_and_named(rate: str, within: float) -> None:
    script = parse_script(f'<prosody rate="{rate}">x</prosody>')
    assert script.pieces == [Said("x", within)]
    assert warned(script) == [("rate-clamped", f'<prosody rate="{rate}">')]


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("<speak>a<b></speak>", 1, 14),
        ("<speak>\n你好<break>\n</speak>", 3, 3),
        ("<speak>Q&A</speak>", 1, 11),
        ("<speak>&nbsp;</speak>", 1, 8),
        ('x <break time="1s">', 1, 22),
        ("x <break time=1s/>", 1, 15),
        ("<speak>x", 1, 9),
        ("<speak>x</speak>y", 1, 17),
        ("<speak>\x00</speak>", 1, 8),
        ('<!DOCTYPE speak [<!ENTITY a "aaa">]><speak>&a;</speak>', 1, 1),
        ('<speak>x</speak>\n <!DOCTYPE y SYSTEM "file:///etc/passwd">', 2, 2),
        ("<speak><mstts:x>y</mstts:x></speak>", 1, 8),
    ],
)
def test_broken_ssml_is_refused_with_its_place(text: str, line: int, column: int) -> None:
    with pytest.raises(HuashengError) as caught:
        parse_script(text)
    assert caught.value.slug == "ssml-broken"
    assert (caught.value.params["line"], caught.value.params["column"]) == (str(line), str(column))
    assert f"第 {line} 行第 {column} 列" in caught.value.text("detail", "zh")
    assert "?" not in caught.value.text("detail", "en") + caught.value.text("detail", "zh")


@pytest.mark.parametrize(
    "text",
    [
        "<speak>" + "<s>" * 8000 + "x" + "</s>" * 8000 + "</speak>",
        "<!---->" * 7000,
        "<!---->" * 7000 + "<speak>x</speak>",
        "<sub " * 10000,
        "<break " * 7000,
        "[ " * 25000,
        "你" + "\n" * 50000 + "<break/>",
        "<speak>" + '<sub alias="a">b</sub> ' * 2000 + "</speak>",
        "[pause 1]a" * 5000,
        "<speak>" + "&#x41;" * 8000 + "</speak>",
        '<prosody rate="' + "9" * 40000 + '">x</prosody>',
        '<say-as interpret-as="date" format="ymd">' + "9" * 4000 + "-1-1</say-as>",
        '<say-as interpret-as="date" format="ymd">' + "9" * 40000 + "-1-1</say-as>",
        '<say-as interpret-as="ordinal">' + "9" * 40000 + "</say-as>",
        '<say-as interpret-as="cardinal">' + "9" * 40000 + "</say-as>",
    ],
)
def test_nasty_texts_are_read_or_refused(text: str) -> None:
    """Within the time limit of a test, which a search that goes back and forth would not keep."""
    try:
        parse_script(text)
    except HuashengError as e:
        assert e.slug == "ssml-broken"
