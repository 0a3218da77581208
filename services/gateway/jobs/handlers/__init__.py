"""What each kind of job does: from the parameters of the request to the job's result."""

from services.gateway.dubbing.script import make_script
from services.gateway.jobs.handlers.avatar import prepare_avatar
from services.gateway.jobs.handlers.dialogue import answer_question
from services.gateway.jobs.handlers.training import train_model
from services.gateway.jobs.handlers.video import make_video

HANDLERS = {
    "avatar": prepare_avatar,
    "dubbing": make_script,
    "dialogue": answer_question,
    "training": train_model,
    "video": make_video,
}
"""By kind of job."""
