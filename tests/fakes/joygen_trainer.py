"""joygen trained in steps so small and saved so often that a test can wait for them; all else is the real trainer."""

from unittest import mock

from services.render.engines.joygen.engine import JoygenEngine
from services.render.engines.joygen.train import fit, run
from services.render.train.job import TrainingJob

SAVE_EVERY = 2


class QuickJoygen(JoygenEngine):
    trainer = "tests.fakes.joygen_trainer:train"


def train(job: TrainingJob) -> None:
    job.recipe = {"batch": 1, "rate": 2e-3, "last_rate": 1e-3, "average": 0.5, "save_every": SAVE_EVERY}
    # few pictures to judge by, and every step reported, however quick it is
    with mock.patch.object(fit, "VALIDATION_FRAMES", 2), mock.patch.object(run, "REPORT_EVERY_S", 0.0):
        run.train(job)
