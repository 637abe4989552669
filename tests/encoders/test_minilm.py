import json
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from vicinal import models
from vicinal.encoders import MiniLM
from vicinal.encoders import minilm as module
from vicinal.encoders import minilm_files as files
from vicinal.errors import MissingExtra, ModelUnavailable

REFERENCE = Path(__file__).parent / "minilm"
TEXTS = json.loads((REFERENCE / "texts.json").read_text(encoding="utf-8"))


def cosines(one, other):
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return np.einsum("ij,ij->i", one, other) / lengths


def test_gives_the_vectors_of_sentence_transformers(minilm):
    reference = np.load(REFERENCE / "vectors.f16.npy").astype(np.float32)
    assert len(TEXTS) == len(reference) == 1000
    assert cosines(minilm.encode(TEXTS), reference).min() >= 0.99999


def test_rows_have_length_one(minilm):
    np.testing.assert_allclose(np.linalg.norm(minilm.encode(TEXTS[:100]), axis=1), 1, rtol=1e-6)


def test_text_beyond_256_tokens_is_cut(minilm):
    cut, longer = minilm.encode(["word " * 254, "word " * 254 + "and something else"])
    np.testing.assert_allclose(cut, longer, atol=2e-6)


def test_windows_of_a_long_list_do_not_show(minilm, monkeypatch):
    texts = TEXTS[:60]
    whole = minilm.encode(texts)
    monkeypatch.setattr(module, "_TEXTS_PER_WINDOW", 7)
    monkeypatch.setattr(module, "_TOKENS_PER_BATCH", 50)
    np.testing.assert_allclose(minilm.encode(texts), whole, atol=2e-6)


def test_meaning_brings_texts_together(minilm):
    car, automobile, mushroom = minilm.encode(["car", "automobile", "mushroom"])
    assert car @ automobile > 0.7 > car @ mushroom


def test_folder_is_path_then_environment_then_cache_then_package(minilm, monkeypatch, tmp_path):
    found = files.find_folder(None)
    monkeypatch.setenv(files.PATH_VARIABLE, "from-environment")
    assert files.find_folder(Path("from-argument")) == Path("from-argument")
    assert files.find_folder(None) == Path("from-environment")
    monkeypatch.delenv(files.PATH_VARIABLE)
    assert files.find_folder(None) == found
    monkeypatch.setenv("VICINAL_MODELS_PATH", str(tmp_path))
    models.add("minilm", path=found)
    assert files.find_folder(None) == tmp_path / "minilm"
    (tmp_path / "minilm" / files.TOKENIZER_FILE).unlink()  # incomplete: as if it were not there
    package = SimpleNamespace(submodule_search_locations=["site/package"])
    monkeypatch.setattr(files, "find_spec", lambda name: package)
    assert files.find_folder(None) == Path("site/package/model")


def test_without_weights_the_error_is_the_line_that_fetches_them(monkeypatch, tmp_path):
    monkeypatch.delenv(files.PATH_VARIABLE, raising=False)
    monkeypatch.setattr(files, "require_packages", lambda: None)
    monkeypatch.setattr(files, "find_spec", lambda package: None)
    monkeypatch.setenv("VICINAL_MODELS_PATH", str(tmp_path))
    assert not MiniLM.available()
    with pytest.raises(ModelUnavailable, match="vicinal models add minilm"):
        MiniLM().encode(["text"])


@pytest.mark.parametrize("package", ["tokenizers", "safetensors"])
def test_without_packages_the_error_is_the_install_line(monkeypatch, package):
    monkeypatch.setattr(files, "find_spec", lambda name: None if name == package else object())
    assert not MiniLM.available()
    with pytest.raises(MissingExtra, match=rf"needs the package '{package}'.*pip install 'vicinal\[minilm\]'"):
        MiniLM().encode(["text"])


def test_a_folder_that_is_named_is_the_only_one_searched(minilm, tmp_path):
    assert not MiniLM.available(tmp_path)
    with pytest.raises(ModelUnavailable, match=r"tokenizer\.json: a file of encoder 'minilm' cannot be read"):
        MiniLM(tmp_path).encode(["text"])


@pytest.mark.parametrize("name", [files.MODEL_FILE, files.TOKENIZER_FILE])
def test_a_changed_file_is_refused(minilm, tmp_path, name):
    shutil.copytree(files.find_folder(None), tmp_path, dirs_exist_ok=True)
    changed = bytearray((tmp_path / name).read_bytes())
    changed[-2] ^= 1
    (tmp_path / name).write_bytes(changed)
    with pytest.raises(ModelUnavailable, match=f"{name}: the file is not the published one: its SHA-256 is"):
        MiniLM(tmp_path).load()


def test_threads_that_come_first_together_load_once(monkeypatch, tmp_path):
    loads = []

    class SlowModel:
        def __init__(self, folder):
            time.sleep(0.05)
            loads.append(folder)

    monkeypatch.setattr(module, "_Model", SlowModel)
    monkeypatch.setattr(files, "require_packages", lambda: None)
    together = threading.Barrier(4)

    def load(_):
        together.wait()
        MiniLM(tmp_path).load()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(load, range(4)))
    assert loads == [tmp_path]
    module._models.pop(tmp_path)


def test_fingerprint_and_name_need_no_weights(tmp_path):
    encoder = MiniLM(tmp_path)
    assert (encoder.name, encoder.dim) == ("minilm", 384)
    assert encoder.fingerprint == MiniLM().fingerprint  # other bytes than the published would be refused


def test_another_device_is_a_warning_and_the_truth():
    with pytest.warns(RuntimeWarning, match="runs on the CPU only; device='cuda'"):
        encoder = MiniLM(device="cuda")
    assert encoder.device == "cpu"
