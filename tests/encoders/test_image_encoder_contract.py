"""The contract of image encoders: the same tests for each of them."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

pytest.importorskip("PIL", reason="pillow is not installed")
from PIL import Image

from support.pictures import scene
from vicinal.encoders import resolve_image
from vicinal.errors import InvalidArgument, InvalidImage

SMALL = [
    Image.new("RGB", (1, 1), "black"),
    Image.new("RGB", (1, 1), (119, 119, 119)),
    Image.new("L", (1, 500), 255),
    Image.new("RGB", (500, 1), "red"),
]
PICTURES = [*SMALL, *(scene(seed) for seed in range(6))]


NAMES = ["descriptor", "projected:512:descriptor", "projected:64:descriptor", "projected:1:descriptor"]


@pytest.fixture(params=[*NAMES, "onnx:", "projected:512:onnx:"])
def encoder(request, tmp_path):
    if not request.param.endswith("onnx:"):
        return resolve_image(request.param)
    for package in ("onnxruntime", "onnx"):
        pytest.importorskip(package, reason=f"{package} is not installed")
    from support import onnx_models

    onnx_models.tower(tmp_path / "clip.onnx")
    return resolve_image(f"{request.param}{tmp_path / 'clip.onnx'}")


def test_describes_itself(encoder):
    assert encoder.name in repr(encoder)
    assert encoder.version
    assert encoder.fingerprint
    assert encoder.device == "cpu"
    assert resolve_image(encoder.name).fingerprint == encoder.fingerprint


def test_gives_one_float32_row_of_length_one_per_picture(encoder):
    vectors = encoder.encode_images(PICTURES)
    assert vectors.shape == (len(PICTURES), encoder.dim)
    assert vectors.dtype == np.float32
    assert vectors.flags.c_contiguous
    assert vectors.flags.writeable
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)


def test_no_pictures_give_no_rows(encoder):
    vectors = encoder.encode_images([])
    assert vectors.shape == (0, encoder.dim)
    assert vectors.dtype == np.float32


def test_same_pictures_give_the_same_bits_however_they_come(encoder, tmp_path):
    picture = scene(9)
    picture.save(tmp_path / "scene.png")
    given = [picture, np.asarray(picture), tmp_path / "scene.png", str(tmp_path / "scene.png")]
    vectors = encoder.encode_images(image for image in given)
    assert (vectors == vectors[0]).all()
    assert np.array_equal(encoder.encode_images([picture])[0], vectors[0])


def test_one_bad_picture_is_named(encoder, tmp_path):
    (tmp_path / "bad.png").write_text("no picture")
    with pytest.raises(InvalidImage, match=r"bad\.png: the image cannot be decoded"):
        encoder.encode_images([scene(1), tmp_path / "bad.png"])
    with pytest.raises(InvalidImage, match=r"^image 1: an image must be a path"):
        encoder.encode_images([scene(1), 7])


@pytest.mark.parametrize("images", ["picture.png", b"bytes", 5, None, np.zeros((4, 4, 3), np.uint8), SMALL[0]])
def test_says_how_to_pass_one_picture(encoder, images):
    with pytest.raises(InvalidArgument, match=r"Put it into a list: encode_images\(\[image\]\)\."):
        encoder.encode_images(images)


def test_threads_may_share_it(encoder):
    expected = encoder.encode_images(PICTURES)
    with ThreadPoolExecutor(4) as pool:
        for vectors in pool.map(encoder.encode_images, [PICTURES] * 4):
            assert np.array_equal(vectors, expected)
