import shutil
import string
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
pytest.importorskip("tokenizers", reason="tokenizers is not installed")
pytest.importorskip("onnx", reason="onnx is not installed")
from onnx import TensorProto

import vicinal
from support import onnx_models as models
from vicinal.encoders import OnnxTextEncoder, bert, choose_text_encoder, onnx_model, onnx_text, resolve, wordpiece
from vicinal.encoders import minilm_files as files
from vicinal.errors import EncoderMismatch, InvalidArgument, InvalidVector, MissingExtra, ModelUnavailable

WORDS = ["gold", "silver", "price", "##s", "##ing", "rise", "café", "cafe", "天", "##th"]
TEXTS = ["", "gold prices", "Silver rising, gold falling!", "gold " * 400, "café 天", "x"]


@pytest.fixture
def folder(tmp_path):
    """A folder with model.onnx and vocab.txt; returns what a reference implementation needs: tokens and the table."""
    return make(tmp_path)


def make(folder, **options):
    tokens = models.vocabulary(folder / "vocab.txt", WORDS)
    table = models.embedding(folder / "model.onnx", len(tokens), **options)
    return folder, tokens, table


def spec_tokens(text, vocabulary, most):
    """The rules of ASCII texts written down plainly: lower case, split at white space and punctuation, longest
    match first, [CLS] before and [SEP] behind, cut at `most`."""
    lowered = "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text)
    words, word = [], ""
    for character in lowered:
        if character in string.punctuation or character in string.whitespace:
            words += [word] if word else []
            words += [character] if character in string.punctuation else []
            word = ""
        else:
            word += character
    words += [word] if word else []
    pieces = []
    for word in words:
        start = 0
        while start < len(word):
            prefix = "##" if start else ""
            end = next(end for end in range(len(word), start, -1) if prefix + word[start:end] in vocabulary)
            pieces.append(prefix + word[start:end])
            start = end
    return ["[CLS]", *pieces[: most - 2], "[SEP]"]


def referee(texts, tokens, table, most=256):
    numbers = {token: number for number, token in enumerate(tokens)}
    rows = [table[[numbers[piece] for piece in spec_tokens(text, numbers, most)]].mean(axis=0) for text in texts]
    return np.array([row / np.linalg.norm(row) for row in rows])


ASCII = st.text(st.sampled_from(string.ascii_letters + string.digits + string.punctuation + " \t\n"), max_size=90)


def test_ascii_texts_are_tokenised_by_the_plain_rules(folder):
    folder, tokens, _ = folder
    encoder = OnnxTextEncoder(folder / "model.onnx")
    numbers = {token: number for number, token in enumerate(tokens)}

    @settings(deadline=None)
    @given(ASCII | st.lists(st.sampled_from(["Golds", "pricings", "silverths", "rise."])).map(" ".join))
    def check(text):
        found = encoder._tokenizer.encode(text).tokens
        assert found == spec_tokens(text, numbers, 256)

    check()


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("CAFÉ", ["cafe"]),  # as uncased models were trained
        ("天天gold", ["天", "天", "gold"]),
        ("gold ж", ["gold", "[UNK]"]),
        ("goldжж", ["[UNK]"]),  # one a word
        ("[SEP][MASK]", ["[", "s", "##e", "##p", "]", "[", "m", "##a", "##s", "##k", "]"]),  # texts give no orders
    ],
)
def test_beyond_ascii_texts_are_tokenised_as_bert_was_trained(folder, text, pieces):
    encoder = OnnxTextEncoder(folder[0] / "model.onnx")
    assert encoder._tokenizer.encode(text).tokens == ["[CLS]", *pieces, "[SEP]"]


def test_a_vocabulary_with_capitals_is_cased(tmp_path):
    tokens = models.vocabulary(tmp_path / "vocab.txt", ["Gold", *string.ascii_uppercase])
    models.embedding(tmp_path / "model.onnx", len(tokens))
    encoder = OnnxTextEncoder(tmp_path / "model.onnx")
    assert encoder._tokenizer.encode("Gold gold É").tokens[1:-1] == ["Gold", "g", "##o", "##l", "##d", "[UNK]"]


NAMED = ("input_ids", "attention_mask", "token_type_ids")
ASCII_TEXTS = ["gold prices", "", "Silver rising, gold falling!", "gold " * 400, "x"]


@pytest.mark.parametrize("shape", [("batch", "length"), (1, 256), (1, "length"), ("batch", 32), (4, 16), (4, "length")])
@pytest.mark.parametrize("inputs", [NAMED, NAMED[:2], NAMED[:1], ("a", "b", "c"), ("a", "b")])
def test_inputs_by_name_or_place_free_or_fixed(tmp_path, inputs, shape):
    folder, tokens, table = make(tmp_path, inputs=inputs, shape=shape)
    most = shape[1] if isinstance(shape[1], int) else 256
    vectors = OnnxTextEncoder(folder / "model.onnx").encode(ASCII_TEXTS)
    np.testing.assert_allclose(vectors, referee(ASCII_TEXTS, tokens, table, most), atol=1e-6)


def test_names_count_more_than_places(tmp_path):
    tokens = models.vocabulary(tmp_path / "vocab.txt", WORDS)
    table = models.embedding(tmp_path / "model.onnx", len(tokens))
    import onnx

    model = onnx.load(tmp_path / "model.onnx")
    swapped = [model.graph.input[1], model.graph.input[2], model.graph.input[0]]
    del model.graph.input[:]
    model.graph.input.extend(swapped)
    onnx.save(model, tmp_path / "model.onnx")
    vectors = OnnxTextEncoder(tmp_path / "model.onnx").encode(ASCII_TEXTS)
    np.testing.assert_allclose(vectors, referee(ASCII_TEXTS, tokens, table), atol=1e-6)


def test_inputs_of_32_bits(tmp_path):
    folder, tokens, table = make(tmp_path, kind=TensorProto.INT32)
    vectors = OnnxTextEncoder(folder / "model.onnx").encode(ASCII_TEXTS)
    np.testing.assert_allclose(vectors, referee(ASCII_TEXTS, tokens, table), atol=1e-6)


@pytest.mark.parametrize("inputs", [NAMED, NAMED[:1]])
def test_a_model_that_pools_is_taken_at_its_word(tmp_path, inputs):
    folder, tokens, table = make(tmp_path, pooled=True, inputs=inputs)
    texts = [text for text in ASCII_TEXTS if len(text) < 100]
    vectors = OnnxTextEncoder(folder / "model.onnx").encode(texts)
    np.testing.assert_allclose(vectors, referee(texts, tokens, table), atol=1e-6)


def test_windows_of_a_long_list_do_not_show(folder, monkeypatch):
    folder, tokens, table = folder
    monkeypatch.setattr(onnx_text, "_TEXTS_PER_WINDOW", 7)
    monkeypatch.setattr(onnx_text, "_TOKENS_PER_BATCH", 40)
    texts = [" ".join(WORDS[: number % 3 + 1] * (number % 5)) for number in range(60)]
    vectors = OnnxTextEncoder(folder / "model.onnx").encode(texts)
    np.testing.assert_allclose(vectors, referee(texts, tokens, table), atol=1e-6)


def test_max_tokens_cuts_and_is_another_encoder(folder):
    folder, tokens, table = folder
    short = OnnxTextEncoder(folder / "model.onnx", max_tokens=5)
    np.testing.assert_allclose(short.encode(ASCII_TEXTS), referee(ASCII_TEXTS, tokens, table, 5), atol=1e-6)
    assert short.fingerprint != OnnxTextEncoder(folder / "model.onnx").fingerprint
    with pytest.raises(InvalidArgument, match="max_tokens"):
        OnnxTextEncoder(folder / "model.onnx", max_tokens=2)


def test_a_whole_bert_is_the_one_in_numpy(tmp_path):
    """Attention, mask, positions: the transformer of `minilm`, with other weights, in texts of mixed length."""
    tokens = models.vocabulary(tmp_path / "vocab.txt", WORDS)
    weights = random_bert(len(tokens), hidden=24, layers=2)
    models.bert(tmp_path / "model.onnx", weights, heads=3)
    encoder = OnnxTextEncoder(tmp_path / "model.onnx")
    texts = sorted(ASCII_TEXTS, key=len)
    ids = [np.array(encoding.ids) for encoding in encoder._tokenizer.encode_batch(texts)]
    means = bert.Bert(weights, heads=3).means(ids)
    expected = means / np.linalg.norm(means, axis=1, keepdims=True)
    np.testing.assert_allclose(encoder.encode(texts), expected, atol=5e-6)


def random_bert(tokens, hidden, layers):
    rng = np.random.default_rng(0)
    weights = {
        "embeddings.word_embeddings.weight": (tokens, hidden),
        "embeddings.position_embeddings.weight": (256, hidden),
        "embeddings.token_type_embeddings.weight": (2, hidden),
        "embeddings.LayerNorm.weight": (hidden,),
        "embeddings.LayerNorm.bias": (hidden,),
    }
    for layer in range(layers):
        sizes = {f"attention.self.{part}": (hidden, hidden) for part in ("query", "key", "value")}
        sizes["attention.output.dense"] = (hidden, hidden)
        sizes["attention.output.LayerNorm"] = (hidden,)
        sizes["intermediate.dense"] = (4 * hidden, hidden)
        sizes["output.dense"] = (hidden, 4 * hidden)
        sizes["output.LayerNorm"] = (hidden,)
        for name, shape in sizes.items():
            weights[f"encoder.layer.{layer}.{name}.weight"] = shape
            weights[f"encoder.layer.{layer}.{name}.bias"] = shape[:1]
    return {name: (rng.normal(size=shape) * 0.3).astype(np.float32) for name, shape in weights.items()}


@pytest.mark.slow
def test_minilm_in_onnx_is_minilm(minilm, tmp_path):
    where = files.find_folder(None)
    tokenizer = files.load_tokenizer(where)
    numbers = tokenizer.get_vocab()
    lines = sorted(numbers, key=numbers.get)
    (tmp_path / "vocab.txt").write_text("\n".join(lines), encoding="utf-8")
    models.bert(tmp_path / "model.onnx", files.load_weights(where), heads=12)
    texts = [*TEXTS, "Grüße aus Zürich", "naïve café", "Москва зимой", "今天天气很好", "don't stop-me now 1.5%"]
    np.testing.assert_allclose(OnnxTextEncoder(tmp_path / "model.onnx").encode(texts), minilm.encode(texts), atol=5e-6)


def test_name_and_collection_find_the_same_files_again(folder, tmp_path):
    folder, _, _ = folder
    elsewhere = tmp_path / "a place with spaces"
    elsewhere.mkdir()
    (folder / "vocab.txt").rename(elsewhere / "words.txt")
    given = OnnxTextEncoder(folder / "model.onnx", elsewhere / "words.txt", max_tokens=9)
    assert resolve(given.name).fingerprint == given.fingerprint
    assert resolve(given.name).name == given.name
    with vicinal.connect(tmp_path / "db") as db:
        db.collection("notes", encoder=given).add(["a"], texts=["gold prices"])
    with vicinal.connect(tmp_path / "db") as db:
        assert db.collection("notes").search("gold price")[0].id == "a"


def test_files_that_moved_are_the_same_encoder(folder, tmp_path):
    folder, _, _ = folder
    with vicinal.connect(tmp_path / "db") as db:
        db.collection("notes", encoder=OnnxTextEncoder(folder / "model.onnx")).add(["a"], texts=["gold"])
    moved = tmp_path / "moved"
    moved.mkdir()
    for name in ("model.onnx", "vocab.txt"):
        (folder / name).rename(moved / name)
    with vicinal.connect(tmp_path / "db") as db, pytest.raises(ModelUnavailable, match="there is no such file"):
        db.collection("notes").search("gold")
    with vicinal.connect(tmp_path / "db") as db:
        notes = db.collection("notes", encoder=OnnxTextEncoder(moved / "model.onnx"))
        assert notes.search("gold")[0].id == "a"


def test_another_model_in_the_same_place_is_refused(folder, tmp_path):
    folder, tokens, _ = folder
    with vicinal.connect(tmp_path / "db") as db:
        db.collection("notes", encoder=OnnxTextEncoder(folder / "model.onnx")).add(["a"], texts=["gold"])
    models.embedding(folder / "model.onnx", len(tokens) + 1)
    with vicinal.connect(tmp_path / "db") as db, pytest.raises(EncoderMismatch, match="other files"):
        db.collection("notes").search("gold")


def test_fingerprint_is_that_of_the_contents(folder, tmp_path):
    folder, _, _ = folder
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("model.onnx", "vocab.txt"):
        shutil.copy(folder / name, copy)
    first = OnnxTextEncoder(folder / "model.onnx").fingerprint
    assert OnnxTextEncoder(copy / "model.onnx").fingerprint == first
    (copy / "model.onnx_data").write_bytes(b"weights beside the model")
    assert OnnxTextEncoder(copy / "model.onnx").fingerprint != first
    (copy / "model.onnx_data").unlink()
    models.vocabulary(copy / "vocab.txt", [*WORDS[::-1]])
    assert OnnxTextEncoder(copy / "model.onnx").fingerprint != first


@pytest.mark.parametrize("option", ["", "::vocab.txt", "a::b::c", "a::b::3::4"])
def test_says_how_to_write_the_name(option):
    with pytest.raises(InvalidArgument, match=r"Write for example 'onnx:model\.onnx'"):
        resolve(f"onnx:{option}")


def test_a_device_that_is_absent_is_one_warning_and_the_truth(folder):
    import onnxruntime

    path = folder[0] / "model.onnx"
    for device in ("cuda", "directml"):
        if onnx_model.PROVIDERS[device] in onnxruntime.get_available_providers():
            continue
        with pytest.warns(RuntimeWarning, match=f"device='{device}' is not available .* runs on 'cpu'") as seen:
            encoder = OnnxTextEncoder(path, device=device)
        assert len(seen) == 1
        assert seen[0].filename == __file__
        assert encoder.device == "cpu"
        assert encoder.fingerprint == OnnxTextEncoder(path).fingerprint
    with pytest.raises(InvalidArgument, match="device must be one of 'cpu', 'cuda', 'directml'"):
        OnnxTextEncoder(path, device="gpu")


def test_num_threads_are_those_that_work(folder, tmp_path):
    """Counted in a separate process: onnxruntime keeps a pool of num_threads - 1 threads beside the caller."""
    if not sys.platform.startswith("linux"):
        pytest.skip("threads are counted in /proc")
    program = (
        "import os, sys; from vicinal.encoders import OnnxTextEncoder as E; import onnxruntime, tokenizers\n"
        "count = lambda: len(os.listdir('/proc/self/task'))\n"
        "E(sys.argv[1], num_threads=1); before = count(); kept = E(sys.argv[1], num_threads=5); print(count() - before)"
    )
    command = [sys.executable, "-c", program, str(folder[0] / "model.onnx")]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert int(done.stdout) == 4


@pytest.mark.parametrize("threads", [-1, 1.5, True, "2"])
def test_refuses_what_is_no_number_of_threads(folder, threads):
    with pytest.raises(InvalidArgument, match="num_threads must be a whole number"):
        OnnxTextEncoder(folder[0] / "model.onnx", num_threads=threads)


def test_a_file_that_is_no_model_is_named(folder):
    path = folder[0] / "model.onnx"
    whole = path.read_bytes()
    for content in (b"", b"this is no model", whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(
            ModelUnavailable, match=r"^.*model\.onnx: the file is not a model that onnxruntime can run \("
        ):
            OnnxTextEncoder(path)
    path.unlink()
    with pytest.raises(ModelUnavailable, match=r"model\.onnx: there is no such file"):
        OnnxTextEncoder(path)


def test_wrong_inputs_are_listed(tmp_path):
    models.vocabulary(tmp_path / "vocab.txt", WORDS)
    models.tower(tmp_path / "model.onnx")
    with pytest.raises(ModelUnavailable, match=r"token types, this one pixels tensor\(float\) \[1, 3, 224, 224\]\."):
        OnnxTextEncoder(tmp_path / "model.onnx")


@pytest.mark.parametrize("missing", ["[CLS]", "[SEP]", "[UNK]", "[PAD]"])
def test_a_vocabulary_without_a_special_token_is_refused(folder, missing):
    path = folder[0] / "vocab.txt"
    path.write_text(path.read_text().replace(missing, "other"))
    with pytest.raises(ModelUnavailable, match=rf"vocab\.txt: the vocabulary has no \[{missing[1:-1]}\]\. Give the"):
        OnnxTextEncoder(folder[0] / "model.onnx")


def test_a_vocabulary_that_cannot_be_read_is_named(folder):
    path = folder[0] / "vocab.txt"
    path.write_bytes(b"[PAD]\n\xff\xfe")
    with pytest.raises(ModelUnavailable, match=r"vocab\.txt: the vocabulary is not UTF-8 \(byte 6\)"):
        OnnxTextEncoder(folder[0] / "model.onnx")
    path.unlink()
    with pytest.raises(ModelUnavailable, match=r"vocab\.txt: the vocabulary cannot be read"):
        OnnxTextEncoder(folder[0] / "model.onnx")


def test_a_vocabulary_larger_than_the_model_fails_with_the_place(folder):
    folder, _, _ = folder
    models.vocabulary(folder / "vocab.txt", [*WORDS, "platinum"])
    encoder = OnnxTextEncoder(folder / "model.onnx")
    with pytest.raises(ModelUnavailable, match=r"model\.onnx: the model failed on input_ids \(1, 3\), "):
        encoder.encode(["platinum"])


def test_lines_with_carriage_returns(folder):
    folder, tokens, table = folder
    path = folder / "vocab.txt"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    vectors = OnnxTextEncoder(folder / "model.onnx").encode(ASCII_TEXTS)
    np.testing.assert_allclose(vectors, referee(ASCII_TEXTS, tokens, table), atol=1e-6)


def test_rows_without_a_direction():
    rows = onnx_model.unit_rows(np.array([[0.0, 0.0], [3.0, 4.0]]), "model")
    np.testing.assert_allclose(rows, [[0.5**0.5, 0.5**0.5], [0.6, 0.8]], rtol=1e-6)
    with pytest.raises(InvalidVector, match="returned NaN or infinity"):
        onnx_model.unit_rows(np.array([[0.0, np.nan]]), "model")


@pytest.mark.parametrize(("module", "package"), [(onnx_model, "onnxruntime"), (wordpiece, "tokenizers")])
def test_without_packages_the_error_is_the_install_line(folder, monkeypatch, module, package):
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=rf"needs the package '{package}'.*pip install 'vicinal\[onnx\]'"):
        OnnxTextEncoder(folder[0] / "model.onnx")


def test_the_choice_takes_the_model_that_is_named(folder):
    folder, _, _ = folder
    plain = choose_text_encoder(folder / "model.onnx", "", None)
    assert plain.name == f"onnx:{folder / 'model.onnx'}"
    for dimension in (8, 16, 512):
        encoder = choose_text_encoder(str(folder / "model.onnx"), str(folder / "vocab.txt"), dimension, num_threads=1)
        assert encoder.dim == dimension
        assert resolve(encoder.name).fingerprint == encoder.fingerprint
    with pytest.warns(RuntimeWarning, match="device='cuda' is not available"):
        choose_text_encoder(folder / "model.onnx", device="cuda")


@pytest.mark.parametrize("file", ["model.onnx", "vocab.txt"])
def test_files_that_a_collection_names_are_not_run_before_they_are_known(folder, tmp_path, monkeypatch, file):
    """A collection from an untrusted source may name any file of this machine."""
    folder = folder[0]
    with vicinal.connect(tmp_path / "db") as database:
        database.collection("docs", encoder=f"onnx:{folder / 'model.onnx'}").add(texts=["gold"])
    (folder / file).write_bytes((folder / file).read_bytes() + b" ")
    monkeypatch.setattr(onnx_model, "_open", lambda *_: pytest.fail("the file was run"))
    with vicinal.connect(tmp_path / "db") as database, pytest.raises(EncoderMismatch, match="other files"):
        database.collection("docs").search("gold")
    (folder / file).unlink()
    (folder / file).mkdir()
    with vicinal.connect(tmp_path / "db") as database, pytest.raises(EncoderMismatch, match="other files"):
        database.collection("docs").search("gold")


@pytest.mark.parametrize("inputs", [("input_ids", "attention_mask"), ("input_ids",)])
def test_a_tokenizer_of_another_kind_as_clip_has_it(tmp_path, inputs):
    tokenizer = models.byte_pairs(tmp_path / "tokenizer.json", ["a red circle", "the blue square", "reddish"] * 3)
    table = models.embedding(tmp_path / "text.onnx", tokenizer.get_vocab_size(), inputs=inputs, dim=8)
    encoder = OnnxTextEncoder(tmp_path / "text.onnx", tmp_path / "tokenizer.json", max_tokens=6)
    texts = ["A RED circle", "blue", "red red red red red red red red", ""]
    for text, vector in zip(texts, encoder.encode(texts)):
        ids = tokenizer.encode(text).ids
        ids = ids if len(ids) <= 6 else [*ids[:5], ids[-1]]
        mean = table[ids].mean(axis=0)
        np.testing.assert_allclose(vector, mean / np.linalg.norm(mean), atol=1e-5)
    assert encoder.count_tokens(["red red"]) == [len(tokenizer.encode("red red").ids) - 2]
    assert encoder.max_tokens == 4
    again = resolve(encoder.name)
    assert np.array_equal(again.encode(texts), encoder.encode(texts))
    assert again.fingerprint == encoder.fingerprint


@pytest.mark.parametrize("content", [b"", b"{}", b'{"model": 1}', b"\xff", None])
def test_what_is_no_tokenizer_is_refused(tmp_path, content):
    models.embedding(tmp_path / "text.onnx", 9)
    if content is not None:
        (tmp_path / "tokenizer.json").write_bytes(content)
    with pytest.raises(ModelUnavailable, match="tokenizer") as raised:
        OnnxTextEncoder(tmp_path / "text.onnx", tmp_path / "tokenizer.json")
    assert "tokenizer.json" in str(raised.value)
