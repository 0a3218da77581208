"""Where the face is in nearly all frames."""

import numpy as np
import pytest

from services.render.clip.tracking import face_box


def test_the_box_holds_the_face_of_nearly_all_frames_in_shares_of_the_picture() -> None:
    meshes = np.zeros((100, 468, 3))
    meshes[:, :234, 0], meshes[:, 234:, 0] = 100, 300
    meshes[:, :234, 1], meshes[:, 234:, 1] = 50, 350
    meshes[50:, :, 0] += 40  # the head moves to the right
    meshes[0] = -1000  # one lost frame
    assert face_box(meshes, 800, 400) == pytest.approx((100 / 800, 50 / 400, 340 / 800, 350 / 400), abs=0.01)
