"""The wheel that users install: built from the sources, used without them."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from huasheng import __version__

CLIENT = Path(__file__).resolve().parents[3] / "clients" / "python"


def run(*command: str | Path) -> str:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_holds_all_that_it_needs(tmp_path: Path) -> None:
    pytest.importorskip("setuptools", minversion="77", reason="builds the wheel")
    shutil.copytree(CLIENT, tmp_path / "source", ignore=shutil.ignore_patterns("*.egg-info", "build", "__pycache__"))
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
    offline = ("--no-deps", "--no-index")
    run(*pip, "wheel", *offline, "--no-build-isolation", "-w", tmp_path, tmp_path / "source")
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name == f"huasheng_client-{__version__}-py3-none-any.whl"
    names = zipfile.ZipFile(wheel).namelist()
    assert "huasheng/py.typed" in names
    assert any(n.endswith("licenses/LICENSE") for n in names)
    assert {n.split("/")[0] for n in names} == {"huasheng", f"huasheng_client-{__version__}.dist-info"}
    assert {"huasheng/cli/commands/say.py", "huasheng/mcp_server/app.py"} <= set(names)
    run(*pip, "install", *offline, "--target", tmp_path / "site", wheel)
    for program in ("huasheng", "huasheng-mcp"):
        script = tmp_path / "site" / "bin" / program
        shown = subprocess.run(
            [sys.executable, script, "--version"],
            env={"PYTHONPATH": str(tmp_path / "site")},
            capture_output=True,
            text=True,
        )
        assert shown.stdout == f"{program} {__version__}\n", shown.stderr
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r}); import huasheng, importlib.metadata as m;"
        "print(huasheng.__file__, m.version('huasheng-client') == huasheng.__version__, huasheng.Huasheng().url)"
    )
    where, same, url = run(sys.executable, "-P", "-E", "-c", code).split()
    assert Path(where).is_relative_to(tmp_path / "site")
    assert (same, url) == ("True", "http://127.0.0.1:5001")
