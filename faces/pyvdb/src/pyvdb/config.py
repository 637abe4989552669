"""`DatabaseConfig`: the settings of a database and how it is opened."""

from __future__ import annotations

from vicinal.inputs import checks

from .enums import Device, DistanceMetric
from .fields import Attributes, Field, PathField


class DatabaseConfig(Attributes):
    """Configuration of a `VectorDatabase`, which copies it.

    Attributes:
        path: the folder; str or os.PathLike.
        dimension: components of each vector, at least 1.
        metric: how vectors are compared.
        hnsw_m, hnsw_ef_construction, hnsw_ef_search: of a graph index. Search is exact, which no graph can improve on,
            so these are kept and reported but have no effect on results.
        max_elements: a hint of the expected size; not a limit.
        text_model_path: an ONNX text model, or the name of one of Vicinal's encoders, such as "hashing". Ignored if it
            does not exist.
        image_model_path: an ONNX image model.
        vocab_path: the vocabulary of the text model.
        num_threads: threads of an ONNX model; 0 lets it decide.
        memory_only: no file is created, and the data is lost with the handle.
        auto_sync: a write that has returned survives power loss. If False, it survives the end of the process, and
            power loss only after `sync()` has returned.
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
