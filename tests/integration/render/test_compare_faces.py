"""Faces of two files are compared over gRPC."""

from __future__ import annotations

from pathlib import Path

import cv2
import grpc
import pytest
from huasheng.render.v1 import render_pb2 as pb

from services.common.errors import from_rpc
from tests.fakes import media
from tests.fakes.render_rig import FAKES, open_rig
from tests.fakes.serving import Serve


async def test_files_are_compared_and_named_where_they_cannot_be(tmp_path: Path, serve: Serve) -> None:
    rig = await open_rig(serve, tmp_path, FAKES, ("portrait", "face-mesh", "face-identity"), engines="fake")
    picture = media.portrait()
    face = rig.put("assets/a_1/content", media.png(picture))
    smaller = rig.put("assets/a_2/content", media.png(cv2.resize(picture, (300, 300))))
    empty = rig.put("assets/a_3/content", media.png(media.blank()))
    found = await rig.stub.CompareFaces(pb.CompareFacesRequest(owner="local", first_uri=face, second_uri=smaller))
    assert found.is_same and found.distance < 0.2 and found.farthest < 0.2
    assert (found.first_pictures, found.second_pictures) == (1, 1)
    for second, slug, name in (
        (empty, "no-face", "assets/a_3/content"),
        (rig.storage.uri("assets/a_4/content"), "unknown-id", None),
        ("file:///etc/passwd", "unknown-id", None),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as e:
            await rig.stub.CompareFaces(pb.CompareFacesRequest(owner="local", first_uri=face, second_uri=second))
        error = from_rpc(e.value, "render")
        assert error.slug == slug and error.params.get("name") == name
