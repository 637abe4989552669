import numpy as np
import pytest

pytest.importorskip("PIL", reason="pillow is not installed")
from PIL import Image, ImageCms

from support.pictures import scene, variants
from vicinal.encoders import ImageDescriptor
from vicinal.encoders.descriptor import DIM, lab_from_srgb

SCENES = 40


@pytest.fixture(scope="module")
def sources():
    return [scene(seed) for seed in range(SCENES)]


@pytest.fixture(scope="module")
def found(sources):
    """Returns, for each kind of variant, the cosines of each variant with each source, shape (SCENES, SCENES)."""
    encoder = ImageDescriptor()
    vectors = encoder.encode_images(sources)
    made = [variants(source, seed) for seed, source in enumerate(sources)]
    return {kind: encoder.encode_images([pictures[kind] for pictures in made]) @ vectors.T for kind in made[0]}


@pytest.mark.parametrize(
    "kind", ["noisy", "cropped", "scaled", "compressed", "recoloured", "brighter", "darker", "blurred", "grey"]
)
def test_the_nearest_source_of_a_variant_is_its_own(found, kind):
    right = (found[kind].argmax(axis=1) == np.arange(SCENES)).mean()
    assert right >= (0.9 if kind == "grey" else 0.95)


def test_pictures_of_one_scene_are_its_nearest_among_all(sources, found):
    """Precision among the best nine of 540, where nine are of the scene: 0.96; edges with their mean give 0.90."""
    scores = np.concatenate(list(found.values()))
    scene_of = np.tile(np.arange(SCENES), len(found))
    best = np.argsort(-scores, axis=0)[: len(found)]
    assert (scene_of[best] == np.arange(SCENES)).mean() >= 0.93


def flat(colour):
    return Image.new("RGB", (64, 64), colour)


def stripes(across):
    image = np.zeros((128, 128, 3), dtype=np.uint8)
    image[(slice(None), slice(None, None, 8)) if across else slice(None, None, 8)] = 200
    return image


def cosines(*pictures):
    vectors = ImageDescriptor().encode_images(pictures)
    return vectors[1:] @ vectors[0]


def test_flat_pictures_are_near_by_colour():
    dark_red, blue = cosines(flat((230, 20, 20)), flat((190, 30, 25)), flat((20, 20, 230)))
    assert dark_red > 0.9 > blue


def test_direction_of_edges_counts():
    same, other = cosines(stripes(True), np.roll(stripes(True), 3, axis=1), stripes(False))
    assert same > 0.95
    assert other < same - 0.3


def test_texture_counts():
    """The same colours, edges in all directions, finer or coarser; without textures the last is 0.99."""
    rng = np.random.default_rng(0)

    def dots(side):
        cells = np.where(rng.random((128 // side, 128 // side)) < 0.5, 200, 100)
        return np.kron(cells, np.ones((side, side))).astype(np.uint8)

    same, other = cosines(dots(1), dots(1), dots(2))
    assert same > 0.99
    assert other < 0.975


def test_place_of_colours_counts():
    def halves(border):
        image = np.zeros((60, 60, 3), dtype=np.uint8)
        image[:, :border] = (255, 200, 0)
        return image

    near, mirrored = cosines(halves(30), halves(32), halves(30)[:, ::-1])
    assert near > 0.9 > mirrored


def test_lab_is_that_of_the_colour_management():
    """Against LittleCMS, whose L*a*b* is for the white point D50 and has 8 bits."""
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype(np.uint8)
    transform = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    theirs = np.asarray(ImageCms.applyTransform(Image.fromarray(pixels), transform)).astype(float)
    lightness = theirs[..., 0] * 100 / 255
    ours = lab_from_srgb(pixels / 255)
    assert np.abs(ours[..., 0] - lightness).max() < 3  # D65 against D50
    assert np.abs(lab_from_srgb(np.ones((1, 1, 3))) - (100, 0, 0)).max() < 1e-9
    assert np.abs(lab_from_srgb(np.zeros((1, 1, 3)))).max() < 1e-9
    # Red, by the formula of the standard: L* 53.24, a* 80.09, b* 67.20.
    np.testing.assert_allclose(lab_from_srgb(np.array([[[1.0, 0, 0]]]))[0, 0], [53.24, 80.09, 67.20], atol=0.05)


def test_dimension_is_the_sum_of_its_blocks():
    assert ImageDescriptor().encode_images([scene(0)]).shape == (1, DIM)


def test_another_device_is_a_warning_and_the_truth():
    with pytest.warns(RuntimeWarning, match="'descriptor' runs on the CPU only; device='cuda'"):
        assert ImageDescriptor(device="cuda").device == "cpu"
