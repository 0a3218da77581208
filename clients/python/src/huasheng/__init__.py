"""画声 Huasheng from Python: ``Huasheng`` and ``AsyncHuasheng``, and ``TTSService`` as the old program had it."""

from pkgutil import extend_path

# The services' generated protobuf package is a namespace package of the same name (huasheng.tts.v1, …): where both are
# on the path, as in the project's own tests, they are one package.
__path__ = extend_path(__path__, __name__)

from huasheng._async.client import AsyncHuasheng
from huasheng._files import FileInput, OnBytes
from huasheng._sync.client import Huasheng
from huasheng._version import VERSION as __version__
from huasheng.dubbing import DubbingResult
from huasheng.errors import (
    AnswerError,
    BusyError,
    ConnectionFailedError,
    DeadlineError,
    HuashengError,
    JobCancelledError,
    JobError,
    JobFailedError,
    NotFoundError,
    ProblemError,
    RefusedError,
    ServerError,
)
from huasheng.jobs import AvatarResult, DialogueResult, Job, Partial, TrainingResult, VideoResult
from huasheng.tts_service import TTSService

__all__ = [
    "AnswerError",
    "AsyncHuasheng",
    "AvatarResult",
    "BusyError",
    "ConnectionFailedError",
    "DeadlineError",
    "DialogueResult",
    "DubbingResult",
    "FileInput",
    "Huasheng",
    "HuashengError",
    "Job",
    "JobCancelledError",
    "JobError",
    "JobFailedError",
    "NotFoundError",
    "OnBytes",
    "Partial",
    "ProblemError",
    "RefusedError",
    "ServerError",
    "TTSService",
    "TrainingResult",
    "VideoResult",
    "__version__",
]
