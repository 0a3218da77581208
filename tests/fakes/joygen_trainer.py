"""joygen trained in steps so small and saved so often that a test can wait for them; all else is the real trainer."""

from services.render.engines.joygen import JoygenEngine
from services.render.joygen.train import fit, run
from services.render.train.job import Job

SAVE_EVERY = 2


class QuickJoygen(JoygenEngine):
    trainer = "tests.fakes.joygen_trainer:train"


def train(job: Job) -> None:
    fit.JUDGED = 2
    job.recipe = {"batch": 1, "rate": 2e-3, "last_rate": 1e-3, "average": 0.5, "save_every": SAVE_EVERY}
    run.train(job)
