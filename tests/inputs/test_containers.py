"""Any container of vectors is read as the numbers in it, or rejected by name; never read as other numbers."""

from __future__ import annotations

import array
import mmap
from collections import deque
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal.errors import InvalidArgument, InvalidVector, VicinalError
from vicinal.inputs.containers import one_vector, vectors_in

MATRIX = [[1.0, 3.0], [2.0, 4.0]]  # not its own transpose
FLOATS = np.array(MATRIX, np.float32)
COLUMNS = {"a": [1.0, 2.0], "b": [3.0, 4.0]}


@pytest.fixture
def docs() -> Iterator[vicinal.Collection]:
    with vicinal.connect(":memory:") as db:
        yield db.collection("docs")


def stored(docs: vicinal.Collection) -> list[Any]:
    return [None if record.vector is None else record.vector.tolist() for record in docs.get(vectors=True)]


class OnlyArrayInterface:
    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.__array_interface__ = inner.__array_interface__


class OnlyDlpack:
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __dlpack__(self, **options: Any) -> Any:
        return self._inner.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self._inner.__dlpack_device__()


class OnlyArrowStream:
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self._inner.__arrow_c_stream__(requested_schema)


class OnlyArrowArray:
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __arrow_c_array__(self, requested_schema: Any = None) -> Any:
        return self._inner.__arrow_c_array__(requested_schema)


def swapped() -> Any:
    return FLOATS.astype(FLOATS.dtype.newbyteorder())


def read_only() -> Any:
    return np.frombuffer(FLOATS.tobytes(), np.float32).reshape(2, 2)


def with_offset(arrow: Any) -> Any:
    return arrow.array([[9.0, 9.0], *MATRIX, [7.0]])[1:3]


def in_chunks(arrow: Any) -> Any:
    return arrow.chunked_array([arrow.array(MATRIX[:1]), arrow.array([], arrow.list_(arrow.float64())), MATRIX[1:]])


def tensors(arrow: Any) -> Any:
    kind = arrow.fixed_shape_tensor(arrow.float32(), (2,))
    return arrow.ExtensionArray.from_storage(kind, arrow.array(MATRIX, arrow.list_(arrow.float32(), 2)))


# Name, the library that is needed, and a function that converts to its type.
TAKEN: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "Fortran order": ("numpy", lambda np: np.asfortranarray(FLOATS)),
    "a strided view": ("numpy", lambda np: np.repeat(FLOATS, 3, axis=1)[:, ::3]),
    "the other byte order": ("numpy", lambda np: swapped()),
    "read-only": ("numpy", lambda np: read_only()),
    "an array of objects": ("numpy", lambda np: np.array(MATRIX, object)),
    "an array of arrays": ("numpy", lambda np: np.array([*map(np.array, MATRIX), None], object)[:2]),
    "a matrix of NumPy": ("numpy", lambda np: FLOATS.view(np.matrix)),
    "a mask that masks nothing": ("numpy", lambda np: np.ma.array(MATRIX, mask=False)),
    "__array_interface__ alone": ("numpy", lambda np: OnlyArrayInterface(FLOATS)),
    "DLPack alone": ("numpy", lambda np: OnlyDlpack(FLOATS)),
    "rows by DLPack": ("numpy", lambda np: [OnlyDlpack(row) for row in FLOATS]),
    "a memoryview": ("numpy", lambda np: memoryview(FLOATS)),
    "a cast memoryview": ("numpy", lambda np: memoryview(FLOATS.tobytes()).cast("f", (2, 2))),
    "a deque": ("numpy", lambda np: deque(MATRIX)),
    "values of a dict": ("numpy", lambda np: dict(enumerate(MATRIX)).values()),
    "a generator": ("numpy", lambda np: (row for row in MATRIX)),
    "rows as array.array": ("numpy", lambda np: [array.array("f", row) for row in MATRIX]),
    "rows as memoryviews": ("numpy", lambda np: [memoryview(array.array("d", row)) for row in MATRIX]),
    "decimals and fractions": ("numpy", lambda np: [[Decimal(1), Fraction(3)], [2, Decimal("4.0")]]),
    "bfloat16": ("ml_dtypes", lambda ml: np.array(MATRIX, ml.bfloat16)),
    "rows of bfloat16": ("ml_dtypes", lambda ml: [np.array(row, ml.bfloat16) for row in MATRIX]),
    "float8": ("ml_dtypes", lambda ml: np.array(MATRIX, ml.float8_e4m3fn)),
    "a sparse matrix": ("scipy.sparse", lambda sparse: sparse.csr_matrix(MATRIX)),
    "a sparse array": ("scipy.sparse", lambda sparse: sparse.coo_array(FLOATS)),
    "sparse rows": ("scipy.sparse", lambda sparse: [sparse.csr_matrix([row]) for row in MATRIX]),
    "a frame of pandas": ("pandas", lambda pd: pd.DataFrame(COLUMNS)),
    "nullable columns": ("pandas", lambda pd: pd.DataFrame(COLUMNS, dtype="Float64")),
    "columns of Arrow in pandas": ("pandas", lambda pd: pd.DataFrame(COLUMNS, dtype="float[pyarrow]")),
    "sparse columns of pandas": ("pandas", lambda pd: pd.DataFrame(COLUMNS).astype(pd.SparseDtype("float"))),
    "a frame with one column of lists": ("pandas", lambda pd: pd.DataFrame({"vector": MATRIX})),
    "a series of lists": ("pandas", lambda pd: pd.Series(MATRIX)),
    "a series of arrays": ("pandas", lambda pd: pd.Series([*map(np.array, MATRIX)])),
    "a frame of polars": ("polars", lambda pl: pl.DataFrame(COLUMNS)),
    "a series of lists of polars": ("polars", lambda pl: pl.Series(MATRIX)),
    "a series of arrays of polars": ("polars", lambda pl: pl.Series(MATRIX, dtype=pl.Array(pl.Float32, 2))),
    "decimals of polars": ("polars", lambda pl: pl.DataFrame(COLUMNS).cast(pl.Decimal(10, 2))),
    "a table of pyarrow": ("pyarrow", lambda arrow: arrow.table(COLUMNS)),
    "a record batch": ("pyarrow", lambda arrow: arrow.RecordBatch.from_pydict(COLUMNS)),
    "a table with a column of lists": ("pyarrow", lambda arrow: arrow.table({"v": MATRIX})),
    "lists of Arrow": ("pyarrow", lambda arrow: arrow.array(MATRIX)),
    "fixed lists": ("pyarrow", lambda arrow: arrow.array(MATRIX, arrow.list_(arrow.float32(), 2))),
    "large lists": ("pyarrow", lambda arrow: arrow.array(MATRIX, arrow.large_list(arrow.float64()))),
    "list views": ("pyarrow", lambda arrow: arrow.array(MATRIX, arrow.list_view(arrow.float64()))),
    "half floats": ("pyarrow", lambda arrow: arrow.array([*np.float16(MATRIX)], arrow.list_(arrow.float16()))),
    "a dictionary of lists": (
        "pyarrow",
        lambda arrow: arrow.DictionaryArray.from_arrays(arrow.array([1, 0]), arrow.array(MATRIX[::-1])),
    ),
    "lists with an offset": ("pyarrow", with_offset),
    "lists in chunks": ("pyarrow", in_chunks),
    "tensors of Arrow": ("pyarrow", tensors),
    "scalars of Arrow": ("pyarrow", lambda arrow: list(arrow.array(MATRIX))),
    "__arrow_c_stream__ alone": ("pyarrow", lambda arrow: OnlyArrowStream(arrow.table(COLUMNS))),
    "__arrow_c_array__ alone": ("pyarrow", lambda arrow: OnlyArrowArray(arrow.array(MATRIX))),
    "a relation of DuckDB": (
        "duckdb",
        lambda duckdb: duckdb.sql("select * from (values (1.0::float, 3.0::float), (2.0, 4.0))"),
    ),
}


def made(name: str) -> Any:
    library, make = TAKEN[name]
    return make(pytest.importorskip(library, reason=f"{library} is not installed"))


@pytest.mark.parametrize("name", TAKEN)
def test_vectors_are_the_rows_that_they_hold(docs: vicinal.Collection, name: str) -> None:
    docs.add(["a", "b"], vectors=made(name))
    assert stored(docs) == MATRIX


@pytest.mark.parametrize("name", [name for name in TAKEN if name not in ("a generator", "a relation of DuckDB")])
def test_many_queries_are_taken_from_the_same(docs: vicinal.Collection, name: str) -> None:
    docs.add(["a", "b"], vectors=MATRIX)
    found = docs.search_many(made(name))
    assert [hits.ids for hits in found] == [["a", "b"], ["b", "a"]]
    assert [hits[0].score for hits in found] == [1.0, 1.0]


# One vector in any container: as the vector of a row, and as a query.
ONE: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "array.array": ("numpy", lambda np: array.array("f", MATRIX[0])),
    "a memoryview": ("numpy", lambda np: memoryview(FLOATS[0])),
    "DLPack alone": ("numpy", lambda np: OnlyDlpack(FLOATS[0])),
    "a series of pandas": ("pandas", lambda pd: pd.Series(MATRIX[0], dtype="Float64")),
    "a series of polars": ("polars", lambda pl: pl.Series(MATRIX[0])),
    "an array of Arrow": ("pyarrow", lambda arrow: arrow.array(MATRIX[0])),
    "bfloat16": ("ml_dtypes", lambda ml: np.array(MATRIX[0], ml.bfloat16)),
}


@pytest.mark.parametrize("name", ONE)
def test_one_vector(docs: vicinal.Collection, name: str) -> None:
    library, make = ONE[name]
    one = make(pytest.importorskip(library, reason=f"{library} is not installed"))
    docs.add("a", vectors=one)
    assert stored(docs) == MATRIX[:1]
    assert docs.search(one).scores == [1.0]
    assert docs.search_many([one])[0].scores == [1.0]


def test_a_container_goes_with_generators_and_one_row_with_its_id(docs: vicinal.Collection) -> None:
    docs.add((id_ for id_ in "ab"), vectors=made("a frame of polars"))
    docs.add("c", vectors=np.array([np.array(MATRIX[0]), None], object)[:1])
    assert stored(docs) == [*MATRIX, MATRIX[0]]
    with pytest.raises(InvalidArgument, match="vectors is a set"):
        docs.add((id_ for id_ in "de"), vectors={(1.0, 2.0), (3.0, 4.0)})


def null_rows(arrow: Any) -> Any:
    return arrow.array([None, MATRIX[0], None, MATRIX[1]], arrow.list_(arrow.float32(), 2))[1:]


@pytest.mark.parametrize(
    ("library", "make"),
    [
        ("numpy", lambda np: [MATRIX[0], None, MATRIX[1]]),
        ("numpy", lambda np: np.ma.array([MATRIX[0], [0, 0], MATRIX[1]], mask=[[0, 0], [1, 1], [0, 0]])),
        ("numpy", lambda np: [MATRIX[0], float("nan"), MATRIX[1]]),
        ("pandas", lambda pd: pd.Series([MATRIX[0], pd.NA, MATRIX[1]])),
        ("polars", lambda pl: pl.Series([MATRIX[0], None, MATRIX[1]])),
        ("pyarrow", null_rows),
    ],
    ids=["None", "masked", "NaN", "NA", "null of polars", "null of Arrow"],
)
def test_a_row_that_is_missing_whole_has_no_vector(docs: vicinal.Collection, library: str, make: Any) -> None:
    docs.add(vectors=make(pytest.importorskip(library, reason=f"{library} is not installed")))
    assert stored(docs) == [MATRIX[0], None, MATRIX[1]]


REFUSED: dict[str, tuple[str, Callable[[Any], Any], str]] = {
    "bytes": ("numpy", lambda np: FLOATS.tobytes(), "16 bytes .bytes. do not say what numbers they hold"),
    "a bytearray": ("numpy", lambda np: bytearray(FLOATS.tobytes()), "do not say what numbers they hold.*frombuffer"),
    "a memoryview of bytes": ("numpy", lambda np: memoryview(FLOATS.tobytes()), "do not say what numbers"),
    "a map of memory": ("numpy", lambda np: mmap.mmap(-1, 8), "do not say what numbers"),
    "rows of bytes": ("numpy", lambda np: [row.tobytes() for row in FLOATS], "row 0.*8 bytes .bytes. do not say"),
    "a row as a bytearray": ("numpy", lambda np: [MATRIX[0], bytearray(8)], "row 1.*8 bytes .bytearray. do not say"),
    "a masked component": (
        "numpy",
        lambda np: np.ma.array(MATRIX, mask=[[0, 0], [0, 1]]),
        "row 1.*component 1 of the vector is masked",
    ),
    "a masked row of a list": (
        "numpy",
        lambda np: [np.ma.array([1.0, 2.0], mask=[1, 0])],
        "row 0.*component 0 of the vector is masked",
    ),
    "fields": ("numpy", lambda np: np.zeros(2, [("a", "f4"), ("b", "f4")]), "an array with the fields a, b"),
    "a ragged array": ("numpy", lambda np: np.array([[1.0], [1.0, 2.0]], object), "row 1.*2 components"),
    "None for a component": ("numpy", lambda np: [[1.0, None]], "row 0.*component 1 of the vector is missing"),
    "a text for a component": ("numpy", lambda np: np.array([[1, "x"]], object), "row 0.*component 1.*of type str"),
    "bools": ("numpy", lambda np: np.array([[True, False]]), "real numbers, not bool"),
    "a bool beside a number": ("numpy", lambda np: [[1.0, 2.0], [1.0, True]], "row 1.*component 1.*of type bool"),
    "a bool of NumPy beside a number": ("numpy", lambda np: [(np.False_, 1.5)], "row 0.*component 0.*of type bool"),
    "complex numbers": ("numpy", lambda np: np.array([[1j, 2]]), "real numbers, not complex128"),
    "dates": ("numpy", lambda np: np.array([["2024-01-01"]], "M8[D]"), "real numbers, not datetime64"),
    "a set for a row": ("numpy", lambda np: [{1.0, 2.0}], "row 0.*not set"),
    "a text": ("numpy", lambda np: "abc", "not str"),
    "a dict": ("numpy", lambda np: {"a": [1.0]}, "not dict"),
    "a number": ("numpy", lambda np: 5, "not int"),
    "three dimensions": ("numpy", lambda np: np.zeros((1, 1, 1)), "of shape .1, 1, 1."),
    "an int that no float holds": ("numpy", lambda np: [[10**400, 1]], "row 0.*component 0 of the vector is inf"),
    "a wide sparse matrix": (
        "scipy.sparse",
        lambda sparse: sparse.csr_matrix((1, 10**6)),
        "1,000,000 columns.*sparse=",
    ),
    "NA in a frame": (
        "pandas",
        lambda pd: pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, None]}, dtype="Float64"),
        "row 1.*component 1 of the vector is missing",
    ),
    "a frame with texts": ("pandas", lambda pd: pd.DataFrame({"a": [1], "b": ["x"]}), "row 0.*of type str"),
    "a table with texts": ("pyarrow", lambda arrow: arrow.table({"a": [1], "b": ["x"]}), "'b' holds string.*rows="),
    "a null in a table": ("pyarrow", lambda arrow: arrow.table({"a": [1.0, None]}), "row 1: column 'a' has no value"),
    "a null component": ("pyarrow", lambda arrow: arrow.array([[1.0, None]]), "row 0.*component 1.*is missing"),
    "lists of texts": ("pyarrow", lambda arrow: arrow.array([["x"]]), "holds string"),
    "numbers of Arrow": ("pyarrow", lambda arrow: arrow.array([1.0, 2.0]), "holds double, not lists"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_holds_no_vectors_is_refused_by_name(docs: vicinal.Collection, name: str) -> None:
    library, make, message = REFUSED[name]
    vectors = make(pytest.importorskip(library, reason=f"{library} is not installed"))
    with pytest.raises(InvalidVector, match=message):
        docs.add(vectors=vectors)
    assert (docs.count(), docs.stats().dimension) == (0, None)
    if name != "a ragged array":  # without rows, queries of any dimension find nothing
        with pytest.raises(VicinalError):
            docs.search_many(vectors)


def test_a_set_goes_with_no_other_column(docs: vicinal.Collection) -> None:
    for columns in ({"ids": {"a", "b"}, "texts": ["x", "y"]}, {"ids": ["a", "b"], "vectors": {(1.0,), (2.0,)}}):
        with pytest.raises(InvalidArgument, match="is a set, whose entries have no order"):
            docs.add(**columns)
    docs.add(dict.fromkeys("ab").keys(), texts=["x", "y"])
    assert [record.text for record in docs.get({"a"})] == ["x"]
    assert docs.delete({"a", "b"}) == 2


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
def test_columns_of_other_libraries_are_lists(docs: vicinal.Collection, kind: str) -> None:
    library = pytest.importorskip(kind, reason=f"{kind} is not installed")
    make = library.array if kind == "pyarrow" else library.Series
    docs.add(make(["a", "b"]), texts=make(["x", None]), metadata=make([{"n": 1}, {"n": 2}]), ttl=make([3600.0, None]))
    found = docs.get(["a", "b"])
    assert [(r.text, r.metadata, r.expires_at is not None) for r in found] == [
        ("x", {"n": 1}, True),
        (None, {"n": 2}, False),
    ]


def test_sparse_vectors_come_from_a_sparse_matrix(docs: vicinal.Collection) -> None:
    sparse = pytest.importorskip("scipy.sparse", reason="scipy is not installed")
    matrix = sparse.coo_array(([1.0, 2.0, 3.0], ([0, 1, 1], [5, 7, 7])), shape=(2, 10**6))
    docs.add(["a", "b"], sparse=matrix)
    docs.add("c", sparse=sparse.csr_matrix([[0.0, 1.5]]))
    assert [record.sparse for record in docs.get(vectors=True)] == [{5: 1.0}, {7: 5.0}, {1: 1.5}]
    assert matrix.nnz == 3  # it is not changed
    assert docs.search(sparse=sparse.csr_array([[0.0] * 5 + [1.0]]), mode="hybrid").ids == ["a"]


def test_a_sparse_matrix_by_keys_is_no_dict(docs: vicinal.Collection) -> None:
    sparse = pytest.importorskip("scipy.sparse", reason="scipy is not installed")
    for kind in (sparse.dok_matrix, sparse.dok_array):
        matrix = kind(np.array(MATRIX))
        assert vectors_in(matrix).tolist() == MATRIX
        assert one_vector(kind(np.array([MATRIX[1]]))).tolist() == MATRIX[1]
        docs.upsert(["a", "b"], vectors=matrix, sparse=matrix)
        docs.upsert("c", vectors=[MATRIX[0]], sparse=kind(np.array([[0.0, 1.5]])))
        assert stored(docs) == [*MATRIX, MATRIX[0]]
        assert [record.sparse for record in docs.get(vectors=True)] == [{0: 1, 1: 3}, {0: 2, 1: 4}, {1: 1.5}]
        assert [hits.ids for hits in docs.search_many(matrix, 1)] == [["a"], ["b"]]


@pytest.mark.parametrize("columns", [COLUMNS, {"vector": MATRIX}])
def test_vectors_come_from_a_stream_of_batches(docs: vicinal.Collection, columns: dict[str, Any]) -> None:
    arrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    wanted = vectors_in(arrow.table(columns)).tolist()
    for ids in (["a", "b"], iter(["a", "b"])):
        docs.upsert(ids, vectors=arrow.table(columns).to_reader(max_chunksize=1))
        assert stored(docs) == wanted
    docs.upsert("c", vectors=arrow.table(columns).slice(0, 1).to_reader())
    assert stored(docs) == [*wanted, wanted[0]]


def test_a_type_that_pyarrow_does_not_know_is_told(docs: vicinal.Collection) -> None:
    polars = pytest.importorskip("polars", reason="polars is not installed")
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    if not hasattr(polars, "Int128"):
        pytest.skip("this polars has no Int128")
    column = polars.Series("n", [1, 2], dtype=polars.Int128)
    for given in (
        {"rows": polars.DataFrame({"id": ["a", "b"], "text": ["x", "y"], "n": column})},
        {"vectors": column.to_frame()},
        {"ids": column, "texts": ["x", "y"]},
        {"rows": OnlyArrowStream(column.to_frame())},
    ):
        with pytest.raises(InvalidArgument, match=r"cannot be read: .*Cast columns .* Int128"):
            docs.add(**given)
    assert docs.count() == 0


def test_a_query_with_a_bool_is_refused(docs: vicinal.Collection) -> None:
    docs.add(vectors=MATRIX)
    with pytest.raises(InvalidVector, match="query: component 1 of the vector is of type bool"):
        docs.search([1.5, True])


def test_a_stream_of_batches_is_stored_batch_by_batch(docs: vicinal.Collection) -> None:
    arrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    table = arrow.table({"id": ["a", "b", "c"], "vector": [*MATRIX, [0.0, float("nan")]], "n": [1, None, 3]})
    reader = arrow.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=2))
    with pytest.raises(InvalidVector, match=r"row 2 .id 'c'.*nan"):
        docs.add(rows=reader)
    assert [(record.id, record.metadata) for record in docs.get()] == [("a", {"n": 1}), ("b", {})]


@pytest.mark.parametrize("kind", ["stream", "array", "batch", "fields"])
def test_rows_come_by_the_interface_alone(docs: vicinal.Collection, kind: str) -> None:
    if kind == "fields":
        rows: Any = np.array(
            [("a", MATRIX[0], 1), ("b", MATRIX[1], 2)], [("id", "U1"), ("vector", "f4", 2), ("n", "i4")]
        )
    else:
        arrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
        table = arrow.table({"id": ["a", "b"], "vector": MATRIX, "n": [1, 2]})
        batch = table.to_batches()[0]
        rows = {"stream": OnlyArrowStream(table), "array": OnlyArrowArray(batch), "batch": batch}[kind]
    docs.add(rows=rows)
    assert stored(docs) == MATRIX
    assert [(record.id, record.metadata) for record in docs.get()] == [("a", {"n": 1}), ("b", {"n": 2})]


def test_cells_of_pandas_are_plain_values(docs: vicinal.Collection) -> None:
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = pd.DataFrame(
        {
            "text": ["x", "y"],
            "tags": [np.array(["a", "b"]), None],
            "nested": [{"deep": [np.array([1.0, np.nan])]}, np.nan],
            "kind": pd.Categorical(["k", None]),
            "n": pd.array([1, None], dtype="Int64"),
            "day": [date(2024, 5, 1), None],
            "took": pd.to_timedelta(["1s", "1500ms"]),
            "raw": [b"\x00\xff", None],
            "exact": pd.to_datetime(["2024-01-01T00:00:00.000001", None]),
            "finer": pd.to_datetime(["2024-01-01T00:00:00.000000001", "2024-01-02"], format="ISO8601"),
        }
    )
    docs.add(rows=frame)
    first, second = (record.metadata for record in docs.get())
    assert first == {
        "tags": ["a", "b"],
        "nested": {"deep": [[1.0, None]]},
        "kind": "k",
        "n": 1,
        "day": date(2024, 5, 1),
        "took": 1,
        "raw": "AP8=",
        "exact": datetime(2024, 1, 1, 0, 0, 0, 1),
        "finer": "2024-01-01T00:00:00.000000001",
    }
    assert second == {"took": 1.5, "finer": "2024-01-02T00:00:00"}


def test_an_encoder_may_give_whatever_holds_vectors() -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes", reason="ml_dtypes is not installed")

    class Model:
        dim = 2

        def encode(self, texts: list[str]) -> Any:
            return [OnlyDlpack(np.array([len(text), 1], np.float32)) for text in texts]

        def encode_query(self, texts: list[str]) -> Any:
            return np.array([[len(text), 1] for text in texts], ml_dtypes.bfloat16)

    with vicinal.connect(":memory:") as db:
        docs = db.collection("docs", encoder=Model())
        docs.add(["a"], texts=["four"])
        assert stored(docs) == [[4.0, 1.0]]
        assert docs.search("four").scores == [1.0]
