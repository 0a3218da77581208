"""Short-lived links of the bucket itself, so that large files need not pass through the gateway."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from services.common.storage import Storage
from services.gateway.settings import GatewaySettings

AWS = (".amazonaws.com", ".amazonaws.com.cn")


class BucketLinks:
    """Signs links where the bucket can be reached by those who download. Raises what ``Storage.check`` does.

    The caller has decided who may read the file; whoever has a link can read that file until the link ends.
    """

    def __init__(self, storage: Storage, settings: GatewaySettings) -> None:
        self._storage, self._seconds = storage, settings.bucket_link_s
        self._client: Any = None
        self.origin = ""
        """Scheme and host of all links, for the page's content policy; empty where there are none."""
        if storage.is_local or settings.bucket_links == "off":
            return
        client = storage.bucket.client(settings.bucket_url or storage.bucket.settings.s3_endpoint)
        host = urlsplit(client.meta.endpoint_url).hostname or ""
        if settings.bucket_links == "on" or settings.bucket_url or host.endswith(AWS):
            self._client = client
            parts = urlsplit(storage.bucket.presigned(client, "x", 1))
            self.origin = f"{parts.scheme}://{parts.netloc}"

    @property
    def is_on(self) -> bool:
        """Whether there are links."""
        return bool(self.origin)

    def of(self, key: str, *, content_type: str, disposition: str, at_most_s: int) -> str:
        """A link to a stored file, answered with this type and ``Content-Disposition``."""
        seconds = max(1, min(self._seconds, at_most_s))
        return self._storage.bucket.presigned(
            self._client,
            key,
            seconds,
            ResponseContentType=content_type,
            ResponseContentDisposition=disposition,
            ResponseCacheControl=f"private, max-age={seconds}",
        )
