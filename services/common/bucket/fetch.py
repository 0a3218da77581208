"""``python -m services.common.bucket.fetch s3://bucket/models FOLDER``: the files below an address, on this machine.

For checkpoints that are too big for an image, before a service starts (an init container). A file that is there in the
bucket's version is not fetched again. Where the address has an object ``SHA256SUMS``, as ``sha256sum`` writes it, every
file that it names is compared with it.
"""

from __future__ import annotations

import argparse
import errno
import json
import logging
import sys
from pathlib import Path
from urllib.parse import urlsplit

from services.common import logs
from services.common.bucket.objects import Bucket, Stored
from services.common.digest import sha256_of_file
from services.common.errors import HuashengError
from services.common.settings import SharedSettings, load

log = logging.getLogger("huasheng.storage")
SUMS, HAVE = "SHA256SUMS", ".fetched.json"


def fetch(bucket: Bucket, folder: Path) -> list[str]:
    """Fetch what is missing or has changed. Returns the names of what was fetched.

    Raises ``storage-down``, ``storage-refused``, ``disk-full``, and ``ValueError`` for a file that is not what
    ``SHA256SUMS`` says; such a file is not left behind.
    """
    there, mark = bucket.below(""), folder / HAVE
    if not there:
        raise ValueError(f"there are no files under s3://{bucket.name}/{bucket.full('')}")
    sums = _sums(bucket) if SUMS in there else {}
    if missing := sorted(set(sums) - set(there)):
        raise ValueError(f"{missing[0]} is named in {SUMS} and is not there")
    have: dict[str, str] = json.loads(mark.read_text()) if mark.is_file() else {}
    fetched = []
    for name, stored in sorted(there.items()):
        path = folder / name
        if have.get(name) == stored.etag and path.is_file() and path.stat().st_size == stored.bytes:
            continue
        log.info("fetching", extra={"file": name, "bytes": stored.bytes})
        _one(bucket, name, stored, path, sums.get(name))
        have[name] = stored.etag
        mark.write_text(json.dumps(have))
        fetched.append(name)
    return fetched


def _one(bucket: Bucket, name: str, stored: Stored, path: Path, sha256: str | None) -> None:
    if not path.resolve().is_relative_to(path.parents[name.count("/")].resolve()):
        raise ValueError(f"{name!r} leads out of the folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".part-{path.name}")
    try:
        bucket.download(name, part, stored.etag)
        if sha256 and (found := sha256_of_file(part)) != sha256:
            raise ValueError(f"{name} has the sha256 {found}; {SUMS} says {sha256}")
        part.replace(path)
    except OSError as e:
        if e.errno != errno.ENOSPC:
            raise
        raise HuashengError("disk-full") from e
    finally:
        part.unlink(missing_ok=True)


def _sums(bucket: Bucket) -> dict[str, str]:
    with bucket.open(SUMS) as f:
        lines = f.read().decode().splitlines()
    pairs = (line.split(maxsplit=1) for line in lines if line.strip())
    return {name.removeprefix("*").removeprefix("./"): digest.lower() for digest, name in pairs}


def main() -> None:
    """The program; ends with status 1 and one line when something is wrong."""
    parser = argparse.ArgumentParser(description="Fetch the files below an address of a bucket.")
    parser.add_argument("url", help="s3://bucket/prefix")
    parser.add_argument("folder", type=Path)
    args, settings = parser.parse_args(), load(SharedSettings)
    logs.setup("fetch", settings.log_level, settings.log_format)
    parts = urlsplit(args.url)
    if parts.scheme != "s3" or not parts.netloc:
        sys.exit(f"fetch: {args.url} is no address of a bucket (s3://bucket/prefix)")
    try:
        names = fetch(Bucket(parts.netloc, parts.path, settings), args.folder)
    except HuashengError as e:
        sys.exit(f"fetch: {e.text('detail', 'en')} {e.text('hint', 'en')}")
    except (OSError, ValueError) as e:
        sys.exit(f"fetch: {e}")
    log.info("done", extra={"fetched": len(names)})


if __name__ == "__main__":
    main()
