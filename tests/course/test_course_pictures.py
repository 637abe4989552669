"""The course's programs in which texts find images and images texts."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("PIL", reason="pillow is not installed")

from support.course import program
from vicinal.errors import InvalidImage, ModelUnavailable

TOWERS, EMBEDDING, EXERCISE = (
    program(name) for name in ("two_towers", "multimodal_embeddings", "exercise_1_multimodal_search")
)


@pytest.fixture(scope="module")
def embedding() -> Any:
    return EMBEDDING.MultiModalEmbedding()


def test_the_tiny_model_tells_new_pictures_apart() -> None:
    assert TOWERS.accuracy(seed=5, pictures=5) > 0.95


def test_the_gradients_are_those_of_the_loss() -> None:
    random = np.random.default_rng(2)
    shapes = {"words": (len(TOWERS._VOCABULARY), TOWERS.DIM), "word bias": (TOWERS.DIM,)}
    shapes |= {"first": (TOWERS.SIDE**2 * 3, TOWERS.HIDDEN), "first bias": (TOWERS.HIDDEN,)}
    shapes |= {"second": (TOWERS.HIDDEN, TOWERS.DIM), "second bias": (TOWERS.DIM,)}
    weights = {name: random.normal(0, 0.2, shape) for name, shape in shapes.items()}
    bags, pixels = random.integers(0, 2, (5, len(TOWERS._VOCABULARY))).astype(float), random.normal(0, 1, (5, 1200))

    def loss() -> float:
        text, image = (
            TOWERS._unit(rows)
            for rows in (TOWERS._text_forward(weights, bags), TOWERS._image_forward(weights, pixels)[0])
        )
        logits = text @ image.T / TOWERS.TEMPERATURE
        both = np.log(TOWERS._softmax(logits)), np.log(TOWERS._softmax(logits.T))
        return -float(np.mean([np.trace(one) / 5 for one in both]))

    for name, slope in TOWERS._gradients(weights, bags, pixels).items():
        at = np.unravel_index(np.abs(slope).argmax(), slope.shape)
        weights[name][at] += 1e-6
        above = loss()
        weights[name][at] -= 2e-6
        assert slope[at] == pytest.approx((above - loss()) / 2e-6, rel=1e-3), name
        weights[name][at] += 1e-6


def test_the_program_says_what_its_model_is(capsys: pytest.CaptureFixture[str]) -> None:
    results = EMBEDDING.main()
    assert results[0]["metadata"]["description"] == "blue triangle"
    assert [result["similarity"] for result in results] == sorted(
        (result["similarity"] for result in results), reverse=True
    )
    assert "tiny two-tower model, trained here on drawings" in capsys.readouterr().out


def test_pictures_come_as_paths_pillow_images_and_arrays(embedding: Any, tmp_path: Path) -> None:
    picture = TOWERS.draw("red", "cross", np.random.default_rng(3))
    picture.save(tmp_path / "cross.png")
    vectors = embedding.embed_images([picture, str(tmp_path / "cross.png"), np.asarray(picture)])
    np.testing.assert_allclose(vectors[1:], vectors[[0, 0]], atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-6)
    texts = embedding.embed_text(["scarlet plus", "nothing that it knows", ""])
    similarity = embedding.calculate_similarity(texts, vectors)
    assert similarity.shape == (3, 3)
    assert similarity[0, 0] > max(similarity[1:, 0])
    with pytest.raises(InvalidImage, match=r"nothing\.png"):
        embedding.embed_images([picture, str(tmp_path / "nothing.png")])


def test_a_search_gives_index_and_metadata(embedding: Any) -> None:
    rows = embedding.embed_text(["red circle", "blue square", "green cross"])
    found = embedding.search_images_by_text("azure box", rows, [{"n": 0}, {"n": 1}, {"n": 2}], top_k=2)
    assert (found[0]["index"], found[0]["metadata"]) == (1, {"n": 1})
    assert len(found) == 2
    assert embedding.search_images_by_text("azure box", rows[:0], []) == []
    with pytest.raises(ValueError, match="3 pictures"):
        embedding.search_images_by_text("azure box", rows, [{}])


class Web(BaseHTTPRequestHandler):
    """An image, and responses that must not be taken for one."""

    def do_GET(self) -> None:
        kind, body, status = "image/png", b"", 200
        if self.path == "/red.png":
            file = io.BytesIO()
            TOWERS.draw("red", "square", np.random.default_rng(4)).save(file, "PNG")
            body = file.getvalue()
        elif self.path == "/page":
            kind, body = "text/html", b"<html>"
        elif self.path == "/large":
            body = bytes(300_000)
        elif self.path == "/broken":
            body = b"no picture"
        elif self.path == "/elsewhere":
            status = 302
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("location", "/red.png")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    pytest.importorskip("httpx", reason="httpx is not installed")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Web)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_picture_of_the_web_is_fetched_and_nothing_else(
    embedding: Any, web: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EMBEDDING, "URL_BYTES_MAX", 200_000)
    vectors = embedding.embed_images([f"{web}/red.png"])
    texts = embedding.embed_text(["red square", "green circle"])
    assert texts[0] @ vectors[0] > texts[1] @ vectors[0]
    for path, message in (("page", "text/html"), ("large", "more than 200,000"), ("elsewhere", "leads elsewhere")):
        with pytest.raises(ValueError, match=message):
            embedding.embed_images([f"{web}/{path}"])
    with pytest.raises(InvalidImage):
        embedding.embed_images([f"{web}/broken"])


def test_clip_in_onnx_is_loaded_from_a_folder(tmp_path: Path) -> None:
    for package in ("onnx", "onnxruntime", "tokenizers"):
        pytest.importorskip(package, reason=f"{package} is not installed")
    from support import onnx_models

    tokenizer = onnx_models.byte_pairs(tmp_path / "tokenizer.json", ["a red circle", "a blue square"])
    onnx_models.embedding(tmp_path / "text_model.onnx", tokenizer.get_vocab_size(), dim=8)
    onnx_models.tower(tmp_path / "vision_model.onnx", dim=8)
    embedding = EMBEDDING.MultiModalEmbedding(str(tmp_path))
    assert embedding.text_tower.max_tokens == 75
    picture = TOWERS.draw("red", "circle", np.random.default_rng(6))
    similarity = embedding.calculate_similarity(
        embedding.embed_text(["a circle", "x"]), embedding.embed_images([picture])
    )
    assert similarity.shape == (2, 1)
    assert len(EMBEDDING.main(str(tmp_path))) == 3
    (tmp_path / "text_model.onnx").unlink()
    with pytest.raises(ModelUnavailable, match=r"text_model\.onnx"):
        EMBEDDING.MultiModalEmbedding(str(tmp_path))


@pytest.mark.filterwarnings("default")
def test_clip_of_transformers_gives_the_vectors_of_its_own_forward_pass(tmp_path: Path) -> None:
    if find_spec("transformers") is None or find_spec("torch") is None:
        pytest.skip("transformers is in no group, since it brings torch")
    import torch
    import transformers as t

    letters = "abcdefghijklmnopqrstuvwxyz"
    marks = ("<|startoftext|>", "<|endoftext|>")
    vocabulary = {token: i for i, token in enumerate([*letters, *(f"{one}</w>" for one in letters), *marks])}
    (tmp_path / "vocab.json").write_text(json.dumps(vocabulary))
    (tmp_path / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = t.CLIPTokenizer(str(tmp_path / "vocab.json"), str(tmp_path / "merges.txt"))
    square = {"height": 32, "width": 32}
    processor = t.CLIPProcessor(t.CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=square), tokenizer)
    tiny = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    ends = {"bos_token_id": vocabulary[marks[0]], "eos_token_id": vocabulary[marks[1]]}
    text = {"vocab_size": len(vocabulary), "max_position_embeddings": 77, **ends, **tiny}
    image = {"image_size": 32, "patch_size": 16, **tiny}
    model = t.CLIPModel(t.CLIPConfig(text_config=text, vision_config=image, projection_dim=8)).eval()
    for part in (model, processor):
        part.save_pretrained(tmp_path / "clip")
    embedding = EMBEDDING.MultiModalEmbedding(str(tmp_path / "clip"))
    picture = TOWERS.draw("red", "circle", np.random.default_rng(9))
    with torch.no_grad():
        wanted = model(**processor(text=["red circle"], images=picture, return_tensors="pt", padding=True))
    np.testing.assert_allclose(embedding.embed_text(["red circle"]), wanted.text_embeds.numpy(), atol=1e-5)
    np.testing.assert_allclose(embedding.embed_images([picture]), wanted.image_embeds.numpy(), atol=1e-5)
    assert embedding.embed_text(["word " * 200]).shape == (1, 8)


def test_a_folder_that_is_not_there_is_no_reason_to_take_the_tiny_model(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="with a CLIP model"):
        EMBEDDING.MultiModalEmbedding(str(tmp_path / "clip"))


def test_the_exercise_finds_pictures_by_text_and_texts_by_picture(tmp_path: Path) -> None:
    by_text, by_image = EXERCISE.main(tmp_path).values()
    assert by_text[0]["metadata"]["description"] == "green square"
    assert {one["type"] for one in by_image[:2]} == {"image", "text"}
    assert {one["metadata"].get("description") or one["metadata"]["source"] for one in by_image[:2]} == {
        "yellow circle",
        "diary",
    }
    assert [one["rank"] for one in by_text] == [1, 2, 3]


def test_a_bad_picture_shifts_nothing_and_ids_do_not_begin_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine, random = EXERCISE.MultiModalSearchEngine(), np.random.default_rng(8)
    assert engine.search_by_text("red circle") == []
    good, bad, other = (str(tmp_path / name) for name in ("good.png", "bad.png", "other.png"))
    TOWERS.draw("red", "circle", random).save(good)
    TOWERS.draw("blue", "cross", random).save(other)
    Path(bad).write_text("no picture")
    ids = engine.add_images([good, bad, other], ["the good", "the bad", "the other"])
    assert len(ids) == 2
    assert "bad.png" in capsys.readouterr().out
    assert engine.search_by_text("blue cross", 1)[0]["metadata"] == {
        "type": "image",
        "path": other,
        "description": "the other",
    }
    more = engine.add_images([good], ["again"])
    assert len({*ids, *more}) == 3 == engine.rows.count()
    assert engine.add_images([bad], ["nothing"]) == []
    for call in (lambda: engine.add_images([good], []), lambda: engine.add_texts(["a"], ["b", "c"])):
        with pytest.raises(ValueError, match="needs its own"):
            call()
