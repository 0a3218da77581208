"""Certificates that sign: own ones made, kept and renewed; the operator's taken or refused at start."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from cryptography import x509

from services.common.storage import Storage
from services.gateway.accounts.consents import ConsentStore
from services.gateway.marks import certificates
from services.gateway.marks.certificates import due, known_signers, load_credential
from services.gateway.marks.manifest import Claim, Ingredient, read, sign
from services.gateway.marks.marker import Marker
from services.gateway.settings import GatewaySettings
from services.gateway.store.db import Database
from services.gateway.store.provenance import ProvenanceStore
from tests.fakes.boxes import boxes
from tests.fakes.tiny_video import tiny_film

CLAIM = Claim("j_1", "atlas", False, (Ingredient("voice", "zf_001"),))


def film(folder: Path) -> Path:
    (folder / "a.mp4").write_bytes(tiny_film())
    return folder / "a.mp4"


def test_own_ones_are_made_once_and_readable_by_their_owner_only(tmp_path: Path) -> None:
    first = load_credential(tmp_path / "marks", None, None)
    assert load_credential(tmp_path / "marks", None, None).chain == first.chain
    assert {p.name for p in (tmp_path / "marks").iterdir()} == {"root.pem", "leaf.pem"}
    for file in (tmp_path / "marks").iterdir():
        assert file.stat().st_mode & 0o777 == 0o600
    assert "PRIVATE" not in repr(first) and "BEGIN" not in repr(first)


def test_what_they_sign_holds_until_a_byte_changes(tmp_path: Path) -> None:
    credential = load_credential(tmp_path / "marks", None, None)
    signers = known_signers(tmp_path / "marks", credential)
    source, target = film(tmp_path), tmp_path / "b.mp4"
    sign(source, target, CLAIM, credential, "1")
    found = read(target, "video/mp4", signers)
    assert found and (found.state, found.is_ours, found.problems) == ("valid", True, [])
    assert (found.made_id, found.ingredients) == ("j_1", ["voice"])
    data = bytearray(target.read_bytes())
    data[bytes(data).rindex(b"mdat") + 20] ^= 1
    target.write_bytes(data)
    found = read(target, "video/mp4", signers)
    assert found and (found.state, found.problems) == ("changed", ["assertion.bmffHash.mismatch"])


def test_another_installations_signature_is_not_ours(tmp_path: Path) -> None:
    theirs, ours = (load_credential(tmp_path / name, None, None) for name in "ab")
    sign(film(tmp_path), tmp_path / "b.mp4", CLAIM, theirs, "1")
    found = read(tmp_path / "b.mp4", "video/mp4", known_signers(tmp_path / "b", ours))
    assert found and (found.state, found.is_ours) == ("valid", False)


def test_a_leaf_is_renewed_before_it_ends_and_its_files_are_still_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "marks"
    monkeypatch.setattr(certificates, "LEAF_DAYS", 20)
    old = load_credential(folder, None, None)
    known_signers(folder, old)
    assert due(old) and not due(old, dt.datetime.now(dt.UTC) - dt.timedelta(days=30))
    sign(film(tmp_path), tmp_path / "b.mp4", CLAIM, old, "1")
    monkeypatch.undo()
    new = load_credential(folder, None, None)
    assert new.chain != old.chain and not due(new)
    assert new.anchor == old.anchor, "the root stays"
    found = read(tmp_path / "b.mp4", "video/mp4", known_signers(folder, new))
    assert found and found.is_ours


@pytest.mark.parametrize("damage", [b"", b"not a certificate"])
def test_a_damaged_leaf_is_made_anew_and_a_damaged_root_is_named(tmp_path: Path, damage: bytes) -> None:
    first = load_credential(tmp_path, None, None)
    (tmp_path / "leaf.pem").write_bytes(damage)
    assert load_credential(tmp_path, None, None).chain != first.chain
    (tmp_path / "root.pem").write_bytes(damage)
    with pytest.raises(SystemExit, match=str(tmp_path)):
        load_credential(tmp_path, None, None)


def operators(folder: Path) -> tuple[Path, Path]:
    """Files as an operator has them: the chain, and the key."""
    made = load_credential(folder / "ca", None, None)
    (folder / "chain.pem").write_bytes(made.chain)
    (folder / "key.pem").write_bytes(made.key)
    return folder / "chain.pem", folder / "key.pem"


def marker(folder: Path, **settings: Path) -> Marker:
    chosen = GatewaySettings(data_dir=folder / "data", **settings)
    db = Database(chosen)
    return Marker(chosen, b"k" * 32, Storage(f"file://{folder}/storage"), ProvenanceStore(db), ConsentStore(db))


def test_the_operators_sign_in_their_place(tmp_path: Path) -> None:
    chain, key = operators(tmp_path)
    used = marker(tmp_path, sign_certificate=chain, sign_key=key)
    assert used.credential.chain == chain.read_bytes()
    leaf = x509.load_pem_x509_certificates(chain.read_bytes())[0]
    assert used.signers.serials == {str(leaf.serial_number)}
    kept = b"".join(p.read_bytes() for p in (tmp_path / "data").rglob("*") if p.is_file())
    assert b"PRIVATE" not in kept, "the key stays where it is"


def test_what_does_not_fit_is_refused_at_start(tmp_path: Path) -> None:
    chain, key = operators(tmp_path)
    other = tmp_path / "other.pem"
    other.write_bytes(load_credential(tmp_path / "x", None, None).key)
    alone = tmp_path / "alone.pem"
    leaf = x509.load_pem_x509_certificates(chain.read_bytes())[0]
    alone.write_bytes(certificates._pem_of(leaf))
    for given, why in (
        ((chain, None), "both"),
        ((chain, other), "not that of the first"),
        ((alone, key), "another one signed"),
        ((key, key), "not PEM|cannot sign"),
        ((chain, chain), "not a PEM key"),
        ((tmp_path / "none.pem", key), "cannot be read"),
    ):
        with pytest.raises(SystemExit, match=why) as refused:
            load_credential(tmp_path / "m", *given)
        assert "BEGIN" not in str(refused.value)


def test_the_manifest_names_no_owner(tmp_path: Path) -> None:
    credential = load_credential(tmp_path / "marks", None, None)
    sign(film(tmp_path), tmp_path / "b.mp4", CLAIM, credential, "1")
    kinds = [k for k, _ in boxes((tmp_path / "b.mp4").read_bytes())]
    assert kinds[:3] == [b"ftyp", b"uuid", b"moov"]
    assert b"local" not in (tmp_path / "b.mp4").read_bytes()
