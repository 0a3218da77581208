"""What a bucket's errors mean for people and for jobs that can wait."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from botocore import exceptions as boto

from services.common.errors import HuashengError

MISSING = {"404", "NoSuchKey", "NotFound"}
"""The first is the whole answer to a HEAD."""
BUSY = {"SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "Throttling", "ThrottlingException"}
FULL = {"QuotaExceeded", "InsufficientStorage", "XMinioStorageFull", "507"}
BROKEN = (
    boto.ReadTimeoutError,
    boto.ResponseStreamingError,
    boto.IncompleteReadError,
    boto.ConnectionClosedError,
)
"""A connection that ended in the middle of an answer."""


@contextlib.contextmanager
def named_errors(bucket: str, address: str) -> Iterator[None]:
    """Raises ``FileNotFoundError`` for an object that is not there, or no longer in the version asked for; else
    ``storage-down`` (try again later), ``storage-refused`` (the operator must change something) or ``disk-full``."""
    try:
        yield
    except boto.ClientError as e:
        raise _of_answer(e, bucket, address) from e
    except (boto.ConnectTimeoutError, boto.ReadTimeoutError) as e:
        raise _down("bucket-slow", bucket, address) from e
    except (boto.NoCredentialsError, boto.CredentialRetrievalError, boto.PartialCredentialsError) as e:
        raise HuashengError("storage-refused", cause="bucket-no-credentials", bucket=bucket) from e
    except boto.SSLError as e:
        raise HuashengError("storage-refused", cause="bucket-setup", bucket=bucket, error=_short(e)) from e
    except (boto.HTTPClientError, boto.ConnectionError, *BROKEN) as e:
        raise _down("bucket-unreachable", bucket, address) from e
    except (boto.BotoCoreError, OSError) as e:
        # what the client itself refuses: a name or an address that cannot be one, a file of keys that is not there
        raise HuashengError("storage-refused", cause="bucket-setup", bucket=bucket, error=_short(e)) from e


def _of_answer(error: boto.ClientError, bucket: str, address: str) -> Exception:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in MISSING or status == 412:
        return FileNotFoundError(bucket)
    if code == "NoSuchBucket":
        return HuashengError("storage-refused", cause="bucket-missing", bucket=bucket, address=address)
    if code in FULL or status == 507:
        return HuashengError("disk-full")
    if code in BUSY or status == 429 or status >= 500:
        return _down("bucket-busy", bucket, address, code=code)
    return HuashengError("storage-refused", cause="bucket-denied", bucket=bucket, code=code or str(status))


def _down(cause: str, bucket: str, address: str, **params: str) -> HuashengError:
    return HuashengError("storage-down", service="storage", cause=cause, bucket=bucket, address=address, **params)


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
