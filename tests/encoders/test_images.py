import contextlib
import io
import struct
import zlib

import numpy as np
import pytest

pytest.importorskip("PIL", reason="pillow is not installed")
from PIL import Image

from support.pictures import scene
from vicinal.encoders import images
from vicinal.encoders.images import load_image
from vicinal.errors import InvalidImage, LimitExceeded, MissingExtra


def pixels(given):
    image = load_image(given)
    assert image.mode == "RGB"
    return np.asarray(image)


def saved(image, path, **options):
    image.save(path, **options)
    return path


def png_that_claims(width, height):
    """Returns a PNG of a few bytes whose header claims any number of pixels."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_paths_images_and_arrays_are_the_same_picture(tmp_path):
    image = scene(1)
    path = saved(image, tmp_path / "scene.png")
    expected = np.asarray(image)
    for given in (path, str(path), image, np.asarray(image), np.asarray(image) / 255, np.asarray(image, "f4") / 255):
        assert np.array_equal(pixels(given), expected)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_cameras_held_sideways(tmp_path, orientation):
    """Orientation as in EXIF 2.3: how the stored pixels must be transformed to be upright."""
    upright = np.zeros((20, 30, 3), dtype=np.uint8)
    upright[:10, :15] = (255, 0, 0)
    upright[10:, 15:] = (0, 0, 255)
    store = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.swapaxes(0, 1),
        6: np.rot90,
        7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
        8: lambda a: np.rot90(a, -1),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(store[orientation](upright)))
    assert np.array_equal(pixels(saved(stored, tmp_path / "photo.png", exif=exif)), upright)


def test_what_is_transparent_is_white(tmp_path):
    array = np.zeros((4, 4, 4), dtype=np.uint8)
    array[:2] = (10, 200, 30, 255)
    expected = np.full((4, 4, 3), 255)
    expected[:2] = (10, 200, 30)
    assert np.array_equal(pixels(array), expected)
    palette = saved(Image.fromarray(array).quantize(4), tmp_path / "palette.png")
    assert np.abs(pixels(palette).astype(int) - expected).max() <= 8
    grey = Image.fromarray(np.stack([np.full((2, 2), 7), np.zeros((2, 2))], axis=-1).astype(np.uint8), "LA")
    assert (pixels(grey) == 255).all()


def test_grey_levels_of_any_depth(tmp_path):
    levels = np.linspace(0, 1, 64).reshape(8, 8)
    expected = np.repeat(np.rint(levels * 255)[..., None], 3, axis=2)
    as_16_bits = Image.fromarray(np.rint(levels * 65535).astype(np.uint16))
    for given in (levels, levels.astype("f4")[..., None], saved(as_16_bits, tmp_path / "deep.png"), as_16_bits):
        assert np.abs(pixels(given).astype(int) - expected).max() <= 1
    assert (pixels(Image.new("1", (3, 3), 1)) == 255).all()


def test_four_inks(tmp_path):
    path = saved(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), tmp_path / "print.jpg", quality=95)
    assert np.abs(pixels(path).astype(int) - (255, 0, 0)).max() < 10


def test_a_film_is_its_first_frame(tmp_path):
    frames = [Image.new("RGB", (6, 6), colour) for colour in ("red", "lime", "blue")]
    path = saved(frames[0], tmp_path / "film.gif", save_all=True, append_images=frames[1:])
    assert np.array_equal(pixels(path)[0, 0], (255, 0, 0))


def test_one_pixel():
    assert pixels(np.full((1, 1, 3), 9, dtype=np.uint8)).tolist() == [[[9, 9, 9]]]


@pytest.mark.parametrize("side", [10_000, 15_000])
@pytest.mark.filterwarnings("ignore:Image size:PIL.Image.DecompressionBombWarning")
def test_a_picture_too_large_for_memory_is_refused_before_it_is_decoded(tmp_path, side):
    path = tmp_path / "bomb.png"
    path.write_bytes(png_that_claims(side, side))
    with pytest.raises(LimitExceeded, match=r"bomb\.png: the image has more than 80,000,000 pixels\. Scale it"):
        load_image(path)


def test_the_warning_of_pillow_as_an_error_says_the_same(tmp_path):
    path = tmp_path / "bomb.png"
    path.write_bytes(png_that_claims(10_000, 10_000))
    with pytest.raises(LimitExceeded, match=r"bomb\.png: "):
        load_image(path)


def bad_files():
    good = io.BytesIO()
    scene(2).save(good, "PNG")
    jpeg = io.BytesIO()
    scene(2).save(jpeg, "JPEG")
    return {
        "empty": b"",
        "text": b"this is not a picture",
        "cut.png": good.getvalue()[:300],
        "cut.jpg": jpeg.getvalue()[: len(jpeg.getvalue()) // 2],
        "header.png": png_that_claims(4, 4),
        "no pixels.png": png_that_claims(0, 5),
    }


@pytest.mark.parametrize("name", sorted(bad_files()))
def test_what_cannot_be_decoded_is_named(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(bad_files()[name])
    with pytest.raises(InvalidImage, match=f"^{path}: the image ") as caught:
        load_image(path)
    assert caught.value.place == str(path)


@pytest.mark.parametrize("name", ["picture.png", "picture.jpg", "picture.gif", "picture.bmp", "picture.tif", "p.ppm"])
def test_common_formats_are_read(tmp_path, name):
    image = Image.new("RGB", (9, 5), (255, 0, 0))
    assert np.abs(pixels(saved(image, tmp_path / name)).astype(int) - (255, 0, 0)).max() < 4


def test_a_picture_that_is_a_program_is_not_run(tmp_path):
    """Pillow hands EPS to Ghostscript."""
    path = saved(Image.new("RGB", (9, 5)), tmp_path / "picture.png", format="EPS")
    with pytest.raises(InvalidImage, match="the image cannot be decoded"):
        load_image(path)


def test_what_is_absent_is_named(tmp_path):
    path = tmp_path / "absent.png"
    with pytest.raises(InvalidImage, match=r"absent\.png: there is no such image\."):
        load_image(path)
    with pytest.raises(InvalidImage, match="cannot be decoded"):
        load_image(tmp_path)


@pytest.mark.parametrize(
    "given",
    [
        None,
        3,
        b"bytes",
        np.zeros((4,), dtype=np.uint8),
        np.zeros((4, 4, 2), dtype=np.uint8),
        np.zeros((0, 4, 3), dtype=np.uint8),
        np.zeros((4, 4), dtype=np.int64),
        np.full((4, 4), 1.5),
        np.full((4, 4), -0.5),
        np.full((4, 4), np.nan),
        np.array([["a"]]),
    ],
)
def test_what_is_no_picture_is_refused(given):
    with pytest.raises(InvalidImage, match=r"^image 3: "):
        load_image(given, 3)


@pytest.mark.parametrize("changed", range(0, 200, 7))
def test_damaged_bytes_give_a_picture_or_our_error(tmp_path, changed):
    path = saved(scene(3).resize((40, 30)), tmp_path / "damaged.jpg")
    content = bytearray(path.read_bytes())
    content[changed] ^= 0xFF
    path.write_bytes(content)
    with contextlib.suppress(InvalidImage, LimitExceeded):
        assert pixels(path).ndim == 3


def test_the_callers_image_stays_as_it_is():
    image = scene(4)
    load_image(image).paste((0, 0, 0), (0, 0, 50, 50))
    assert np.array_equal(np.asarray(image), np.asarray(scene(4)))


def test_without_pillow_the_error_is_the_install_line(monkeypatch):
    monkeypatch.setattr(images, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"pip install 'vicinal\[image\]'"):
        load_image("picture.png")
