"""Cloned voices whose record is damaged: they hide no others and can be deleted."""

from pathlib import Path

import numpy as np
import pytest

from services.common.errors import HuashengError
from services.common.storage import Storage
from services.tts.reference import Reference
from services.tts.voices import Consent, VoiceStore

BAD = "v_0123456789abcdef"


def made(store: VoiceStore) -> str:
    reference = Reference(samples=np.zeros(16000, np.float32), snr_db=40.0, loudness_lufs=-20.0)
    return store.create(
        owner="local",
        name="Anna",
        language="en-US",
        transcript="Hello.",
        engine="fake",
        model="",
        references=[reference],
        consent=Consent("I agree.", "Anna", 1),
    ).voice_id


@pytest.mark.parametrize("data", [b"", b"{broken", b"[]", b"null", b'{"clips": []}', b'{"clips": 1}', b"\xff\xfe\x00"])
def test_a_damaged_record_hides_no_other_voice_and_can_be_deleted(tmp_path: Path, data: bytes) -> None:
    store = VoiceStore(Storage(f"file://{tmp_path}/s"), tmp_path / "clips")
    good = made(store)
    place = store._place("local", BAD)
    store.storage.put(f"{place}/voice.json", data)
    assert [v.voice_id for v in store.list("local")] == [good]
    assert store.find("local", good).clips[0].transcript == "Hello."
    with pytest.raises(HuashengError, match="unknown-voice"):
        store.find("local", BAD)
    store.delete("local", BAD)
    with pytest.raises(HuashengError, match="unknown-voice"):
        store.delete("local", BAD)
    assert [v.voice_id for v in store.list("local")] == [good]
