"""The objects of a bucket, by key, over S3. Synchronous and safe with several threads."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, ResponseStreamingError
from s3transfer.manager import TransferConfig, TransferManager

from services.common.bucket.errors import BROKEN, named_errors
from services.common.bucket.settings import BucketSettings

T = TypeVar("T")
COPY, BUFFER = 1 << 20, 1 << 18
CONNECTIONS = 32
MOST_DELETED = 1000
"""Objects that one request may delete."""


@dataclass(frozen=True)
class Stored:
    """What is known of a stored file without reading it."""

    bytes: int
    etag: str
    """Another one after each change of the content."""


class Bucket:
    """The objects under ``prefix`` of a bucket; keys are below it.

    All methods raise ``FileNotFoundError``, ``storage-down``, ``storage-refused``, ``disk-full``.
    """

    def __init__(self, name: str, prefix: str, settings: BucketSettings) -> None:
        self.name, self.settings = name, settings
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self.address = settings.s3_endpoint or "AWS"
        self._client = self.client(settings.s3_endpoint)
        part = settings.s3_part_mb * 2**20
        self._parts = TransferConfig(multipart_threshold=part, multipart_chunksize=part, max_request_concurrency=4)

    def client(self, endpoint: str) -> Any:
        """A client of the bucket's server at ``endpoint``; empty for AWS."""
        s = self.settings
        style = s.s3_addressing if s.s3_addressing != "auto" or not endpoint else "path"
        region = s.s3_region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
        config = Config(
            signature_version="s3v4",
            s3={"addressing_style": style},
            connect_timeout=min(5.0, s.s3_timeout_s),
            read_timeout=s.s3_timeout_s,
            retries={"mode": "standard", "total_max_attempts": s.s3_attempts},
            max_pool_connections=CONNECTIONS,
            tcp_keepalive=True,
            # servers that only speak S3 refuse the checksums that AWS has added; results have their own sha256
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        with self.errors():
            return boto3.session.Session().client(
                "s3", endpoint_url=endpoint or None, region_name=region, config=config
            )

    def errors(self) -> AbstractContextManager[None]:
        """What goes wrong in the block is raised by its name."""
        return named_errors(self.name, self.address)

    def _call(self, method: Callable[..., T], **arguments: Any) -> T:
        with self.errors():
            return method(Bucket=self.name, **arguments)

    def presigned(self, client: Any, key: str, seconds: int, **answer: str) -> str:
        """An address that gives the object to whoever has it, for ``seconds``. ``client`` decides the server's name in
        it; ``answer`` are headers of the answer (``ResponseContentType`` …)."""
        with self.errors():
            return str(
                client.generate_presigned_url(
                    "get_object", Params={"Bucket": self.name, "Key": self.full(key), **answer}, ExpiresIn=seconds
                )
            )

    def full(self, key: str) -> str:
        """The object's whole name in the bucket."""
        return self._prefix + key

    def stat(self, key: str) -> Stored:
        """Size and version of an object."""
        head = self._call(self._client.head_object, Key=self.full(key))
        return Stored(head["ContentLength"], head["ETag"])

    def open(self, key: str, start: int = 0, length: int | None = None) -> IO[bytes]:
        """Read an object, or ``length`` bytes of it; a connection that breaks is taken up again where it broke."""
        return io.BufferedReader(ObjectReader(self, key, start, length), BUFFER)

    def get(self, key: str, start: int, length: int | None, etag: str | None) -> Any:
        """The answer to a GET; ``etag``: of that version only."""
        arguments: dict[str, Any] = {"IfMatch": etag} if etag else {}
        if start or length is not None:
            arguments["Range"] = f"bytes={start}-{'' if length is None else start + length - 1}"
        return self._call(self._client.get_object, Key=self.full(key), **arguments)

    def download(self, key: str, path: Path, etag: str | None = None) -> str:
        """Write an object to a new local file, one version of it whole: ``etag``'s, or today's. Returns its tag."""
        with ObjectReader(self, key, etag=etag) as reader, path.open("wb") as out:
            while data := reader.read(COPY):
                out.write(data)
        return reader.etag

    def put(self, key: str, data: bytes) -> None:
        """Write a small object."""
        self._call(self._client.put_object, Key=self.full(key), Body=data)

    def upload(self, path: Path, key: str) -> None:
        """Write a local file, a large one in parts. The object appears whole or not at all; parts of an upload that
        fails are removed."""
        with self.errors(), TransferManager(self._client, self._parts) as transfers:
            transfers.upload(str(path), self.name, self.full(key)).result()

    def children(self, folder: str) -> list[str]:
        """Keys right under ``folder``, of objects and of folders."""
        found = []
        for page in self._pages(Prefix=self.full(folder) + "/", Delimiter="/"):
            found += [o["Key"] for o in page.get("Contents", ()) if not o["Key"].endswith("/")]
            found += [p["Prefix"].rstrip("/") for p in page.get("CommonPrefixes", ())]
        return [name.removeprefix(self._prefix) for name in found]

    def below(self, folder: str) -> dict[str, Stored]:
        """All objects below ``folder`` by key."""
        return {
            o["Key"].removeprefix(self._prefix): Stored(o["Size"], o["ETag"])
            for page in self._pages(Prefix=f"{self.full(folder)}/" if folder else self._prefix)
            for o in page.get("Contents", ())
            if not o["Key"].endswith("/")  # some servers list their folders
        }

    def _pages(self, **arguments: Any) -> Iterator[Any]:
        pages = iter(self._client.get_paginator("list_objects_v2").paginate(Bucket=self.name, **arguments))
        while True:
            with self.errors():
                page = next(pages, None)
            if page is None:
                return
            yield page

    def delete(self, key: str) -> None:
        """Delete an object; one that is not there is no error."""
        self._call(self._client.delete_object, Key=self.full(key))

    def delete_below(self, folder: str) -> None:
        """Delete all objects below ``folder``."""
        names = [self.full(key) for key in self.below(folder)]
        for at in range(0, len(names), MOST_DELETED):
            some = [{"Key": name} for name in names[at : at + MOST_DELETED]]
            answer = self._call(self._client.delete_objects, Delete={"Objects": some, "Quiet": True})
            for left in answer.get("Errors", ()):
                with self.errors():
                    raise ClientError({"Error": left}, "DeleteObjects")

    def reach(self) -> None:
        """One small question, which fails where the bucket cannot be used."""
        self._call(self._client.list_objects_v2, Prefix=self._prefix, MaxKeys=1)


class ObjectReader(io.RawIOBase):
    """One version of an object as a stream; goes on where a connection broke, as often as the settings allow."""

    def __init__(
        self, bucket: Bucket, key: str, start: int = 0, length: int | None = None, etag: str | None = None
    ) -> None:
        """Raises what ``Bucket.get`` does."""
        super().__init__()
        self._bucket, self._key, self._at = bucket, key, start
        answer = bucket.get(key, start, length, etag)
        self.etag: str = answer["ETag"]
        self._left: int = answer["ContentLength"]
        self._body, self._tries = answer["Body"], bucket.settings.s3_attempts

    def readable(self) -> bool:
        """It is for reading."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill ``buffer`` as far as possible. Raises ``storage-down``, and ``FileNotFoundError`` when the object was
        replaced or deleted while it was read over a connection that broke."""
        wanted = min(len(buffer), self._left)
        while wanted:
            try:
                data: bytes = self._body.read(wanted)
                if data:
                    break
            except BROKEN as e:
                self._again(e)
            else:
                self._again(None)
        else:
            return 0
        buffer[: len(data)] = data
        self._at, self._left = self._at + len(data), self._left - len(data)
        return len(data)

    def readall(self) -> bytes:
        """What is left."""
        return b"".join(iter(lambda: self.read(COPY) or b"", b""))

    def _again(self, error: Exception | None) -> None:
        self._body.close()
        self._tries -= 1
        if self._tries < 1:
            with self._bucket.errors():
                raise error or ResponseStreamingError(error="the answer ended early")
        self._body = self._bucket.get(self._key, self._at, self._left, self.etag)["Body"]

    def close(self) -> None:
        """Give the connection back."""
        if not self.closed:
            self._body.close()
        super().close()
