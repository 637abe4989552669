import numpy as np
import pytest

pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
pytest.importorskip("onnx", reason="onnx is not installed")
pytest.importorskip("PIL", reason="pillow is not installed")
from onnx import TensorProto
from PIL import Image

from support import onnx_models as models
from support.pictures import scene
from vicinal.encoders import OnnxImageEncoder, ProjectedImages, choose_image_encoder, onnx_model, resolve_image
from vicinal.encoders.onnx_image import preprocess
from vicinal.errors import InvalidArgument, MissingExtra, ModelUnavailable

PICTURES = [scene(1), scene(2).convert("L"), Image.new("RGB", (3, 500), "red"), Image.new("RGB", (1, 1))]


def referee(image, patch, bias, side):
    """Central square, bilinear, standardized; then every patch of 32 x 32 through the matrix, and their mean."""
    width, height = image.size
    edge = min(width, height)
    box = ((width - edge) // 2, (height - edge) // 2)
    square = image.convert("RGB").crop((*box, box[0] + edge, box[1] + edge))
    pixels = np.asarray(square.resize((side, side), Image.Resampling.BILINEAR)) / 255.0
    pixels = (pixels - [0.48145466, 0.4578275, 0.40821073]) / [0.26862954, 0.26130258, 0.27577711]
    grid = pixels.reshape(side // 32, 32, side // 32, 32, 3)
    vector = np.einsum("aybxc,dcyx->abd", grid, patch.astype(float)).mean(axis=(0, 1)) + bias
    return vector / np.linalg.norm(vector)


@pytest.mark.parametrize(
    ("given", "side"),
    [
        ({}, 224),
        ({"side": 64}, 64),
        ({"side": "side", "batch": "batch"}, 224),
        ({"batch": None, "channels": 3}, 224),
    ],
)
def test_gives_what_the_tower_gives(tmp_path, given, side):
    patch, bias = models.tower(tmp_path / "clip.onnx", **given)
    vectors = OnnxImageEncoder(tmp_path / "clip.onnx").encode_images(PICTURES)
    expected = np.array([referee(picture, patch, bias, side) for picture in PICTURES])
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, expected, atol=2e-6)


def test_a_tower_of_16_bits(tmp_path):
    patch, bias = models.tower(tmp_path / "clip.onnx", kind=TensorProto.FLOAT16)
    vectors = OnnxImageEncoder(tmp_path / "clip.onnx").encode_images(PICTURES)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, [referee(picture, patch, bias, 224) for picture in PICTURES], atol=2e-2)


def test_channels_first_standardised_central():
    image = np.zeros((10, 30, 3), dtype=np.uint8)
    image[:, 10:20] = (255, 0, 51)  # the central square, and nothing else
    pixels = preprocess(Image.fromarray(image), 5)
    assert pixels.shape == (1, 3, 5, 5)
    assert pixels.dtype == np.float32
    expected = [(1 - 0.48145466) / 0.26862954, -0.4578275 / 0.26130258, (0.2 - 0.40821073) / 0.27577711]
    np.testing.assert_allclose(pixels, np.broadcast_to(np.reshape(expected, (1, 3, 1, 1)), (1, 3, 5, 5)), rtol=1e-5)


def test_is_found_again_by_name_and_known_by_contents(tmp_path):
    models.tower(tmp_path / "clip.onnx")
    encoder = OnnxImageEncoder(tmp_path / "clip.onnx")
    assert resolve_image(encoder.name).fingerprint == encoder.fingerprint
    (tmp_path / "clip.onnx").rename(tmp_path / "moved.onnx")
    assert OnnxImageEncoder(tmp_path / "moved.onnx").fingerprint == encoder.fingerprint
    models.tower(tmp_path / "clip.onnx", dim=9)
    assert OnnxImageEncoder(tmp_path / "clip.onnx").fingerprint != encoder.fingerprint


def test_the_choice_takes_the_tower_that_is_named(tmp_path):
    models.tower(tmp_path / "clip.onnx")
    assert isinstance(choose_image_encoder(tmp_path / "clip.onnx"), OnnxImageEncoder)
    encoder = choose_image_encoder(str(tmp_path / "clip.onnx"), 512, "cpu", 1)
    assert isinstance(encoder, ProjectedImages)
    plain = OnnxImageEncoder(tmp_path / "clip.onnx").encode_images(PICTURES)
    np.testing.assert_array_equal(encoder.encode_images(PICTURES)[:, :8], plain)


@pytest.mark.parametrize("given", [{"channels": 1}, {"batch": 2}, {"channels": 4}])
def test_towers_of_another_shape_are_refused_with_it(tmp_path, given):
    models.tower(tmp_path / "clip.onnx", **given)
    with pytest.raises(
        ModelUnavailable, match=r"clip\.onnx: an image model takes .* this one pixels tensor\(float\) \["
    ):
        OnnxImageEncoder(tmp_path / "clip.onnx")


def test_text_models_are_refused(tmp_path):
    models.embedding(tmp_path / "text.onnx", 9)
    with pytest.raises(ModelUnavailable, match=r"an image model takes .* this one input_ids tensor\(int64\)"):
        OnnxImageEncoder(tmp_path / "text.onnx")


def test_a_file_that_is_no_model_is_named(tmp_path):
    with pytest.raises(ModelUnavailable, match=r"clip\.onnx: there is no such file"):
        OnnxImageEncoder(tmp_path / "clip.onnx")
    (tmp_path / "clip.onnx").write_text("no model")
    with pytest.raises(ModelUnavailable, match=r"clip\.onnx: the file is not a model that onnxruntime can run"):
        OnnxImageEncoder(tmp_path / "clip.onnx")


def test_a_device_that_is_absent_is_one_warning_and_the_truth(tmp_path):
    import onnxruntime

    if onnx_model.PROVIDERS["cuda"] in onnxruntime.get_available_providers():
        pytest.skip("this machine has CUDA")
    models.tower(tmp_path / "clip.onnx")
    with pytest.warns(RuntimeWarning, match="device='cuda' is not available .* runs on 'cpu'") as seen:
        assert OnnxImageEncoder(tmp_path / "clip.onnx", device="cuda").device == "cpu"
    assert len(seen) == 1
    with pytest.raises(InvalidArgument, match="device must be one of"):
        OnnxImageEncoder(tmp_path / "clip.onnx", device="tpu")


def test_without_onnxruntime_the_error_is_the_install_line(tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_model, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"pip install 'vicinal\[onnx\]'"):
        OnnxImageEncoder(tmp_path / "clip.onnx")
