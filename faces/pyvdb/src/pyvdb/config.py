"""`DatabaseConfig`: what a database is and how it is opened."""

from __future__ import annotations

from vicinal.inputs import checks

from .enums import Device, DistanceMetric
from .fields import Attributes, Field, PathField


class DatabaseConfig(Attributes):
    """Configuration of a `VectorDatabase`, which takes a copy of it.

    Attributes:
        path: the folder; str or os.PathLike.
        dimension: components of each vector, at least 1.
        metric: how vectors are compared.
        hnsw_m, hnsw_ef_construction, hnsw_ef_search: of a graph index. Search is exact, which no setting of a graph
            improves on, so they are kept and reported but change no answer.
        max_elements: a hint of the size to expect; no limit.
        text_model_path: an ONNX text model, or the name of one of Vicinal's encoders, such as "hashing". What does
            not exist is ignored.
        image_model_path: an ONNX image model.
        vocab_path: the text model's vocabulary.
        num_threads: threads of an ONNX model; 0 lets it decide.
        memory_only: no file is made, and the data goes with the handle.
        auto_sync: a write that returned survives a power failure. False: it survives the end of the process, and a
            power cut once `sync()` returned.
        device: where an ONNX model runs.
    """

    __slots__ = ()

    path = PathField()
    dimension = Field[int](checks.unsigned, 512)
    metric = Field[DistanceMetric](checks.member(DistanceMetric), DistanceMetric.Cosine)
    hnsw_m = Field[int](checks.unsigned, 16)
    hnsw_ef_construction = Field[int](checks.unsigned, 200)
    hnsw_ef_search = Field[int](checks.unsigned, 50)
    max_elements = Field[int](checks.unsigned, 1_000_000)
    text_model_path = PathField()
    image_model_path = PathField()
    vocab_path = PathField()
    num_threads = Field[int](checks.unsigned, 0)
    memory_only = Field[bool](checks.flag, False)
    auto_sync = Field[bool](checks.flag, True)
    device = Field[Device](checks.member(Device), Device.CPU)
