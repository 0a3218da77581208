"""Settings of a bucket, part of those that all services share. Keys come the way botocore looks for them."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings


class BucketSettings(BaseSettings):
    """Only for ``s3://``. Keys: ``AWS_ACCESS_KEY_ID`` and ``AWS_SECRET_ACCESS_KEY``, a profile, or the identity that
    the platform gives the process."""

    s3_endpoint: str = Field(default="", pattern=r"^(https?://[^/\s]+/?)?$")
    """Address of a server that speaks S3 (MinIO, SeaweedFS, Ceph …); empty for AWS."""
    s3_region: str = Field(default="", pattern=r"^[a-z0-9-]*$")
    """Region of the bucket; empty for ``AWS_REGION``, ``AWS_DEFAULT_REGION``, else ``us-east-1``."""
    s3_addressing: str = Field(default="auto", pattern="^(auto|path|virtual)$")
    """Where the bucket's name stands in addresses: in the path, in the host's name, or (``auto``) in the path where
    ``s3_endpoint`` is set."""
    s3_timeout_s: float = Field(default=10, gt=0, le=300)
    """Seconds without an answer after which a request to the bucket is given up and tried again."""
    s3_attempts: int = Field(default=4, ge=1, le=10)
    """How often a request to the bucket is tried before its job waits or fails."""
    s3_part_mb: int = Field(default=16, ge=5, le=1024)
    """Larger files are uploaded in parts of this size (MiB), four at a time."""
