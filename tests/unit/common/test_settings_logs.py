import json
import logging

import pytest

from services.common import logs
from services.common.engines import engine_class
from services.common.errors import HuashengError
from services.common.settings import SharedSettings, load


def test_a_wrong_setting_ends_the_program_and_is_named(monkeypatch, capsys) -> None:
    monkeypatch.setenv("HUASHENG_THREADS", "many-secret")
    with pytest.raises(SystemExit) as e:
        load(SharedSettings)
    assert e.value.code == 2
    message = capsys.readouterr().err
    assert "HUASHENG_THREADS" in message
    assert "many-secret" not in message, "values may be secrets"


def test_settings_come_from_the_environment(monkeypatch) -> None:
    monkeypatch.setenv("HUASHENG_STORAGE_URL", "s3://bucket/x")
    assert load(SharedSettings).storage_url == "s3://bucket/x"


def test_log_lines_are_json_with_ids_and_extras() -> None:
    record = logging.makeLogRecord({"name": "t", "levelname": "INFO", "msg": "a %s", "args": ("b",), "frames": 3})
    token = logs.job_id.set("job-1")
    try:
        line = json.loads(logs.JsonFormatter("asr").format(record))
    finally:
        logs.job_id.reset(token)
    assert line["message"] == "a b"
    assert line["job_id"] == "job-1"
    assert line["frames"] == 3
    assert line["service"] == "asr"
    assert "turn_id" not in line


def test_engines_are_found_by_name_only() -> None:
    assert engine_class({"x": "json:JSONDecoder"}, "x", "t") is json.JSONDecoder
    with pytest.raises(HuashengError) as e:
        engine_class({"x": "json:JSONDecoder"}, "os", "t")
    assert e.value.slug == "unknown-engine"
