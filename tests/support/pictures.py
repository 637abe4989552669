"""Images for the tests: random scenes, and the same scene as from another camera or program."""

import io

import numpy as np
from PIL import Image, ImageDraw, ImageFilter


def scene(seed):
    """Shapes on a background with a gradient and a texture, of random size."""
    rng = np.random.default_rng(seed)
    width, height = (int(side) for side in rng.integers(180, 420, 2))
    image = Image.fromarray(_background(rng, width, height))
    draw = ImageDraw.Draw(image)
    for _ in range(rng.integers(2, 9)):
        colour = tuple(int(value) for value in rng.integers(0, 256, 3))
        left, top = rng.uniform(0, 0.8, 2) * (width, height)
        right, bottom = (left, top) + rng.uniform(0.08, 0.5, 2) * (width, height)
        box = (left, top, right, bottom)
        kind = rng.integers(4)
        if kind == 0:
            draw.ellipse(box, fill=colour)
        elif kind == 1:
            draw.rectangle(box, fill=colour)
        elif kind == 2:
            draw.line(box, fill=colour, width=int(rng.integers(2, 14)))
        else:
            draw.polygon([(left, bottom), ((left + right) / 2, top), (right, bottom)], fill=colour)
    return image


def _background(rng, width, height):
    ys, xs = np.mgrid[:height, :width]
    slope = (ys / height if rng.random() < 0.5 else xs / width)[..., None]
    pixels = rng.integers(0, 256, 3) * (1 - slope) + rng.integers(0, 256, 3) * slope
    angle, frequency = rng.uniform(0, np.pi), rng.uniform(0.05, 0.6)
    waves = np.sin(frequency * (xs * np.cos(angle) + ys * np.sin(angle)))
    checks = (xs // rng.integers(6, 26) + ys // rng.integers(6, 26)) % 2
    texture = (waves, checks, rng.normal(0, 1, (height, width)), np.zeros((height, width)))[rng.integers(4)]
    return np.clip(pixels + rng.integers(0, 50) * texture[..., None], 0, 255).astype(np.uint8)


def variants(image, seed):
    """Returns images of the same scene by name."""
    rng = np.random.default_rng(seed)
    width, height = image.size
    pixels = np.asarray(image, dtype=float)
    tint = np.asarray(image.convert("HSV")).copy()
    tint[..., 0] += 20  # hue, of 256: about 28 degrees
    return {
        "noisy": _from(pixels + rng.normal(0, 12, pixels.shape)),
        "cropped": image.crop((int(width * 0.07), int(height * 0.05), int(width * 0.95), int(height * 0.93))),
        "scaled": image.resize((width * 2 // 3, height // 2)),
        "compressed": compressed(image),
        "recoloured": Image.fromarray(tint, "HSV").convert("RGB"),
        "brighter": _from(pixels * 1.3),
        "darker": _from(pixels * 0.65),
        "blurred": image.filter(ImageFilter.GaussianBlur(2)),
        "grey": image.convert("L"),
    }


def _from(pixels):
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def compressed(image, quality=25):
    """Compresses as JPEG and decodes again."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(io.BytesIO(file.getvalue()))
