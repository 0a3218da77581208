"""Dockerfiles and compose files follow the rules of the house and agree with the settings of the code."""

import asyncio
import importlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from huasheng.asr.v1 import asr_pb2_grpc

from services.common import healthcheck
from services.common.access.tls import Certificates
from services.common.access.tokens import Tokens
from services.common.settings import ServiceSettings, SharedSettings
from services.common.weights import manifest
from tests.fakes.serving import service_of, start
from tools.settings_docs import engine_settings
from tools.system import ROOT, SERVICES

HADOLINT = Path(sys.executable).with_name("hadolint")
TOKEN_MOUNT = "token:/run/token:ro"
EVERY = pytest.mark.parametrize("service", SERVICES)


def compose(name: str = "docker-compose.yml") -> dict[str, Any]:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def dockerfile(service: str) -> str:
    return (ROOT / "services" / service / "Dockerfile").read_text(encoding="utf-8")


def stages(service: str) -> dict[str, str]:
    """Each stage's text after ``FROM``, the last one as "", together with the stage it goes on from."""
    found: dict[str, str] = {}
    for text in re.split(r"^FROM ", dockerfile(service), flags=re.MULTILINE)[1:]:
        base, _, name = text.split("\n", 1)[0].partition(" AS ")
        found[name] = found.get(base, "") + text
    return found


def final_stage(service: str) -> str:
    return stages(service)[""]


def environment_of(service: str) -> dict[str, str]:
    lines = re.search(r"^ENV ((?:.*\\\n)*.*)$", final_stage(service), re.MULTILINE)[1]
    return dict(pair.split("=", 1) for pair in lines.replace("\\\n", " ").split())


def settings_class(service: str) -> type[ServiceSettings]:
    module = importlib.import_module(f"services.{service}.settings")
    return next(
        c
        for c in vars(module).values()
        if isinstance(c, type) and issubclass(c, ServiceSettings) and c.__module__ == module.__name__
    )


def known_variables(service: str) -> set[str]:
    classes = (SharedSettings, settings_class(service), *engine_settings(service).values())
    return {str(c.model_config["env_prefix"]) + f.upper() for c in classes for f in c.model_fields}


@EVERY
def test_hadolint_finds_nothing(service: str) -> None:
    done = subprocess.run(
        [HADOLINT, ROOT / "services" / service / "Dockerfile"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@EVERY
def test_image_has_its_own_code_user_health_check_and_nothing_more(service: str) -> None:
    text, final = dockerfile(service), final_stage(service)
    assert "# syntax=" not in text  # it would pull an image before anything is built
    assert set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) - set(stages(service)) == {"python:3.11-slim"}
    copied = set(re.findall(r"^COPY (?!--from)(\S+)", final, re.MULTILINE))
    assert copied == {"protos/gen", "services/__init__.py", "services/common", f"services/{service}"}
    assert "pip" not in final and "apt-get" not in final
    assert re.search(r"^USER 10001:10001$", final, re.MULTILINE)
    assert "STOPSIGNAL SIGTERM" in final
    assert f'CMD ["python", "-m", "services.common.healthcheck", "{service}"]' in final
    assert f'CMD ["python", "-m", "services.{service}"]' in final
    # packages are installed before any code is copied: a change of code installs nothing anew
    assert not re.search(r"^COPY services/\w+ ", text.split(" AS packages")[1].split("\nFROM ")[0], re.MULTILINE)


@EVERY
def test_image_settings_are_settings_and_are_accepted(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {k: v for k, v in environment_of(service).items() if re.match(rf"(HUASHENG|{service.upper()})_", k)}
    assert set(given) <= known_variables(service)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    SharedSettings()
    for own in engine_settings(service).values():
        own()
    settings, defaults = settings_class(service)(), settings_class(service).model_fields
    assert settings.host == "0.0.0.0"
    ports = {"port", "metrics_port", *(["http_port"] if service == "gateway" else [])}
    for port in ports:
        assert getattr(settings, port) == defaults[port].default
    exposed = {int(p) for p in re.search(r"^EXPOSE (.*)$", final_stage(service), re.MULTILINE)[1].split()}
    assert exposed == {getattr(settings, p) for p in ports}


@EVERY
def test_image_brings_weights_exactly_when_the_service_has_some(service: str) -> None:
    needs = any(service in g.services for g in manifest().values())
    assert (f"tools.fetch_weights --service {service}" in dockerfile(service)) == needs


@EVERY
def test_image_installs_what_the_service_lists(service: str) -> None:
    text = dockerfile(service)
    assert f"-c requirements/constraints.txt -r services/{service}/requirements.txt" in text
    assert ("--no-deps" in text) == (ROOT / "services" / service / "requirements-nodeps.txt").exists()


@EVERY
def test_writable_folders_of_the_image_are_the_volumes_of_the_stack(service: str) -> None:
    made = re.search(r"install -d -o huasheng -g huasheng (.*)", final_stage(service))
    volumes = compose()["services"][service]["volumes"]
    assert TOKEN_MOUNT in volumes, "which nobody but the service `token` may write to"
    mounted = {v.split(":")[1] for v in volumes if v != TOKEN_MOUNT}
    more = [compose(f"docker-compose.{name}.yml")["services"].get(service, {}) for name in ("gpu", "s3")]
    mounted |= {v.removesuffix(":ro").rsplit(":", 1)[-1] for s in more for v in s.get("volumes", [])}
    assert set(made[1].split() if made else []) == mounted


@EVERY
def test_container_is_confined_bounded_and_restarted(service: str) -> None:
    c = compose()["services"][service]
    assert c["read_only"] is True and c["tmpfs"] and c["cap_drop"] == ["ALL"]
    assert c["security_opt"] == ["no-new-privileges:true"]
    assert c["restart"] == "unless-stopped" and c["logging"]["options"]["max-size"]
    assert {"cpus", "memory", "pids"} <= set(c["deploy"]["resources"]["limits"])
    drain = float(environment_of(service).get("GATEWAY_DRAIN_S", 0))
    grace = settings_class(service).model_fields["grace_s"].default
    assert int(c["stop_grace_period"].rstrip("s")) > drain + grace + 5
    assert c["image"] == f"huasheng/{service}:0.1.0"
    assert c["build"] == {"context": ".", "dockerfile": f"services/{service}/Dockerfile"}


@EVERY
def test_container_variables_are_settings(service: str) -> None:
    files = ("docker-compose.yml", "docker-compose.gpu.yml", "docker-compose.train.yml", "docker-compose.tls.yml")
    given = {v for f in files for v in compose(f)["services"].get(service, {}).get("environment", {})}
    known = known_variables(service) | {"OTEL_EXPORTER_OTLP_HEADERS"}  # of the traces' own library
    assert given <= known, given - known


def test_env_example_names_only_what_the_compose_file_reads() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    for line in (ROOT / ".env.example").read_text(encoding="utf-8").splitlines():
        if named := re.match(r"#?([A-Z_]+)=", line):
            assert re.search(rf"\b{named[1]}\b", text), named[1]
        assert not re.match(r"[A-Z_]+=", line), "the example changes nothing until a line is uncommented"


def test_only_loopback_is_published_and_only_by_those_who_must() -> None:
    published = {name: c["ports"] for name, c in compose()["services"].items() if "ports" in c}
    assert set(published) == {"gateway", "prometheus", "grafana"}
    for ports in published.values():
        assert all(p.startswith("127.0.0.1:") for p in ports)
    assert published["gateway"] == ["127.0.0.1:${HUASHENG_PORT:-5001}:5001"]
    assert compose()["services"]["gateway"]["environment"]["GATEWAY_AUTH"] == "local"


def test_more_than_this_machine_is_let_in_only_where_people_sign_in() -> None:
    text = (ROOT / "docker-compose.accounts.yml").read_text(encoding="utf-8")
    opened = yaml.safe_load(text.replace("!override", ""))["services"]["gateway"]
    assert opened["environment"]["GATEWAY_AUTH"] == "accounts"
    assert opened["environment"]["GATEWAY_OPEN_TO_ANYONE"] == "false"
    assert opened["environment"]["GATEWAY_PUBLIC_URL"].startswith("${GATEWAY_PUBLIC_URL:?")
    assert set(opened["environment"]) <= known_variables("gateway")
    assert "ports: !override" in text, "else the loopback port is published beside it"


def test_gateway_starts_after_healthy_engines_and_finds_them() -> None:
    gateway = compose()["services"]["gateway"]
    engines = set(SERVICES) - {"gateway"}
    assert gateway["depends_on"] == {e: {"condition": "service_healthy"} for e in engines}
    for e in engines:
        port = settings_class(e).model_fields["port"].default
        assert gateway["environment"][f"GATEWAY_{e.upper()}_ADDRESS"] == f"dns:///{e}:{port}"


def test_training_without_a_gpu_has_an_image_of_its_own() -> None:
    made = stages("render")
    assert "--from=packages-train" in made["train"] and "requirements-train.txt" in made["packages-train"]
    assert "train" not in made[""]
    build = compose("docker-compose.train.yml")["services"]["render"]["build"]
    assert (build["target"], build["args"]) == ("train", ["PIP_EXTRA_INDEX_URL"])


def test_gpu_image_has_torch_and_the_ordinary_one_has_not() -> None:
    made = stages("render")
    assert "--from=packages-gpu" in made["gpu"]
    assert "requirements-gpu.txt" in made["packages-gpu"]
    assert "gpu" not in made[""]
    build = compose("docker-compose.gpu.yml")["services"]["render"]["build"]
    assert build == {"context": ".", "dockerfile": "services/render/Dockerfile", "target": "gpu"}
    assert (ROOT / "services/render/requirements-gpu.txt").read_text().count("torch==") == 1


def test_gpu_override_reserves_a_gpu_for_render_alone() -> None:
    services = compose("docker-compose.gpu.yml")["services"]
    assert set(services) == {"render"}
    (device,) = services["render"]["deploy"]["resources"]["reservations"]["devices"]
    assert device["driver"] == "nvidia" and device["capabilities"] == ["gpu"]


def test_no_secret_is_written_down() -> None:
    files = [ROOT / ".env.example", *ROOT.glob("docker-compose*.yml"), *(ROOT / "deploy").rglob("*.y*ml")]
    for path in files:
        for line in path.read_text(encoding="utf-8").splitlines():
            assert not re.search(
                r"(?i)(api_key|secret|password)\w*\s*[=:]\s*['\"]?(?!huasheng-s|database-url)[A-Za-z0-9/+]{8,}",
                line,
            ), (
                path,
                line,
            )
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert ".env" in ignored
    assert (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()[1] == "*"


async def test_health_check_tells_ready_from_loading_and_down() -> None:
    service = service_of("asr", asr_pb2_grpc.AsrServiceServicer())
    running = await start(service, load=False)
    try:
        assert "not serving" in await asyncio.to_thread(healthcheck.check, running.address, service.full_name)
        await running.board.set(True)
        assert await asyncio.to_thread(healthcheck.check, running.address, service.full_name) == ""
        assert "NOT_FOUND" in await asyncio.to_thread(healthcheck.check, running.address, "huasheng.asr.v1.Other")
    finally:
        await running.stop(0)
    assert "UNAVAILABLE" in await asyncio.to_thread(healthcheck.check, running.address, service.full_name)


@EVERY
def test_health_check_asks_for_the_name_that_the_service_serves(service: str) -> None:
    assert SERVICES[service] == f"huasheng.{service}.v1.{service.title()}Service"


def token_service() -> dict[str, Any]:
    return compose()["services"]["token"]


def test_every_service_shows_the_token_and_none_starts_without_it() -> None:
    services = compose()["services"]
    for service in SERVICES:
        assert services[service]["environment"]["HUASHENG_SERVICE_TOKEN_FILE"] == "/run/token/token"
        waits = services[service]["depends_on"]
        assert waits.get("token") == {"condition": "service_completed_successfully"} or service == "gateway"
    assert {"asr", "llm", "tts", "render"} <= set(services["gateway"]["depends_on"]), "which wait for it"
    made = token_service()
    assert made["volumes"] == ["token:/run/token"] and made["network_mode"] == "none" and "ports" not in made
    assert made["cap_drop"] == ["ALL"] and made["read_only"] and "restart" not in made
    writers = [n for n, c in services.items() if "token:/run/token" in c.get("volumes", [])]
    assert writers == ["token"]


def test_the_token_is_made_once_and_changed_without_a_gap(tmp_path: Path) -> None:
    """The script of the service ``token`` as the container runs it, in a folder of its own."""
    shell, flags, script, name = token_service()["entrypoint"]
    script = script.replace("$$", "$").replace("/run/token", str(tmp_path))

    def token(*command: str) -> list[str]:
        subprocess.run([shell, flags, script, name, *command], check=True, timeout=30, capture_output=True)
        assert [p.name for p in tmp_path.iterdir()] == ["token"]
        assert (tmp_path / "token").stat().st_mode & 0o777 == 0o644
        return list(Tokens(file=tmp_path / "token").current())

    (tmp_path / "new").write_text("left by a crash")
    (first,) = token(*token_service()["command"])
    assert re.fullmatch("[0-9a-f]{64}", first)
    assert token("make") == [first]
    second, still = token("renew")
    assert second != first and still == first and token("make") == [second, first]
    assert token("finish") == [second] == token("finish")
    wrong = subprocess.run([shell, flags, script, name, "drop"], timeout=30, capture_output=True, check=False)
    assert wrong.returncode == 2 and token("make") == [second]


@pytest.mark.parametrize("service", ["asr", "tts", "render"])
def test_what_fetches_the_weights_in_an_image_has_all_it_imports(service: str, tmp_path: Path) -> None:
    stage = stages(service)["weights"]
    for line in re.findall(r"^COPY (?!--)(.*)$", stage, re.MULTILINE):
        *files, folder = line.split()
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        for file in files:
            shutil.copy(ROOT / file, tmp_path / folder)
    done = subprocess.run(
        [sys.executable, "-m", "tools.fetch_weights", "--help"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_tls_override_gives_every_service_the_files_it_mounts() -> None:
    services = compose("docker-compose.tls.yml")["services"]
    assert set(services) == set(SERVICES)
    for service in services.values():
        folder = service["volumes"][0].split(":")[-2]
        files = {"CERT": "tls.crt", "KEY": "tls.key", "CA": "ca.crt"}
        assert service["environment"] == {f"HUASHENG_TLS_{k}": f"{folder}/{f}" for k, f in files.items()}
        assert service["volumes"][0].endswith(":ro")


def test_the_documented_certificate_is_one_that_the_services_take(tmp_path: Path) -> None:
    if not shutil.which("openssl"):
        pytest.skip("no openssl here to make a certificate")
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    commands = re.search(r"```sh\nmkdir -p tls.*?\n(openssl.*?)sudo", text, re.DOTALL)[1]
    subprocess.run(["sh", "-ec", commands], cwd=tmp_path, check=True, capture_output=True, timeout=60)
    Certificates(*(tmp_path / f for f in ("tls.crt", "tls.key", "ca.crt")))
    names = (tmp_path / "names").read_text().split("=")[1].split(",")
    assert {f"DNS:{s}" for s in SERVICES} | {"IP:127.0.0.1"} <= set(names)
