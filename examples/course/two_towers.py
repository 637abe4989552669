"""A model small enough to train in seconds: one tower for texts, one for images, and one vector space for both.

It knows four shapes in four colours, from images that it draws itself, and nothing else; it shows how CLIP works, and
stands in for it when no weights are available. The training: Radford et al., "Learning transferable visual models from
natural language supervision", 2021, section 2.3.

    pip install 'vicinal[image]'
    python examples/course/two_towers.py
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from hashlib import blake2b
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from vicinal.encoders import ImageEncoder, TextEncoder

COLOURS = {"red": (210, 40, 40), "green": (40, 160, 70), "blue": (50, 80, 210), "yellow": (230, 200, 40)}
SHAPES = ("circle", "square", "triangle", "cross")
# Synonyms, so that texts need not use fixed words.
WORDS = {
    "red": ("red", "crimson", "scarlet"),
    "green": ("green", "emerald"),
    "blue": ("blue", "azure"),
    "yellow": ("yellow", "golden"),
    "circle": ("circle", "disc", "ball", "round"),
    "square": ("square", "box"),
    "triangle": ("triangle", "pyramid"),
    "cross": ("cross", "plus"),
}
SIDE, HIDDEN, DIM = 20, 96, 24
STEPS, RATE, TEMPERATURE = 400, 0.01, 0.1

Arrays = dict[str, np.ndarray]


def draw(colour: str, shape: str, random: np.random.Generator, side: int = 64) -> Image.Image:
    """Returns an image of one shape, near the center of a light background."""
    ground = tuple(int(value) for value in random.integers(200, 256, 3))
    picture = Image.new("RGB", (side, side), ground)
    pen = ImageDraw.Draw(picture)
    tint = tuple(int(value) for value in np.clip(COLOURS[colour] + random.normal(0, 15, 3), 0, 255))
    size = side * random.uniform(0.22, 0.36)
    x, y = side / 2 + random.uniform(-0.08, 0.08, 2) * side
    box = (x - size, y - size, x + size, y + size)
    if shape == "circle":
        pen.ellipse(box, fill=tint)
    elif shape == "square":
        pen.rectangle(box, fill=tint)
    elif shape == "triangle":
        pen.polygon([(x, y - size), (x + size, y + size), (x - size, y + size)], fill=tint)
    else:
        pen.rectangle((x - size, y - size / 4, x + size, y + size / 4), fill=tint)
        pen.rectangle((x - size / 4, y - size, x + size / 4, y + size), fill=tint)
    return picture


class TextTower(TextEncoder):
    """Adds up the vectors of known words; order and unknown words are ignored."""

    def __init__(self, weights: Arrays) -> None:
        self._weights = weights
        self.name, self.version, self.dim = "two-towers/text", "1", DIM
        self.fingerprint = f"two-towers/text/{_digest(weights)}"

    def _encode(self, texts: list[str]) -> np.ndarray:
        return _unit(_text_forward(self._weights, _bags(texts))).astype(np.float32)


class ImageTower(ImageEncoder):
    """Maps pixels through one hidden layer."""

    def __init__(self, weights: Arrays) -> None:
        self._weights = weights
        self.name, self.version, self.dim = "two-towers/image", "1", DIM
        self.fingerprint = f"two-towers/image/{_digest(weights)}"

    def _encode_image(self, image: Image.Image) -> np.ndarray:
        vector: np.ndarray = _unit(_image_forward(self._weights, _pixels([image]))[0])[0].astype(np.float32)
        return vector


@cache
def trained_towers(seed: int = 0) -> tuple[TextTower, ImageTower]:
    """Returns both towers, trained once per process; the same for the same seed."""
    random = np.random.default_rng(seed)
    weights = {
        "words": random.normal(0, 0.3, (len(_VOCABULARY), DIM)),
        "word bias": random.normal(0, 0.1, DIM),
        "first": random.normal(0, (SIDE * SIDE * 3) ** -0.5, (SIDE * SIDE * 3, HIDDEN)),
        "first bias": np.zeros(HIDDEN),
        "second": random.normal(0, HIDDEN**-0.5, (HIDDEN, DIM)),
        "second bias": np.zeros(DIM),
    }
    moments = {name: (np.zeros_like(value), np.zeros_like(value)) for name, value in weights.items()}
    for step, (bags, pixels) in enumerate(_batches(random), 1):
        for name, slope in _gradients(weights, bags, pixels).items():
            first, second = moments[name]  # Adam: Kingma and Ba, 2015
            first += 0.1 * (slope - first)
            second += 0.001 * (slope**2 - second)
            weights[name] -= RATE * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
    return TextTower(weights), ImageTower(weights)


_VOCABULARY = {word: place for place, word in enumerate(word for words in WORDS.values() for word in words)}


def _batches(random: np.random.Generator) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields one image of each colour and shape with a text about it, so that all others in a batch are wrong."""
    pairs = [(colour, shape) for colour in COLOURS for shape in SHAPES]
    drawn = [_pixels([draw(colour, shape, random) for colour, shape in pairs]) for _ in range(40)]
    for _ in range(STEPS):
        texts = [f"{random.choice(WORDS[colour])} {random.choice(WORDS[shape])}" for colour, shape in pairs]
        noise = random.normal(0, 0.03, drawn[0].shape)
        yield _bags(texts), drawn[random.integers(len(drawn))] + noise


def _gradients(weights: Arrays, bags: np.ndarray, pixels: np.ndarray) -> Arrays:
    """Returns gradients of the symmetric cross entropy of similarities: each text selects its image, and vice versa."""
    text = _text_forward(weights, bags)
    image, hidden = _image_forward(weights, pixels)
    unit_text, unit_image = _unit(text), _unit(image)
    logits = unit_text @ unit_image.T / TEMPERATURE
    wrong = (_softmax(logits) + _softmax(logits.T).T) / 2 - np.eye(len(logits))
    wrong /= len(logits) * TEMPERATURE
    to_text = _through_unit(wrong @ unit_image, text, unit_text)
    to_image = _through_unit(wrong.T @ unit_text, image, unit_image)
    to_hidden = (to_image @ weights["second"].T) * (hidden > 0)
    return {
        "words": bags.T @ to_text,
        "word bias": to_text.sum(axis=0),
        "second": hidden.T @ to_image,
        "second bias": to_image.sum(axis=0),
        "first": pixels.T @ to_hidden,
        "first bias": to_hidden.sum(axis=0),
    }


def _text_forward(weights: Arrays, bags: np.ndarray) -> np.ndarray:
    return np.asarray(bags @ weights["words"] + weights["word bias"])


def _image_forward(weights: Arrays, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    hidden = np.maximum(pixels @ weights["first"] + weights["first bias"], 0)
    return hidden @ weights["second"] + weights["second bias"], hidden


def _bags(texts: list[str]) -> np.ndarray:
    bags = np.zeros((len(texts), len(_VOCABULARY)))
    for row, text in zip(bags, texts):
        for word in re.findall(r"[a-z]+", text.lower()):
            place = _VOCABULARY.get(word, _VOCABULARY.get(word.removesuffix("s")))
            if place is not None:
                row[place] = 1
    return bags


def _pixels(images: list[Any]) -> np.ndarray:
    small = [np.asarray(image.convert("RGB").resize((SIDE, SIDE)), dtype=np.float64) for image in images]
    return np.asarray(np.stack(small).reshape(len(small), -1) / 127.5 - 1)


def _unit(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def _through_unit(slope: np.ndarray, rows: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Returns the gradient before normalization of a row."""
    along = np.sum(slope * unit, axis=1, keepdims=True)
    return np.asarray((slope - along * unit) / np.linalg.norm(rows, axis=1, keepdims=True))


def _softmax(rows: np.ndarray) -> np.ndarray:
    powers = np.exp(rows - rows.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _digest(weights: Arrays) -> str:
    hasher = blake2b(digest_size=16)
    for name in sorted(weights):
        hasher.update(np.ascontiguousarray(weights[name]).tobytes())
    return hasher.hexdigest()


def accuracy(seed: int = 1, pictures: int = 10) -> float:
    """Returns how often the nearest of the sixteen texts is the right one, for images not used in training."""
    text_tower, image_tower = trained_towers()
    random = np.random.default_rng(seed)
    pairs = [(colour, shape) for colour in COLOURS for shape in SHAPES]
    texts = text_tower.encode([f"a {colour} {shape}" for colour, shape in pairs])
    images = [draw(colour, shape, random) for colour, shape in pairs for _ in range(pictures)]
    chosen = (image_tower.encode_images(images) @ texts.T).argmax(axis=1)
    return float(np.mean(chosen == np.repeat(np.arange(len(pairs)), pictures)))


if __name__ == "__main__":
    print(f"trained on drawings of {', '.join(SHAPES)} in {', '.join(COLOURS)}")
    print(f"the right text of sixteen for {accuracy():.1%} of 160 new pictures")
