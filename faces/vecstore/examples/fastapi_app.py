"""A store behind HTTP.

    pip install fastapi uvicorn
    VECSTORE_PATH=./my_store python fastapi_app.py

Then: curl -X POST localhost:8000/upsert -H 'content-type: application/json' \\
           -d '{"id": "a", "vector": [1, 0], "metadata": {"n": 1}}'
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from vecstore import VecStore

try:
    import uvicorn
    from fastapi import FastAPI, HTTPException, Request
    from fastapi.responses import JSONResponse
    from pydantic import BaseModel, Field
except ImportError as error:
    sys.exit(f"This example needs {error.name}. Install it with: pip install fastapi uvicorn")


class Upsert(BaseModel):
    id: str = Field(min_length=1)
    vector: list[float] = Field(min_length=1)
    metadata: dict[str, Any] = {}


class Query(BaseModel):
    vector: list[float] = Field(min_length=1)
    k: int = Field(default=10, ge=0, le=1000)
    filter: str | None = None


class Result(BaseModel):
    id: str
    score: float
    metadata: dict[str, Any]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    with VecStore(os.environ.get("VECSTORE_PATH", "./vecstore_data")) as store:
        app.state.store = store
        yield


app = FastAPI(title="vecstore", lifespan=lifespan)


def store_of(request: Request) -> VecStore:
    store: VecStore = request.app.state.store
    return store


@app.exception_handler(ValueError)
async def refuse(request: Request, error: ValueError) -> JSONResponse:
    """Errors of the store are the caller's mistakes, and the message says which."""
    return JSONResponse({"detail": str(error)}, status_code=400)


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}


# These are plain functions, so they run in threads, which may share a store.
@app.post("/upsert")
def upsert(record: Upsert, request: Request) -> dict[str, str]:
    store_of(request).upsert(record.id, record.vector, record.metadata)
    return {"id": record.id}


@app.post("/query")
def query(asked: Query, request: Request) -> list[Result]:
    found = store_of(request).query(asked.vector, asked.k, asked.filter)
    return [Result(id=result.id, score=result.score, metadata=result.metadata) for result in found]


@app.delete("/vectors/{id:path}")
def delete(id: str, request: Request) -> dict[str, str]:
    try:
        store_of(request).remove(id)
    except ValueError as error:
        if "ID not found" not in str(error):
            raise
        raise HTTPException(404, str(error)) from error
    return {"deleted": id}


@app.get("/stats")
def stats(request: Request) -> dict[str, Any]:
    store = store_of(request)
    return {"vectors": len(store), "snapshots": [name for name, _, _ in store.list_snapshots()]}


@app.post("/optimize")
def optimize(request: Request) -> dict[str, int]:
    return {"reclaimed": store_of(request).optimize()}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
