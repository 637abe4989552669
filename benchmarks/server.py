"""The server under load from another process.

    python -m benchmarks.server kill --seconds 60      search and upsert, one worker is killed; also an empty route
    python -m benchmarks.server peers --seconds 20     searches, compared with `chroma run` and a Milvus server

`peers` starts the programs that it is given: --chroma names the program `chroma`, --milvus the program `milvus-server`
of the package milvus 2.3.5. Results are written to benchmarks/results/server-*.json.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from . import load
from .data import PARTS, Data, default_source, make, true_best
from .load import Load, Sent, request

RESULTS = Path(__file__).parent / "results"
DOCS = "/v1/collections/docs"
CONNECTIONS = 32
WORKERS = 2
K = 10
BELOW = PARTS * 7 // 100  # a filter of 7 %
_BATCH = 1000
_START_SECONDS = 120.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("line", choices=("kill", "peers"))
    parser.add_argument("--rows", type=int, default=60_000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rounds", type=int, default=3, help="of peers, in turns")
    parser.add_argument("--data", default=default_source())
    parser.add_argument("--index", default="flat", help="of Vicinal's collection: a name, or JSON with options")
    parser.add_argument("--chroma", type=Path)
    parser.add_argument("--milvus", type=Path)
    options = parser.parse_args()
    data = make(options.data, options.rows)
    with tempfile.TemporaryDirectory(prefix="vicinal-load-") as folder:
        found = kill(options, data, Path(folder)) if options.line == "kill" else peers(options, data, Path(folder))
    found |= {
        "rows": options.rows,
        "data": data.name,
        "connections": CONNECTIONS,
        "workers": WORKERS,
        "index": options.index,
    }
    found |= {"seconds": options.seconds, "processors": os.cpu_count(), "load": os.getloadavg()[0]}
    print(json.dumps(found, indent=1))
    (RESULTS / f"server-{options.line}.json").write_text(json.dumps(found, indent=1) + "\n")


# -- a worker is killed


def kill(options: argparse.Namespace, data: Data, folder: Path) -> dict[str, Any]:
    """Search and upsert while one worker is killed; before that, an empty route and only searches, alternating."""
    with vicinal_server(folder) as (port, log):
        fill_vicinal(port, data, options.index)
        alone = rounds(options, port, data)
        before = vicinal_counts(port)
        acknowledged: dict[str, int] = {}
        mixed = with_a_kill(options.seconds, port, data, log, acknowledged)
        lost = [id_ for id_, number in acknowledged.items() if number_of(port, id_) < number]
        counted = {name: count - before[name] for name, count in vicinal_counts(port).items()}
    searched, empty = alone["search"], alone["empty"]
    answered = {f"{name} {status}": count for (name, status), count in sorted(mixed.answered.items())}
    return {
        "mixed": answered,
        "broken": mixed.broken,
        "acknowledged_rows": len(acknowledged),
        "lost_rows": len(lost),
        "counted_by_server": counted,
        "searches_a_second": round(mixed.rate("search")),
        "upserts_a_second": round(mixed.rate("upsert")),
        "search_p50_ms": round(mixed.percentile("search", 0.5) * 1e3, 2),
        "search_p99_ms": round(mixed.percentile("search", 0.99) * 1e3, 2),
        "upsert_p50_ms": round(mixed.percentile("upsert", 0.5) * 1e3, 2),
        "upsert_p99_ms": round(mixed.percentile("upsert", 0.99) * 1e3, 2),
        "alone_searches_a_second": searched,
        "empty_requests_a_second": empty,
        "share_of_empty": [round(a / b, 3) for a, b in zip(searched, empty)],
    }


def with_a_kill(seconds: float, port: int, data: Data, log: Path, acknowledged: dict[str, int]) -> Load:
    """One request in twenty writes a row of its own connection; halfway through, a worker is killed."""
    chooser, searches = random.Random(1), vicinal_searches(port, data)
    numbers = [0] * CONNECTIONS
    killed_at = time.perf_counter() + seconds / 2
    killed: list[int] = []

    def next_request(connection: int) -> Sent:
        if not killed and time.perf_counter() > killed_at:
            killed.append(workers_of(log)[0])
            os.kill(killed[0], signal.SIGKILL)
        if chooser.random() >= 0.05:
            return chooser.choice(searches)
        numbers[connection] += 1
        id_, number = f"own {connection}", numbers[connection]
        row = {
            "ids": [id_],
            "vectors": [packed(data.queries[connection])],
            "metadata": [{"number": number, "part": -1}],
        }
        made = request("upsert", f"127.0.0.1:{port}", "POST", f"{DOCS}/upsert", row)
        return Sent(made.name, made.data, lambda _: acknowledged.__setitem__(id_, number))

    return load.run("127.0.0.1", port, next_request, CONNECTIONS, seconds)


def rounds(options: argparse.Namespace, port: int, data: Data) -> dict[str, list[float]]:
    """Searches and an empty route, alternating, a few seconds each."""
    host = f"127.0.0.1:{port}"
    kinds = {"empty": [request("empty", host, "GET", "/healthz")], "search": vicinal_searches(port, data)}
    rates: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(options.rounds):
        for name, requests in kinds.items():
            found = load.run("127.0.0.1", port, load.taken_from(requests), CONNECTIONS, min(5.0, options.seconds))
            rates[name].append(round(found.rate(name)))
    return rates


def number_of(port: int, id_: str) -> int:
    [record] = post(port, f"{DOCS}/get", {"ids": [id_]})["records"]
    return int(record["metadata"]["number"])


def vicinal_counts(port: int) -> dict[str, float]:
    """Returns the counts of searches and upserts from /metrics."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    wanted = [line for line in lines if line.startswith("vicinal_requests_total") and 'collection="docs"' in line]
    return {
        f"{call} 200": sum(float(line.split()[-1]) for line in wanted if f'.{call}",status="200"' in line)
        for call in ("search", "upsert")
    }


# -- other servers


def peers(options: argparse.Namespace, data: Data, folder: Path) -> dict[str, Any]:
    """Searches the same rows with the same generator; all servers run at once, and are loaded in turn."""
    asked: dict[str, tuple[int, dict[str, list[Sent]], Callable[[bytes], list[int]]]] = {}
    with contextlib.ExitStack() as stack:
        port, _ = stack.enter_context(vicinal_server(folder / "vicinal"))
        fill_vicinal(port, data, options.index)
        searches = {"all": vicinal_searches(port, data), "7 %": vicinal_searches(port, data, BELOW)}
        asked["vicinal"] = port, searches, lambda body: [int(hit["id"]) for hit in json.loads(body)["hits"]]
        if options.chroma is not None:
            port = stack.enter_context(chroma_server(options.chroma, folder / "chroma"))
            asked["chroma"] = port, fill_chroma(port, data), lambda body: [int(i) for i in json.loads(body)["ids"][0]]
        if options.milvus is not None:
            port = stack.enter_context(milvus_server(options.milvus, folder / "milvus"))
            asked["milvus"] = (
                port,
                fill_milvus(port, data),
                lambda body: [int(h["number"]) for h in json.loads(body)["data"]],
            )
        return measured(options, data, asked)


def measured(options: argparse.Namespace, data: Data, asked: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for what, below in (("all", None), ("7 %", BELOW)):
        truth, _ = true_best(data, len(data.queries), K, below)
        rows: dict[str, Any] = {name: {"searches_a_second": [], "p50_ms": [], "p99_ms": []} for name in asked}
        for name, (port, searches, ids_of) in asked.items():
            rows[name]["recall"] = recall(port, searches[what], ids_of, truth)
        for _ in range(options.rounds):
            for name, (port, searches, _ids) in asked.items():
                requests = load.taken_from(searches[what])
                done = load.run("127.0.0.1", port, requests, CONNECTIONS, options.seconds / options.rounds)
                assert {status for _, status in done.answered} == {200}, (name, done.answered)
                rows[name]["searches_a_second"].append(round(done.rate("search"), 1))
                rows[name]["p50_ms"].append(round(done.percentile("search", 0.5) * 1e3, 2))
                rows[name]["p99_ms"].append(round(done.percentile("search", 0.99) * 1e3, 2))
        ours = rows["vicinal"]["searches_a_second"]
        for name in rows.keys() - {"vicinal"}:
            theirs = rows[name]["searches_a_second"]
            rows[name]["times_as_many_by_vicinal"] = [round(a / b, 2) for a, b in zip(ours, theirs)]
        found[what] = rows
    return found


def recall(port: int, searches: list[Sent], ids_of: Callable[[bytes], list[int]], truth: list[list[int]]) -> float:
    """Returns the share of the exact hits that is found."""
    hit = 0
    with socket.create_connection(("127.0.0.1", port)) as connection:
        file = connection.makefile("rb")
        for sent, best in zip(searches, truth):
            connection.sendall(sent.data)
            hit += len(set(ids_of(_body(file))) & set(best))
    return round(hit / sum(map(len, truth)), 4)


def _body(file: Any) -> bytes:
    length = None
    while line := file.readline().strip().lower():
        if line.startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    if length is not None:
        return bytes(file.read(length))
    body = b""
    while size := int(file.readline().strip(), 16):
        body += file.read(size)
        file.readline()
    file.readline()
    return body


# -- our server


@contextlib.contextmanager
def vicinal_server(folder: Path) -> Iterator[tuple[int, Path]]:
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "log"
    command = [sys.executable, "-m", "vicinal", "serve", str(folder / "data"), "--port=0", f"--workers={WORKERS}"]
    with (
        log.open("w") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline().split("http://127.0.0.1:")[1].split()[0])
            until(lambda: len(workers_of(log)) == WORKERS, "the workers")
            yield port, log
        finally:
            process.terminate()
            process.wait()
            shown = [line for line in log.read_text().splitlines() if '"worker st' not in line]
            print(*shown[-20:], sep="\n", file=sys.stderr)


def workers_of(log: Path) -> list[int]:
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return [line["worker"] for line in lines if line["event"] == "worker started"]


def fill_vicinal(port: int, data: Data, index: str) -> None:
    chosen = json.loads(index) if index.startswith("{") else index
    call(port, "PUT", DOCS, {"dimension": data.vectors.shape[1], "index": chosen})
    for rows in data.batches(len(data.vectors), _BATCH):
        ids = list(range(rows.start, rows.start + len(rows.vectors)))
        vectors = {**packed(rows.vectors), "dimension": data.vectors.shape[1]}
        post(port, f"{DOCS}/upsert", {"ids": ids, "vectors": vectors, "texts": rows.texts, "metadata": rows.metadata})
    for _ in range(4 * WORKERS):  # each connection may reach another worker
        post(port, f"{DOCS}/wait_indexed", {"seconds": 600})


def vicinal_searches(port: int, data: Data, below: int | None = None) -> list[Sent]:
    where = {} if below is None else {"where": {"part": {"$lt": below}}}
    host = f"127.0.0.1:{port}"
    return [
        request("search", host, "POST", f"{DOCS}/search", {"query": packed(query), "k": K, **where})
        for query in data.queries
    ]


def packed(vectors: Any) -> dict[str, str]:
    return {"$float32": base64.b64encode(np.ascontiguousarray(vectors, "<f4").tobytes()).decode()}


# -- Chroma


@contextlib.contextmanager
def chroma_server(program: Path, folder: Path) -> Iterator[int]:
    port = free_port()
    command = [str(program), "run", "--path", str(folder), "--port", str(port), "--host", "127.0.0.1"]
    with running(command, lambda: get(port, "/api/v2/heartbeat")):
        yield port


def fill_chroma(port: int, data: Data) -> dict[str, list[Sent]]:
    base = "/api/v2/tenants/default_tenant/databases/default_database/collections"
    made = post(port, base, {"name": "docs", "configuration": {"hnsw": {"space": "cosine"}}})
    path = f"{base}/{made['id']}"
    for rows in data.batches(len(data.vectors), _BATCH):
        ids = [str(i) for i in range(rows.start, rows.start + len(rows.vectors))]
        body = {"ids": ids, "embeddings": rows.vectors.tolist(), "documents": rows.texts, "metadatas": rows.metadata}
        post(port, f"{path}/add", body)
    host = f"127.0.0.1:{port}"

    def searches(**more: Any) -> list[Sent]:
        include = ["documents", "metadatas", "distances"]
        return [
            request(
                "search", host, "POST", f"{path}/query",
                {"query_embeddings": [query.tolist()], "n_results": K, "include": include, **more},
            )
            for query in data.queries
        ]  # fmt: skip

    return {"all": searches(), "7 %": searches(where={"part": {"$lt": BELOW}})}


# -- Milvus


@contextlib.contextmanager
def milvus_server(program: Path, folder: Path) -> Iterator[int]:
    port = free_port()
    folder.mkdir(parents=True)
    command = [str(program), "--data", str(folder), "--proxy-port", str(port)]
    with running(command, lambda: get(port, "/v1/vector/collections")):
        yield port


def fill_milvus(port: int, data: Data) -> dict[str, list[Sent]]:
    """Uses its REST interface, which creates its own ids; our ids and the metadata are in dynamic fields."""
    made = {"collectionName": "docs", "dimension": data.vectors.shape[1], "metricType": "COSINE", "primaryField": "id"}
    post(port, "/v1/vector/collections/create", {**made, "vectorField": "vector"})
    for rows in data.batches(len(data.vectors), 200):
        listed = [
            {"number": rows.start + i, "vector": vector.tolist(), "text": text, **metadata}
            for i, (vector, text, metadata) in enumerate(zip(rows.vectors, rows.texts, rows.metadata))
        ]
        answer = post(port, "/v1/vector/insert", {"collectionName": "docs", "data": listed})
        assert answer["code"] == 200, answer
    host = f"127.0.0.1:{port}"

    def searches(**more: Any) -> list[Sent]:
        fields = ["number", "text", *data.metadata[0]]
        return [
            request(
                "search", host, "POST", "/v1/vector/search",
                {"collectionName": "docs", "vector": query.tolist(), "limit": K, "outputFields": fields, **more},
            )
            for query in data.queries
        ]  # fmt: skip

    return {"all": searches(), "7 %": searches(filter=f"part < {BELOW}")}


# -- all of them


@contextlib.contextmanager
def running(command: list[str], ready: Callable[[], Any]) -> Iterator[None]:
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            until(lambda: answers(ready), command[0])
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()


def answers(ready: Callable[[], Any]) -> bool:
    try:
        ready()
    except (OSError, urllib.error.URLError, ValueError):
        return False
    return True


def until(ready: Callable[[], bool], what: str) -> None:
    ends = time.monotonic() + _START_SECONDS
    while not ready():
        if time.monotonic() > ends:
            raise RuntimeError(f"{what} did not start")
        time.sleep(0.1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def get(port: int, path: str) -> Any:
    return call(port, "GET", path, None)


def post(port: int, path: str, body: Any) -> Any:
    return call(port, "POST", path, body)


def call(port: int, verb: str, path: str, body: Any) -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers = {"content-type": "application/json"}
    asked = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=data, method=verb, headers=headers)
    with urllib.request.urlopen(asked, timeout=300) as answer:
        return json.loads(answer.read() or b"null")


if __name__ == "__main__":
    main()
