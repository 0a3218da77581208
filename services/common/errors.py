"""One catalogue of errors, with the same reasons between services and for people.

An error is a *reason* (a slug of ``errors.toml``) and its parameters. Between services it travels as a gRPC status with
``google.rpc.ErrorInfo``; outside it becomes RFC 9457 ``application/problem+json`` in the reader's language.

    HuashengError(reason, **params)        what our code raises
    from_rpc(error)  -> HuashengError      what a gRPC client makes of a failed call
    problem(error, lang) -> dict           what an HTTP client gets

The parameter ``cause`` says why, in both languages: an entry of ``causes.toml``, or a reason whose parameters are given
as well. Its text fills ``{why}``.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import grpc
from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

DOMAIN = "huasheng"
LANGUAGES = ("en", "zh")
SCENE = {"en": "Scene {scene}: ", "zh": "场景 {scene}："}


@dataclass(frozen=True)
class Reason:
    """One entry of ``errors.toml``. Texts are by language and may hold ``{parameters}``."""

    slug: str
    grpc: str
    http: int
    title: dict[str, str]
    detail: dict[str, str]
    hint: dict[str, str]
    retryable: bool = False
    fallback: bool = False
    """Whether another engine might do what this one could not."""


@cache
def catalogue() -> dict[str, Reason]:
    """All reasons by slug. Raises ``ValueError`` if an entry is incomplete."""
    entries = tomllib.loads(Path(__file__).with_name("errors.toml").read_text(encoding="utf-8"))
    out = {}
    for slug, e in entries.items():
        texts = {part: {lang: e[f"{part}_{lang}"] for lang in LANGUAGES} for part in ("title", "detail", "hint")}
        if not hasattr(grpc.StatusCode, e["grpc"]):
            raise ValueError(f"errors.toml: {slug}: no gRPC code {e['grpc']}")
        retryable, fallback = e.get("retryable", False), e.get("fallback", False)
        out[slug] = Reason(slug, e["grpc"], e["http"], retryable=retryable, fallback=fallback, **texts)
    return out


@cache
def causes() -> dict[str, dict[str, str]]:
    """The texts of all causes, by name and language. Raises ``KeyError`` if one is incomplete."""
    entries = tomllib.loads(Path(__file__).with_name("causes.toml").read_text(encoding="utf-8"))
    return {name: {lang: texts[lang] for lang in LANGUAGES} for name, texts in entries.items()}


def cause_text(cause: str, lang: str, **params: object) -> str:
    """The text of a cause in ``en`` or ``zh``. Raises ``KeyError`` for one that is not known."""
    return causes()[cause][lang].format_map(_Missing({k: str(v) for k, v in params.items()}))


def _cause_text(params: dict[str, str], lang: str) -> str | None:
    """What ``{why}`` is in ``lang``; None without a cause that is known here."""
    cause = params.get("cause", "")
    if cause in causes():
        return causes()[cause][lang].format_map(_Missing(params))
    if cause in catalogue():
        reason = catalogue()[cause]
        return f"{reason.detail[lang]} {reason.hint[lang]}".format_map(_Missing(params))
    return None


class HuashengError(Exception):
    """A failure with a reason that a person can act on. ``params`` fill the texts and must hold no secrets."""

    def __init__(self, reason: str, **params: object) -> None:
        self.reason = catalogue()[reason]
        self.params = {k: str(v) for k, v in params.items()}
        if (why := _cause_text(self.params, "en")) is not None:
            self.params["why"] = why  # for those who do not know the cause
        super().__init__(f"{reason}: {self.text('detail', 'en')}")

    @property
    def slug(self) -> str:
        """The reason's name, e.g. ``no-face``."""
        return self.reason.slug

    @property
    def retryable(self) -> bool:
        """Whether trying again later may help."""
        return self.reason.retryable

    @property
    def code(self) -> grpc.StatusCode:
        """The gRPC status code."""
        code: grpc.StatusCode = getattr(grpc.StatusCode, self.reason.grpc)
        return code

    def text(self, part: str, lang: str) -> str:
        """``title``, ``detail`` or ``hint`` in ``en`` or ``zh``, parameters filled in.

        A parameter that is words itself has its Chinese beside it: ``kind`` and ``kind_zh``. The parameter ``scene`` is
        the number of the scene that it is about, for all reasons alike.
        """
        lang = lang if lang in LANGUAGES else "en"
        template: str = getattr(self.reason, part)[lang]
        own = {k.removesuffix(f"_{lang}"): v for k, v in self.params.items() if k.endswith(f"_{lang}")}
        text = template.format_map(_Missing(self.params | own | {"why": self.why(lang).rstrip(".。 ")}))
        return SCENE[lang].format_map(self.params) + text if part == "detail" and "scene" in self.params else text

    def why(self, lang: str) -> str:
        """The cause in ``en`` or ``zh``; "?" when none was given."""
        return _cause_text(self.params, lang) or self.params.get(f"why_{lang}") or self.params.get("why", "?")

    def because(self) -> dict[str, str]:
        """The parameters with which another error names this one as its cause."""
        if self.params.keys() & {"why", "cause"}:
            return dict(self.params)
        return self.params | {"cause": self.slug}


class _Missing(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "?"


def to_status(error: HuashengError) -> grpc.Status:
    """The gRPC status with details for ``context.abort_with_status``."""
    info = error_details_pb2.ErrorInfo(reason=error.slug, domain=DOMAIN, metadata=error.params)
    details = any_pb2.Any()
    details.Pack(info)
    code = code_pb2.Code.Value(error.reason.grpc)
    message = status_pb2.Status(code=code, message=error.text("detail", "en"), details=[details])
    status: grpc.Status = rpc_status.to_status(message)
    return status


def from_rpc(error: grpc.RpcError | grpc.aio.AioRpcError, service: str) -> HuashengError:
    """The error that a failed call to ``service`` means; unknown ones keep their gRPC code as a parameter."""
    status = None
    if isinstance(error, grpc.aio.AioRpcError):  # rpc_status.from_call wants a sync call; the trailer is the same
        for key, value in error.trailing_metadata() or ():
            if key == "grpc-status-details-bin" and isinstance(value, bytes):
                status = status_pb2.Status.FromString(value)
    elif isinstance(error, grpc.Call):
        status = rpc_status.from_call(error)
    for detail in status.details if status else ():
        info = error_details_pb2.ErrorInfo()
        if detail.Is(info.DESCRIPTOR) and detail.Unpack(info) and info.domain == DOMAIN and info.reason in catalogue():
            return HuashengError(info.reason, **dict(info.metadata))
    code = error.code() if hasattr(error, "code") else grpc.StatusCode.UNKNOWN
    if code is grpc.StatusCode.UNAVAILABLE:
        return HuashengError("service-down", service=service)
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return HuashengError("service-slow", service=service)
    if code is grpc.StatusCode.CANCELLED:
        return HuashengError("cancelled")
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return HuashengError("not-offered", service=service)
    return HuashengError("internal", service=service)


def problem(error: HuashengError, lang: str = "en", request_id: str = "") -> dict[str, object]:
    """RFC 9457 members, plus ``hint``, ``reason``, ``retryable`` and ``request_id``."""
    return {
        "type": f"urn:huasheng:problem:{error.slug}",
        "title": error.text("title", lang),
        "status": error.reason.http,
        "detail": error.text("detail", lang),
        "hint": error.text("hint", lang),
        "reason": error.slug,
        "params": error.params,
        "retryable": error.retryable,
        "request_id": request_id,
    }
