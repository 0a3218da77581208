"""C2PA manifests: written into finished files, and read from any file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import c2pa

from services.gateway.marks.certificates import Credential, Signers

MADE = "org.huasheng.made"
"""Label of our own assertion, which holds what the standard ones have no place for."""
_SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
WHOLLY, PARTLY = f"{_SOURCE_TYPES}trainedAlgorithmicMedia", f"{_SOURCE_TYPES}compositeWithTrainedAlgorithmicMedia"
FORMATS = {"mp4": "video/mp4", "mov": "video/quicktime", "wav": "audio/wav", "jpg": "image/jpeg"}
"""What is signed, by the end of a key."""
_OFFLINE = {"remote_manifest_fetch": False, "ocsp_fetch": False}
"""A file that somebody brings must not make this machine ask other servers."""
_UNTRUSTED = "signingCredential.untrusted"


@dataclass(frozen=True)
class Ingredient:
    """Something that went into what was made: ``role`` such as ``voice``, without names of persons."""

    role: str
    identity: str
    """What it is: an id, or ``sha256:…`` of a file."""


@dataclass(frozen=True)
class Claim:
    """What a manifest says."""

    made_id: str
    engine: str
    wholly: bool
    """Whether nothing of it was recorded: speech made of a text."""
    ingredients: tuple[Ingredient, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    """For our own assertion: names and values."""

    def definition(self, content_type: str, version: str) -> dict[str, Any]:
        """As the library takes it."""
        action = {
            "action": "c2pa.created",
            "digitalSourceType": WHOLLY if self.wholly else PARTLY,
            "softwareAgent": {"name": f"Huasheng {self.engine}".strip(), "version": version},
        }
        return {
            "claim_generator_info": [{"name": "Huasheng", "version": version}],
            "title": self.made_id,
            "format": content_type,
            "ingredients": [
                {"title": i.role, "relationship": "inputTo", "instance_id": f"urn:huasheng:{i.identity}"}
                for i in self.ingredients
            ],
            "assertions": [
                {"label": "c2pa.actions.v2", "data": {"actions": [action]}},
                {"label": MADE, "data": {"id": self.made_id, "engine": self.engine, **dict(self.facts)}},
            ],
        }


def sign(source: Path, target: Path, claim: Claim, credential: Credential, version: str) -> None:
    """Write ``source`` with a signed manifest to ``target``. Raises ``c2pa.C2paError`` and ``OSError``."""
    content_type = FORMATS[source.suffix[1:]]
    info = c2pa.C2paSignerInfo(
        alg=credential.algorithm.encode(),
        sign_cert=credential.chain,
        private_key=credential.key,
        ta_url=None,  # an empty text would be taken for the address of a clock
    )
    with (
        c2pa.Context.from_dict({"builder": {"thumbnail": {"enabled": False}}}) as context,
        c2pa.Signer.from_info(info) as signer,
        c2pa.Builder(json.dumps(claim.definition(content_type, version)), context=context) as builder,
    ):
        builder.sign_file(source, target, signer)


@dataclass(frozen=True)
class FoundManifest:
    """What the active manifest of a file says, and whether it holds."""

    state: Literal["valid", "changed"]
    """``valid``: signed, and the file is as it was then. ``changed``: the file or the manifest was changed since."""
    is_ours: bool
    """Whether a certificate of this installation signed it."""
    signer: str
    generator: str
    source_type: str
    """Last part of its digital source type; empty when it has none."""
    ingredients: list[str]
    made_id: str
    problems: list[str]
    """Codes of C2PA of what does not hold; without the trust in the signer, which ``is_ours`` tells."""


def read(path: Path, content_type: str, signers: Signers) -> FoundManifest | None:
    """The manifest in a file; None where there is none, or none that can be read."""
    settings = {"verify": {**_OFFLINE, "verify_trust": True}, "trust": {"user_anchors": signers.anchors}}
    try:
        with (
            c2pa.Context.from_dict(settings) as context,
            path.open("rb") as stream,
            c2pa.Reader(content_type, stream, context=context) as reader,
        ):
            found = json.loads(reader.json())
    except (c2pa.C2paError, ValueError):
        return None
    return _found(found, signers)


def _found(store: dict[str, Any], signers: Signers) -> FoundManifest | None:
    active = store.get("manifests", {}).get(store.get("active_manifest"))
    if not active:
        return None
    results = store.get("validation_results", {}).get("activeManifest", {})
    codes = [str(f.get("code", "")) for f in results.get("failure", [])]
    is_trusted = any(s.get("code") == "signingCredential.trusted" for s in results.get("success", []))
    data: dict[str, Any] = {a.get("label", ""): a.get("data", {}) for a in active.get("assertions", [])}
    actions: list[dict[str, Any]] = next(
        (d.get("actions", []) for label, d in data.items() if label.startswith("c2pa.actions")), []
    )
    kind = next((a["digitalSourceType"] for a in actions if a.get("digitalSourceType")), "")
    generator: dict[str, Any] = next(iter(active.get("claim_generator_info", [])), {})
    signature = active.get("signature_info", {})
    problems = sorted({c for c in codes if c != _UNTRUSTED})
    return FoundManifest(
        state="changed" if problems else "valid",
        is_ours=is_trusted and str(signature.get("cert_serial_number")) in signers.serials,
        signer=_text(signature.get("common_name") or signature.get("issuer")),
        generator=_text(f"{generator.get('name', '')} {generator.get('version', '')}".strip()),
        source_type=_text(str(kind).rsplit("/", 1)[-1]),
        ingredients=[_text(i.get("title")) for i in active.get("ingredients", [])][:20],
        made_id=_text((data.get(MADE) or {}).get("id")) if isinstance(data.get(MADE), dict) else "",
        problems=problems[:10],
    )


def _text(value: Any) -> str:
    return str(value or "")[:200]
