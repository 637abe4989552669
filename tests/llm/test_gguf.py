"""A model from a file, in its own process: hostile files, crashes, kills, interrupts."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.gguf_models import TEMPLATE, write_model
from vicinal.errors import Closed, InvalidArgument, MissingExtra, ModelUnavailable
from vicinal.llm import GGUFModel, Sampling, can_run_gguf
from vicinal.llm.gguf_file import check_gguf

needs_llm = pytest.mark.skipif(not can_run_gguf(), reason="xllamacpp is not installed")
on_linux = pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="there is no /proc")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "noise.gguf")


def test_every_shorter_file_is_told(file: Path, tmp_path: Path) -> None:
    whole = file.read_bytes()
    check_gguf(file)
    cut = tmp_path / "cut.gguf"
    for size in [*range(0, 200), *range(200, len(whole) - 1, 997), len(whole) - 4]:
        cut.write_bytes(whole[:size])
        with pytest.raises(ModelUnavailable, match=r"cut short|damaged header|is not a GGUF model"):
            check_gguf(cut)


def test_flipped_headers_are_passed_or_told_and_quickly(file: Path, tmp_path: Path) -> None:
    whole, dice = file.read_bytes(), random.Random(3)
    header = whole.index(b"blk.0.ffn_down.weight")
    flipped = tmp_path / "flipped.gguf"
    began = time.process_time()
    told = 0
    for _ in range(300):
        changed = bytearray(whole)
        for _ in range(3):
            changed[dice.randrange(header)] = dice.choice([0, 0x7F, 0xFF, dice.randrange(256)])
        flipped.write_bytes(changed)
        try:
            check_gguf(flipped)
        except ModelUnavailable:
            told += 1
    assert told > 30
    assert time.process_time() - began < 20


@needs_llm
def test_a_flipped_file_ends_no_program(file: Path, tmp_path: Path) -> None:
    """A file that passes our check may still crash llama.cpp: then its process ends, and this one gets an error."""
    whole, dice = file.read_bytes(), random.Random(4)
    flipped = tmp_path / "flipped.gguf"
    for _ in range(12):
        changed = bytearray(whole)
        for _ in range(4):
            changed[dice.randrange(len(whole) // 4)] = dice.randrange(256)
        flipped.write_bytes(changed)
        with contextlib.suppress(ModelUnavailable), GGUFModel(flipped, context_tokens=256, threads=1) as model:
            model.complete("gold", Sampling(max_tokens=2))


@needs_llm
def test_a_shape_that_only_native_code_sees_is_told(file: Path, tmp_path: Path) -> None:
    odd = tmp_path / "odd.gguf"
    odd.write_bytes(file.read_bytes().replace(b"llama.block_count", b"llama.block_cnout"))
    with pytest.raises(ModelUnavailable, match=r"cannot be loaded: llama.cpp refused it: .*Download it again"):
        GGUFModel(odd)


@needs_llm
@on_linux
def test_a_killed_parent_leaves_no_model_behind(file: Path) -> None:
    program = f"""
import time
from vicinal.llm import GGUFModel
model = GGUFModel({str(file)!r}, context_tokens=256, threads=1)
print(model.process_id, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        process = Path(f"/proc/{int(parent.stdout.readline())}")
        parent.kill()
    deadline = time.monotonic() + 30
    while process.exists() and "\nState:\tZ" not in (process / "status").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@needs_llm
@on_linux
def test_an_interrupt_ends_the_request_and_not_the_model(file: Path) -> None:
    program = f"""
import os, signal, threading
from vicinal.llm import GGUFModel, Sampling
model = GGUFModel({str(file)!r}, context_tokens=8192, threads=1)
pieces = model.stream("gold", Sampling(max_tokens=8000))
next(pieces)
try:
    threading.Timer(0, os.kill, (os.getpid(), signal.SIGINT)).start()
    for piece in pieces:
        pass
    print("whole")
except KeyboardInterrupt:
    pieces.close()  # it may have come between two pieces
    print(model.complete("gold", Sampling(max_tokens=3)).tokens_generated)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "3\n", "")


@needs_llm
def test_a_prompt_begins_with_one_begin_token(tmp_path: Path) -> None:
    plain = write_model(tmp_path / "plain.gguf")
    marked = write_model(tmp_path / "marked.gguf", template="{{ bos_token }}" + TEMPLATE)
    counts = []
    for path in (plain, marked):
        with GGUFModel(path, context_tokens=256, threads=1) as model:
            counts.append(model.chat([("user", "gold")], Sampling(max_tokens=1)).tokens_prompt)
    assert counts[0] == counts[1]


@needs_llm
def test_a_model_without_a_template_gets_chatml(tmp_path: Path) -> None:
    with GGUFModel(write_model(tmp_path / "base.gguf", template=None), context_tokens=256, threads=1) as model:
        assert model.templated([("user", "gold")]) == "<|im_start|>user\ngold<|im_end|>\n<|im_start|>assistant\n"


@needs_llm
def test_nobody_without_the_key_is_answered(file: Path) -> None:
    httpx = pytest.importorskip("httpx", reason="httpx is not installed")
    with GGUFModel(file, context_tokens=256, threads=1) as model:
        host, port = model._address
        assert host == "127.0.0.1"
        url = f"http://{host}:{port}/completion"
        for headers in ({}, {"authorization": "Bearer guess"}):
            assert httpx.post(url, json={"prompt": "x"}, headers=headers, trust_env=False).status_code == 401


@needs_llm
def test_a_module_of_the_users_folder_is_not_run(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "xllamacpp.py").write_text("raise SystemExit('run')")
    monkeypatch.chdir(tmp_path)
    with GGUFModel(file, context_tokens=256, threads=1) as model:
        assert model.count_tokens("gold")


@needs_llm
def test_a_closed_model_says_so(file: Path) -> None:
    model = GGUFModel(file, context_tokens=256, threads=1)
    process = model.process_id
    assert process
    model.close()
    model.close()
    model.cancel()
    assert "closed" in repr(model)
    assert (model.process_id, model.log()) == (None, "")
    with pytest.raises(ProcessLookupError):
        os.kill(process, signal.SIG_DFL)
    for call in (model.generate, model.complete, model.count_tokens, lambda text: next(model.stream(text))):
        with pytest.raises(Closed, match=r"the model is closed\. Load it again"):
            call("gold")


@needs_llm
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"context_tokens": 0}, "context_tokens must be a whole number of at least 1"),
        ({"batch_tokens": 1.5}, "batch_tokens must be"),
        ({"threads": -1}, "threads must be"),
        ({"gpu_layers": "all"}, "gpu_layers must be"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(file: Path, settings: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        GGUFModel(file, **settings)  # type: ignore[arg-type]


def test_without_the_extra_the_remedy_is_named(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    assert not can_run_gguf()
    with pytest.raises(MissingExtra, match=r"pip install 'vicinal\[llm\]'"):
        GGUFModel(file)
