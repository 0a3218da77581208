"""The 3D face, the rasteriser, and how depth comes back into the picture."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from services.render.engines.joygen.align import BRIDGE, FACE_68, LIPS, Crop, align_crop, face_box
from services.render.engines.joygen.bfm import INDEX, MODEL, SIDE, Bfm, landmarks, project, rotation
from services.render.engines.joygen.depth import Placement, grey_depth, lip_depth
from services.render.engines.joygen.rasteriser import SUBPIXELS, Raster, rasterise
from services.render.engines.joygen.resample import bicubic_matrix, lanczos_matrix
from tests.fakes import faces
from tests.fakes.joygen_face import write_bfm


@pytest.fixture(scope="module")
def bfm(tmp_path_factory: pytest.TempPathFactory) -> Bfm:
    return Bfm.load(write_bfm(tmp_path_factory.mktemp("bfm")))


def brute(places: np.ndarray, z: np.ndarray, triangles: np.ndarray, height: int, width: int) -> np.ndarray:
    """Pixel by pixel in whole numbers, the way one would explain it."""
    out = np.zeros((height, width))
    p = np.rint(places.astype(np.float64) * SUBPIXELS).astype(int)
    for a, b, c in triangles:
        (ax, ay), (bx, by), (cx, cy) = p[a].tolist(), p[b].tolist(), p[c].tolist()
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0 or min(z[[a, b, c]]) <= 0:
            continue
        rows = range(max(0, min(ay, by, cy) // SUBPIXELS - 1), min(height, max(ay, by, cy) // SUBPIXELS + 2))
        columns = range(max(0, min(ax, bx, cx) // SUBPIXELS - 1), min(width, max(ax, bx, cx) // SUBPIXELS + 2))
        for row in rows:
            for column in columns:
                x, y = column * SUBPIXELS + SUBPIXELS // 2, row * SUBPIXELS + SUBPIXELS // 2
                wa = (cx - bx) * (y - by) - (cy - by) * (x - bx)
                wb = (ax - cx) * (y - cy) - (ay - cy) * (x - cx)
                wc = (bx - ax) * (y - ay) - (by - ay) * (x - ax)
                if not (min(wa, wb, wc) >= 0 if area > 0 else max(wa, wb, wc) <= 0):
                    continue
                depth = area / (wa / z[a] + wb / z[b] + wc / z[c])
                if out[row, column] == 0 or depth < out[row, column]:
                    out[row, column] = depth
    return out


@pytest.mark.parametrize("seed", range(4))
def test_the_rasteriser_equals_brute_force(seed: int) -> None:
    rng = np.random.default_rng(seed)
    places = rng.uniform(-8, 40, (2, 30, 2)).astype(np.float32)
    z = rng.uniform(-0.3, 5, (2, 30)).astype(np.float32)  # some lie behind the camera
    triangles = rng.integers(0, 30, (40, 3))  # some are degenerate
    raster = rasterise(torch.from_numpy(places), torch.from_numpy(z), torch.from_numpy(triangles), 24, 32)
    for i in range(2):
        wanted = brute(places[i], z[i].astype(np.float64), triangles, 24, 32)
        assert (raster.covered[i].numpy() == (wanted > 0)).all()
        np.testing.assert_allclose(raster.depth[i].numpy(), wanted, rtol=1e-6)
        assert (wanted > 0).mean() > 0.1


def test_a_mesh_as_large_as_the_real_one_equals_brute_force() -> None:
    side = 188  # 35,344 vertices, 69,938 triangles
    angle = np.linspace(-1.3, 1.3, side)
    u, v = np.meshgrid(angle, angle)
    ball = np.stack([np.sin(u) * np.cos(v), np.sin(v), np.cos(u) * np.cos(v)], -1).reshape(-1, 3)
    ball += np.random.default_rng(0).normal(0, 0.004, ball.shape)
    z = 10 - ball[:, 2]
    places = 112 + 1015 * ball[:, :2] / z[:, None]
    corner = (np.arange(side - 1)[:, None] * side + np.arange(side - 1)).ravel()
    sheet = np.stack([corner, corner + 1, corner + side, corner + 1, corner + side + 1, corner + side], 1).reshape(
        -1, 3
    )
    raster = rasterise(torch.from_numpy(places)[None], torch.from_numpy(z)[None], torch.from_numpy(sheet), SIDE, SIDE)
    wanted = brute(places, z, sheet, SIDE, SIDE)
    assert (wanted > 0).sum() > 20000
    assert (raster.covered[0].numpy() == (wanted > 0)).all()
    np.testing.assert_allclose(raster.depth[0].numpy(), wanted, rtol=1e-6)


def test_a_closed_sheet_has_no_holes_and_corners_on_pixel_centres_count() -> None:
    ticks = torch.arange(0.5, 9)
    y, x = torch.meshgrid(ticks, ticks, indexing="ij")
    places = torch.stack([x, y], -1).reshape(1, -1, 2)
    corner = (torch.arange(8)[:, None] * 9 + torch.arange(8)).reshape(-1)
    sheet = torch.stack([corner, corner + 1, corner + 9, corner + 1, corner + 9, corner + 10], 1).reshape(-1, 3)
    raster = rasterise(places, torch.full((1, 81), 2.0), sheet, 12, 12)
    assert raster.covered[0, :9, :9].all()
    assert raster.covered.sum() == 81
    assert torch.allclose(raster.depth[raster.covered], torch.tensor(2.0))


def test_pieces_of_the_work_give_the_same_as_the_whole(bfm: Bfm, monkeypatch: pytest.MonkeyPatch) -> None:
    coefficients = torch.randn(3, 257, generator=torch.Generator().manual_seed(1)) * 0.3
    vertices = bfm.vertices(coefficients)
    whole = rasterise(project(vertices), vertices[..., 2], bfm.triangles, SIDE, SIDE)
    monkeypatch.setattr("services.render.engines.joygen.rasteriser.CHUNK_PAIRS", 5000)
    pieces = rasterise(project(vertices), vertices[..., 2], bfm.triangles, SIDE, SIDE)
    assert torch.equal(whole.depth, pieces.depth)
    alone = rasterise(project(vertices[1:2]), vertices[1:2, :, 2], bfm.triangles, SIDE, SIDE)
    assert torch.equal(whole.depth[1], alone.depth[0])


def test_vertices_follow_the_published_formula(bfm: Bfm) -> None:
    rng = np.random.default_rng(3)
    c = (rng.standard_normal((2, 257)) * 0.3).astype(np.float32)
    got = bfm.vertices(torch.from_numpy(c)).numpy()
    for i in range(2):
        shape = bfm.mean.numpy() + bfm.identity.numpy() @ c[i, :80] + bfm.expression.numpy() @ c[i, 80:144]
        rx, ry, rz = (
            np.array(m)
            for m in (
                [[1, 0, 0], [0, np.cos(c[i, 224]), -np.sin(c[i, 224])], [0, np.sin(c[i, 224]), np.cos(c[i, 224])]],
                [[np.cos(c[i, 225]), 0, np.sin(c[i, 225])], [0, 1, 0], [-np.sin(c[i, 225]), 0, np.cos(c[i, 225])]],
                [[np.cos(c[i, 226]), -np.sin(c[i, 226]), 0], [np.sin(c[i, 226]), np.cos(c[i, 226]), 0], [0, 0, 1]],
            )
        )
        moved = shape.reshape(-1, 3) @ (rz @ ry @ rx).T + c[i, 254:]
        moved[:, 2] = 10 - moved[:, 2]
        np.testing.assert_allclose(got[i], moved, atol=1e-5)
    assert torch.allclose(rotation(torch.zeros(1, 3))[0], torch.eye(3))


def test_up_is_up_and_right_is_right() -> None:
    place = project(torch.tensor([[0.0, 0.0, 10.0], [0.1, 0.0, 10.0], [0.0, 0.1, 10.0]]))
    assert place.tolist() == [[112, 112], [pytest.approx(122.15), 112], [112, pytest.approx(101.85)]]
    assert landmarks(torch.tensor([[0.0, 0.0, 10.0]])).tolist() == [[112, 111]]


@pytest.mark.parametrize("wrong", ["missing", "short", "index"])
def test_files_that_are_not_the_model_are_named(tmp_path: Path, wrong: str) -> None:
    write_bfm(tmp_path)
    if wrong == "missing":
        (tmp_path / MODEL).unlink()
    elif wrong == "short":
        (tmp_path / MODEL).write_bytes((tmp_path / MODEL).read_bytes()[:500])
    else:
        np.save(tmp_path / INDEX, np.full(468, 10**6))
    with pytest.raises((FileNotFoundError, ValueError), match=MODEL):
        Bfm.load(tmp_path)


def test_grey_goes_from_near_to_far() -> None:
    depth = torch.tensor([[[0.0, 9.0, 9.5, 10.0]]])
    assert grey_depth(Raster(depth, depth > 0)).tolist() == [[[0, 255, 127, 0]]]
    nothing = torch.zeros(1, 2, 2)
    assert grey_depth(Raster(nothing, nothing > 0)).sum() == 0


@pytest.mark.parametrize("size", [80, 700])
def test_lanczos_is_opencvs(size: int) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (300, 200), np.uint8)
    wanted = cv2.resize(picture, (size, size), interpolation=cv2.INTER_LANCZOS4)
    got = np.clip(np.rint(lanczos_matrix(300, size) @ picture @ lanczos_matrix(200, size).T), 0, 255)
    assert np.abs(got - wanted).max() <= 1


def test_bicubic_keeps_levels_and_crops_as_the_whole_is_made() -> None:
    assert np.allclose(bicubic_matrix(120, 50, 0, 50).sum(1), 1)
    whole, part = bicubic_matrix(50, 120, 0, 120), bicubic_matrix(50, 120, 30, 130)
    assert np.array_equal(part[:90], whole[30:])
    assert not part[90:].any()
    assert np.array_equal(bicubic_matrix(7, 7, 0, 7), np.eye(7, dtype=np.float32))


def test_the_crop_of_known_points_is_the_known_crop() -> None:
    """Upstream's own numbers for the first frame of its example clip."""
    points = np.array([(368.1, 303.3), (564.0, 305.1), (473.0, 410.9), (391.3, 525.9), (535.0, 530.5)])
    crop = align_crop(points, 900, 900)
    assert crop.scale == pytest.approx(0.3183, abs=5e-5)
    assert (crop.left, crop.top) == (34, 16)


def test_a_crop_shows_what_it_should() -> None:
    picture = np.zeros((300, 400, 3), np.uint8)
    picture[100:140, 200:240] = 255
    crop = Crop(400, 300, 0.5, 20, -10)
    found = np.argwhere(crop.cut(picture)[..., 0] > 127)
    assert np.allclose(found.mean(0), [120 * 0.5 + 10 - 0.5, 220 * 0.5 - 20 - 0.5], atol=0.6)
    assert np.allclose(crop.to_picture(np.array([90.0, 70.0])), [220, 120])


def test_the_box_is_centred_on_the_nose_bridge() -> None:
    mesh = faces.face() * 80 + (160, 130, 0)
    mesh[BRIDGE] = (160, 150, 0)
    left, top, right, bottom = face_box(mesh, 320)
    points = mesh[list(FACE_68)]
    assert (left, right) == (int(points[:, 0].min()), int(points[:, 0].max()))
    assert bottom == int(points[:, 1].max())
    assert 150 - top == bottom - 150
    assert face_box(mesh, 320, margin=10)[3] == bottom + 10


def test_lip_depth_lies_on_the_lips(bfm: Bfm) -> None:
    crop, box = Crop(600, 500, 0.4, 8, -10), (100, 60, 500, 500)
    coefficients = torch.zeros(2, 257)
    coefficients[1, 80] = 2.0  # the mouth opens
    shut, wide = lip_depth(bfm, coefficients, [Placement(crop, box)] * 2)
    assert shut.shape == (256, 256)
    assert not shut[:128].any()
    lips = bfm.lips(bfm.vertices(coefficients), LIPS).numpy()
    in_box = (crop.to_picture(lips) - (100, 60)) * (256 / 400, 256 / 440)
    for levels, polygon in zip((shut, wide), in_box, strict=True):
        rows, columns = np.nonzero(levels.numpy() > 20)
        assert len(rows) > 100
        assert polygon[:, 0].min() - 3 <= columns.min() <= polygon[:, 0].min() + 8
        assert polygon[:, 1].max() - 8 <= rows.max() <= polygon[:, 1].max() + 3
    assert np.nonzero(wide.numpy() > 20)[0].max() > np.nonzero(shut.numpy() > 20)[0].max() + 3
