"""The process that runs a GGUF model: a crash of native code ends only this process, and its end frees all memory.

It is started as a file, reads its settings as one line of JSON, prints where it listens (on this machine only, and only
for clients that have the key), and ends when its standard input does, however its parent ended.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from typing import Any


def main() -> None:
    settings = json.loads(sys.stdin.readline())
    xllamacpp: Any = import_module("xllamacpp")
    try:
        server = xllamacpp.Server(_parameters(xllamacpp, settings))
    except Exception as error:
        print(json.dumps({"error": str(error)}), flush=True)
        sys.exit(1)
    print(json.dumps({"url": server.listening_address}), flush=True)
    sys.stdin.read()
    os._exit(0)  # it has nothing to save, and shutting down llama.cpp's server can wait for its own threads


def _parameters(xllamacpp: Any, settings: dict[str, Any]) -> Any:
    made = xllamacpp.CommonParams()
    made.model.path = settings["path"]
    made.n_ctx = settings["context_tokens"]
    made.n_batch = made.n_ubatch = settings["batch_tokens"]
    made.n_gpu_layers = settings["gpu_layers"]
    made.cpuparams.n_threads = made.cpuparams_batch.n_threads = settings["threads"] or -1
    modes = xllamacpp.llama_load_mode
    made.load_mode = {
        (False, False): modes.LLAMA_LOAD_MODE_NONE, (True, False): modes.LLAMA_LOAD_MODE_MMAP,
        (False, True): modes.LLAMA_LOAD_MODE_MLOCK, (True, True): modes.LLAMA_LOAD_MODE_MMAP_MLOCK,
    }[settings["mmap"], settings["mlock"]]  # fmt: skip
    made.api_keys = [settings["key"]]
    made.hostnames = ["127.0.0.1"]
    made.port = 0
    made.ui = made.endpoint_slots = made.warmup = False
    made.fit_params = False  # it would choose another context size than requested
    made.cache_ram_mib = 0
    made.verbosity = settings["verbosity"]
    return made


if __name__ == "__main__":
    main()
