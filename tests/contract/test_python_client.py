"""The Python client and the gateway's OpenAPI document say the same: every call, every field."""

import inspect
import json
import re
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest
from huasheng import Huasheng, accounts, batches, drafts, jobs, models, requests, scenes, verification
from huasheng._async.jobs import Kind, State

from services.gateway.accounts.rules import RULES, Need
from services.gateway.app import create_app
from services.gateway.settings import GatewaySettings

DOCUMENT: dict[str, Any] = create_app(GatewaySettings(), None).openapi()  # type: ignore[arg-type]
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
RENAMED = {"VoiceList": "Voices"}
NO_SCHEMA = {"Answer", "Speech", "SpeechChunk", "SceneRecord"}
"""The base; sound; what a job's ``partial`` and ``result`` hold."""
NOT_OFFERED = {
    ("GET", "/api/v1/events"): "for a page that shows all jobs at once",
    ("GET", "/api/v1/media/{key}"): "reached by the links of results",
    ("GET", "/api/v1/shares/{share_id}/file"): "reached by the file_url of what is shared",
    ("GET", "/api/v1/shared/{token}/file"): "reached by the file_url of what is shared",
}
OF_PERSONS = set(RULES[Need.PERSON]) | {
    f"{method} /api/v1/{path}"
    for method, path in (
        ("GET", "sign-in"),
        ("POST", "sign-in"),
        ("POST", "set-up"),
        ("POST", "password-links/open"),
        ("POST", "password-links/use"),
    )
}
"""What people do with a browser and no key may."""
NAMED = vars(models) | vars(accounts) | vars(verification) | vars(drafts) | vars(batches) | vars(scenes)
ANSWERS = [m for m in NAMED.values() if isinstance(m, type) and issubclass(m, models.Answer)]
MODELS = [m for m in ANSWERS if m.__name__ not in NO_SCHEMA] + [jobs.Job]


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    return SCHEMAS[schema["$ref"].rsplit("/", 1)[-1]] if "$ref" in schema else schema


def nullable(schema: dict[str, Any]) -> bool:
    return {"type": "null"} in schema.get("anyOf", ())


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.__name__)
def test_every_field_is_in_the_document_and_the_other_way_round(model: type[models.Answer]) -> None:
    properties = SCHEMAS[RENAMED.get(model.__name__, model.__name__)]["properties"]
    assert set(model.model_fields) == set(properties)
    for name, field in model.model_fields.items():
        is_optional = any(a is types.NoneType for a in getattr(field.annotation, "__args__", ()))
        assert is_optional == nullable(properties[name]), name


BODIES: list[tuple[str, Callable[[Huasheng], Callable[..., Any]]]] = [
    ("VideoRequest", lambda hs: hs.videos.create),
    ("ScenePreviewRequest", lambda hs: hs.videos.preview),
    ("DubbingRequest", lambda hs: hs.dubbings.create),
    ("DialogueRequest", lambda hs: hs.dialogues.create),
    ("AvatarRequest", lambda hs: hs.avatars.create),
    ("TrainingRequest", lambda hs: hs.trainings.create),
    ("SpeechRequest", lambda hs: hs.speech.create),
    ("SpeechRequest", lambda hs: hs.speech.stream),
    ("SpeechRequest", lambda hs: hs.speech.save),
    ("VoiceName", lambda hs: hs.voices.rename),
    ("AvatarVoice", lambda hs: hs.avatars.set_voice),
    ("PreviewRequest", lambda hs: hs.dictionary.preview),
    ("SayRequest", lambda hs: hs.dictionary.put),
    ("ImportRequest", lambda hs: hs.dictionary.import_csv),
    ("VideoChange", lambda hs: hs.videos.change),
    ("BatchRequest", lambda hs: hs.batches.create),
    ("BatchRequest", lambda hs: hs.batches.check),
    ("DraftRequest", lambda hs: hs.drafts.create),
    ("DraftChange", lambda hs: hs.drafts.change),
    ("ShareRequest", lambda hs: hs.shares.create),
    ("TokenRequest", lambda hs: hs.tokens.create),
    ("UserRequest", lambda hs: hs.users.create),
    ("UserChange", lambda hs: hs.users.change),
]
OF_THE_CLIENT = {"idempotency_key", "timeout", "path", "progress"}
IDS = {
    "VoiceName": {"voice_id"},
    "AvatarVoice": {"avatar_id"},
    "SayRequest": {"word"},
    "UserChange": {"user_id"},
    "DraftChange": {"draft_id"},
    "VideoChange": {"job_id"},
}
"""Parameters that stand in the path."""


@pytest.mark.parametrize(("schema", "method"), BODIES)
def test_every_parameter_is_a_field_of_the_request(schema: str, method: Callable[[Huasheng], Any]) -> None:
    parameters = set(inspect.signature(method(Huasheng())).parameters)
    assert parameters - OF_THE_CLIENT - IDS.get(schema, set()) == set(SCHEMAS[schema]["properties"])


@pytest.mark.parametrize(
    "of",
    [
        requests.Synthesis,
        requests.EngineChoice,
        requests.ConsentRequest,
        requests.Dubbing,
        requests.DubbedSentence,
        requests.Term,
        requests.Scene,
        requests.CueText,
        requests.Format,
        requests.Subtitles,
        requests.Sound,
        requests.Music,
        requests.Logo,
    ],
    ids=lambda c: c.__name__,
)
def test_every_key_is_a_field_within_a_request(of: type) -> None:
    assert set(of.__annotations__) == set(SCHEMAS[of.__name__]["properties"])


def test_filters_take_what_the_gateway_takes() -> None:
    given = {p["name"]: p["schema"] for p in DOCUMENT["paths"]["/api/v1/jobs"]["get"]["parameters"]}
    assert set(get_args(Kind)) == set(given["kind"]["anyOf"][0]["enum"]) == set(jobs.KINDS)
    assert set(get_args(State)) == set(given["state"]["anyOf"][0]["items"]["enum"])
    assert set(jobs.OVER) < set(get_args(State))


def made_up(schema: dict[str, Any]) -> Any:
    """An instance of a schema."""
    schema = resolved(schema)
    if "anyOf" in schema:
        return made_up(schema["anyOf"][0])
    if "enum" in schema or "const" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    match schema.get("type"):
        case "object":
            return {k: made_up(v) for k, v in schema.get("properties", {}).items()}
        case "array":
            return [made_up(schema["items"])]
        case "string":
            return "2026-11-22T19:47:23.120Z"  # is a text as well as a time
        case "integer" | "number":
            return 1
        case "boolean":
            return True
    return None


WAV = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x01\0\xc0\x5d\0\0\x80\xbb\0\0\x02\0\x10\0data\xff\xff\xff\xff\0\0"


def templates() -> list[tuple[str, str, re.Pattern[str], dict[str, Any]]]:
    out = []
    for path, methods in DOCUMENT["paths"].items():
        pattern = re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)) + "$")
        out += [
            (m.upper(), path, pattern, operation) for m, operation in methods.items() if path.startswith("/api/v1/")
        ]
    return sorted(out, key=lambda t: "{" in t[1])  # /jobs before /jobs/{job_id}


class Gateway(httpx.BaseTransport):
    """Answers as the document says, and notes what was asked."""

    def __init__(self) -> None:
        self.asked: set[tuple[str, str]] = set()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        asked = request.method, request.url.path
        fitting = [t for t in templates() if t[0] == asked[0] and t[2].match(asked[1])]
        assert fitting, f"{asked} is not in the document"
        method, path, _, operation = fitting[0]
        self.asked.add((method, path))
        takes_key = any(p["name"] == "Idempotency-Key" for p in operation.get("parameters", ()))
        assert bool(request.headers.get("idempotency-key")) == takes_key, path
        known = {p["name"] for p in operation.get("parameters", ())}
        assert set(request.url.params) <= known, path
        if path.endswith("/events"):
            job = made_up(SCHEMAS["Job"]) | {"kind": "other", "state": "succeeded", "result": {}, "partial": {}}
            events = f"event: snapshot\ndata: {json.dumps(job)}\n\nevent: done\ndata: {json.dumps(job)}\n\n"
            return httpx.Response(200, headers={"content-type": "text/event-stream"}, text=events)
        if path.endswith(("/sample", "/content", "/video", "/speech", "/clip", "/zip", "/report.csv")):
            return httpx.Response(200, content=WAV)
        if path.endswith("/export"):
            return httpx.Response(200, text="word,say,language")
        status = min(int(s) for s in operation["responses"] if s.startswith("2"))
        if status == 204 or "forget" in request.url.params:
            return httpx.Response(204)
        schema = operation["responses"][str(status)]["content"]["application/json"]["schema"]
        body = made_up(schema)
        rows = body.get("items", [body])
        for row in rows:
            if "events_url" in row:
                row |= {"result": None, "kind": "other"}
        if "before" in request.url.params:
            rows.clear()
        return httpx.Response(status, json=body)


def test_every_call_is_in_the_document_and_the_other_way_round(tmp_path: Path) -> None:
    gateway = Gateway()
    with httpx.Client(transport=gateway) as http:
        hs = Huasheng(http=http)
        file, out = b"x", tmp_path / "out"
        hs.assets.upload(file), hs.assets.list(kind="audio"), hs.assets.get("a"), hs.assets.delete("a")
        hs.assets.download("a", out), list(hs.assets.iterate())
        hs.avatars.create(asset_id="a", name="n"), hs.avatars.list(), hs.avatars.get("a"), hs.avatars.delete("a")
        hs.avatars.set_voice("a", None)
        hs.voices.create(file, name="n", consent="c", consent_by="b"), hs.voices.list(), hs.voices.overview()
        hs.voices.rename("v", "n"), hs.voices.delete("v"), hs.voices.sample("v", out)
        hs.voices.add_clip("v", file), hs.voices.remove_clip("v", "c")
        hs.models.list(), hs.models.get("m"), hs.models.delete("m")
        hs.trainings.create(video_asset_id="a"), hs.videos.create(text="t"), hs.videos.list()
        hs.videos.preview(text="t"), hs.dubbings.create(film_asset_id="a", language="en")
        hs.dialogues.create(text="t"), hs.conversations.list(), hs.conversations.get("c"), hs.conversations.delete("c")
        hs.conversations.rate("c", "j", "up")
        hs.dictionary.preview("t"), hs.dictionary.list(), hs.dictionary.put("w", "s", language="en")
        hs.dictionary.delete("w"), hs.dictionary.export_csv(), hs.dictionary.import_csv("a,b,en")
        hs.videos.change("j", name="n"), hs.videos.delete(["j"]), hs.videos.tags(), hs.account.storage()
        hs.batches.create(template={}, rows=[]), hs.batches.check(template={}, csv="a"), hs.batches.list()
        hs.batches.get("b"), hs.batches.retry("b"), hs.batches.cancel("b"), hs.batches.forget("b")
        hs.batches.download("b", out), hs.batches.download_report("b", out)
        hs.drafts.list(), hs.drafts.create(script={}), hs.drafts.get("d"), hs.drafts.delete("d")
        hs.drafts.change("d", script={}, version=1)
        hs.speech.create("t", synthesis={"seed": 1}), hs.transcriptions.create(file)
        hs.jobs.list(state=["active", "failed"]), hs.jobs.get("j"), hs.jobs.cancel("j"), hs.jobs.forget("j")
        assert hs.jobs.wait("j").is_over
        hs.jobs.download_video("j", out)
        hs.system.get(), hs.system.engines(), hs.system.devices(), hs.verify(file)
        hs.account.me(), hs.account.usage(days=7), hs.tokens.create(origins=["https://shop.example"])
        hs.shares.create(kind="avatar", id="a", audience="link"), hs.shares.list(), hs.shares.with_me(kind="video")
        hs.shares.withdraw("s"), hs.shares.open("t"), hs.shares.take("t")
        hs.consents.texts(), hs.consents.list(), hs.consents.withdraw("n")
        hs.consents.challenge(), hs.consents.download_clip("n", out)
        hs.users.list(), hs.users.create(name="bo"), hs.users.change("u", disabled=True), hs.users.remove("u")
        hs.users.password_link("u"), hs.users.sign_out("u"), hs.users.usage(), hs.audit.list(user_id="u")
    offered = {(method, path) for method, path, _, _ in templates()}
    of_persons = {(m, p) for m, p in offered if f"{m} {p}" in OF_PERSONS}
    assert len(of_persons) == len(OF_PERSONS)
    assert gateway.asked == offered - set(NOT_OFFERED) - of_persons
    assert set(NOT_OFFERED) <= {(m, p.replace(":path", "")) for m, p in offered}
