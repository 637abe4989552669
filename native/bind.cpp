// The Python module `vicinal._core`: checks and converts arguments, releases the GIL, calls the library.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "bind.hpp"
#include "checksum/crc32.hpp"
#include "kernels/kernels.hpp"
#include "vectors/codes.hpp"
#include "vectors/exact.hpp"

namespace nb = nanobind;
using namespace vicinal;

namespace {

using Floats = Array<const float, 1>;
using FloatRows = Array<const float, 2>;
using Slots = Array<const std::uint32_t, 1>;
using Codes = Array<const std::uint8_t, 2>;
using Words = Array<const std::uint64_t, 1>;

FloatRows vectors_array(nb::handle object) {
    return array<FloatRows>("vectors", "a C-contiguous float32 array of shape (n, dim)", object);
}

Floats query_array(nb::handle object) {
    return array<Floats>("query", "a C-contiguous float32 array of shape (dim,)", object);
}

Slots slots_array(nb::handle object) {
    return array<Slots>("slots", "a C-contiguous uint32 array of shape (k,)", object);
}

template <class T>
Array<T, 1> out_array(const char* wanted, nb::handle object) {
    return array<Array<T, 1>>("out", wanted, object);
}

template <class T>
Array<T, 2> table_array(const char* name, const char* type, nb::handle object) {
    const std::string wanted = std::string("a C-contiguous ") + type + " array of two dimensions";
    return array<Array<T, 2>>(name, wanted.c_str(), object);
}

template <class ArrayType>
void expect_shape(const char* name, const ArrayType& found, std::size_t rows, std::size_t columns) {
    if (found.shape(0) == rows && found.shape(1) == columns) return;
    throw std::invalid_argument(std::string(name) + " must have shape (" + std::to_string(rows) + ", " +
                                std::to_string(columns) + "), got (" + std::to_string(found.shape(0)) + ", " +
                                std::to_string(found.shape(1)) + ")");
}

// Rows that exist beyond those asked for are ignored.
template <class ArrayType>
void expect_rows(const char* name, const ArrayType& found, std::size_t rows, std::size_t columns) {
    expect_shape(name, found, std::max(rows, found.shape(0)), columns);
}

vectors::CodeShape code_shape_of(kernels::Metric metric, std::size_t dim) {
    if (dim > vectors::kDimMax)
        throw std::invalid_argument("vectors must have at most " + std::to_string(vectors::kDimMax) +
                                    " components, got " + std::to_string(dim));
    return vectors::code_shape(metric, dim);
}

kernels::Matrix matrix_of(const FloatRows& vectors) {
    return {vectors.data(), vectors.shape(0), vectors.shape(1)};
}

kernels::Metric metric_of(std::string_view name) {
    using enum kernels::Metric;
    constexpr std::pair<std::string_view, kernels::Metric> known[] = {
        {"cosine", cosine}, {"ip", inner_product}, {"l2", l2}, {"l1", l1}};
    for (const auto& [known_name, metric] : known)
        if (name == known_name) return metric;
    throw std::invalid_argument("metric must be cosine, ip, l2 or l1, got '" + std::string(name) + "'");
}

void scan(std::string_view metric_name, nb::handle vectors, nb::handle query, nb::handle out) {
    const kernels::Metric metric = metric_of(metric_name);
    const FloatRows rows = vectors_array(vectors);
    const Floats components = query_array(query);
    const auto values = out_array<float>("a writable, C-contiguous float32 array of shape (n,)", out);
    expect_length("query", components.size(), rows.shape(1));
    expect_length("out", values.size(), rows.shape(0));

    nb::gil_scoped_release unlocked;
    kernels::scan(metric, matrix_of(rows), components.data(), values.data());
}

void score(std::string_view metric_name, nb::handle vectors, nb::handle slots, nb::handle query, nb::handle out) {
    const kernels::Metric metric = metric_of(metric_name);
    const FloatRows rows = vectors_array(vectors);
    const Slots wanted = slots_array(slots);
    const Floats components = query_array(query);
    const auto scores = out_array<float>("a writable, C-contiguous float32 array of shape (k,)", out);
    expect_length("query", components.size(), rows.shape(1));
    expect_length("out", scores.size(), wanted.size());

    nb::gil_scoped_release unlocked;
    kernels::score(metric, matrix_of(rows), {wanted.data(), wanted.size()}, components.data(), scores.data());
}

void squared_norms(nb::handle vectors, nb::handle out) {
    const FloatRows rows = vectors_array(vectors);
    const auto norms = out_array<double>("a writable, C-contiguous float64 array of shape (n,)", out);
    expect_length("out", norms.size(), rows.shape(0));

    nb::gil_scoped_release unlocked;
    kernels::squared_norms(matrix_of(rows), norms.data());
}

void encode(std::string_view metric_name, nb::handle vectors, nb::handle codes, nb::handle statistics) {
    const kernels::Metric metric = metric_of(metric_name);
    const FloatRows rows = vectors_array(vectors);
    const auto code_rows = table_array<std::uint8_t>("codes", "uint8", codes);
    const auto statistic_rows = table_array<float>("statistics", "float32", statistics);
    const vectors::CodeShape shape = code_shape_of(metric, rows.shape(1));
    expect_shape("codes", code_rows, rows.shape(0), shape.stride);
    expect_shape("statistics", statistic_rows, rows.shape(0), shape.statistics);

    nb::gil_scoped_release unlocked;
    vectors::encode(metric, matrix_of(rows), code_rows.data(), statistic_rows.data());
}

const std::uint64_t* bitmap(nb::handle allowed, std::size_t rows) {
    if (allowed.is_none()) return nullptr;
    const auto words = array<Words>("allowed", "None or a C-contiguous uint64 array of one dimension", allowed);
    if (words.size() * 64 < rows)
        throw std::invalid_argument("allowed must have a bit for each of " + std::to_string(rows) + " rows, got " +
                                    std::to_string(words.size()) + " words");
    return words.data();
}

void coarsen(std::string_view metric_name, std::size_t dim, nb::handle codes, nb::handle statistics,
             nb::handle coarse, nb::handle coarse_statistics) {
    const kernels::Metric metric = metric_of(metric_name);
    const vectors::CodeShape shape = code_shape_of(metric, dim);
    const auto code_rows = table_array<const std::uint8_t>("codes", "uint8", codes);
    const auto statistic_rows = table_array<const float>("statistics", "float32", statistics);
    const auto coarse_rows = table_array<std::uint8_t>("coarse", "uint8", coarse);
    const auto coarse_statistic_rows = table_array<float>("coarse_statistics", "float32", coarse_statistics);
    const std::size_t rows = code_rows.shape(0);
    expect_shape("codes", code_rows, rows, shape.stride);
    expect_shape("statistics", statistic_rows, rows, shape.statistics);
    expect_shape("coarse", coarse_rows, rows, shape.coarse_stride());
    expect_shape("coarse_statistics", coarse_statistic_rows, rows, shape.statistics);

    nb::gil_scoped_release unlocked;
    vectors::coarsen(metric, dim, rows, code_rows.data(), statistic_rows.data(), coarse_rows.data(),
                     coarse_statistic_rows.data());
}

// Coarse codes of at least `count` rows, or none.
void add_coarse(vectors::Rows& rows, nb::handle coarse, nb::handle coarse_statistics) {
    if (coarse.is_none()) return;
    const vectors::CodeShape shape = code_shape_of(rows.metric, rows.vectors.dim);
    const auto code_rows = table_array<const std::uint8_t>("coarse", "uint8", coarse);
    const auto statistic_rows = table_array<const float>("coarse_statistics", "float32", coarse_statistics);
    expect_rows("coarse", code_rows, rows.vectors.rows, shape.coarse_stride());
    expect_rows("coarse_statistics", statistic_rows, rows.vectors.rows, shape.statistics);
    if (shape.stride == 0) return;
    rows.coarse = code_rows.data();
    rows.coarse_statistics = statistic_rows.data();
}

void search(std::string_view metric_name, std::size_t count, nb::handle vectors, nb::handle codes,
            nb::handle statistics, nb::handle coarse, nb::handle coarse_statistics, nb::handle allowed,
            nb::handle queries, std::size_t threads, nb::handle slots, nb::handle scores, nb::handle counts) {
    const kernels::Metric metric = metric_of(metric_name);
    const FloatRows rows = vectors_array(vectors);
    const auto code_rows = table_array<const std::uint8_t>("codes", "uint8", codes);
    const auto statistic_rows = table_array<const float>("statistics", "float32", statistics);
    const auto query_rows = table_array<const float>("queries", "float32", queries);
    const auto slot_rows = table_array<std::uint32_t>("slots", "uint32", slots);
    const auto score_rows = table_array<float>("scores", "float32", scores);
    const auto found = array<Array<std::uint32_t, 1>>("counts", "a C-contiguous uint32 array of shape (m,)", counts);
    const vectors::CodeShape shape = code_shape_of(metric, rows.shape(1));
    expect_rows("vectors", rows, count, rows.shape(1));
    expect_rows("codes", code_rows, count, shape.stride);
    expect_rows("statistics", statistic_rows, count, shape.statistics);
    expect_shape("queries", query_rows, query_rows.shape(0), rows.shape(1));
    expect_shape("slots", slot_rows, query_rows.shape(0), slot_rows.shape(1));
    expect_shape("scores", score_rows, query_rows.shape(0), slot_rows.shape(1));
    expect_length("counts", found.size(), query_rows.shape(0));
    vectors::Rows searched = {metric, {rows.data(), count, rows.shape(1)}, code_rows.data(),
                              statistic_rows.data(), bitmap(allowed, count)};
    add_coarse(searched, coarse, coarse_statistics);

    nb::gil_scoped_release unlocked;
    vectors::search(searched, matrix_of(query_rows), std::max<std::size_t>(threads, 1),
                    {slot_rows.shape(1), slot_rows.data(), score_rows.data(), found.data()});
}

std::uint32_t crc32(nb::handle data, std::uint32_t start) {
    const auto bytes = array<Array<const std::uint8_t, 1>>("data", "a C-contiguous uint8 array of shape (n,)", data);
    nb::gil_scoped_release unlocked;
    return checksum::crc32(bytes.data(), bytes.size(), start);
}

// A row as the table `rows` has it: slot, id, change, crc, expires_at, space, sparse, metadata, text.
constexpr Py_ssize_t kColumns = 9, kSlot = 0, kCrc = 3, kSpace = 5;

// The vectors of rows; that of slot `first` comes first.
struct SlotVectors {
    std::optional<FloatRows> rows;
    std::int64_t first;

    SlotVectors(nb::handle vectors, std::int64_t first) : first(first) {
        if (!vectors.is_none()) rows = vectors_array(vectors);
    }
};

void append_number(std::string& bytes, std::uint64_t number, int size) {
    for (int i = 0; i < size; ++i) bytes.push_back(static_cast<char>(number >> 8 * i));
}

void append_sized(std::string& bytes, char tag, const char* data, Py_ssize_t size) {
    bytes.push_back(tag);
    append_number(bytes, static_cast<std::uint64_t>(size), 4);
    bytes.append(data, static_cast<std::size_t>(size));
}

// As `store.checksum.crc_of` has it; false for a value that has no checksum: of another type, or no text.
bool append_column(std::string& bytes, PyObject* value) {
    if (value == Py_None) {
        bytes.push_back('n');
        return true;
    }
    if (PyLong_CheckExact(value)) {
        int overflow = 0;
        const long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
        bytes.push_back('i');
        append_number(bytes, static_cast<std::uint64_t>(number), 8);
        return overflow == 0;
    }
    Py_ssize_t size = 0;
    if (PyUnicode_CheckExact(value)) {
        const char* text = PyUnicode_AsUTF8AndSize(value, &size);
        if (text == nullptr) {
            PyErr_Clear();  // a lone surrogate
            return false;
        }
        append_sized(bytes, 's', text, size);
        return true;
    }
    char* raw = nullptr;
    if (!PyBytes_CheckExact(value) || PyBytes_AsStringAndSize(value, &raw, &size) != 0) return false;
    append_sized(bytes, 'b', raw, size);
    return true;
}

nb::tuple row_of(nb::handle object) {
    if (!PyTuple_CheckExact(object.ptr()) || PyTuple_GET_SIZE(object.ptr()) != kColumns)
        throw std::invalid_argument("rows must be tuples of " + std::to_string(kColumns) + " columns, got " +
                                    described(object));
    return nb::borrow<nb::tuple>(object);
}

// The checksum of a row, over everything but itself; `buffer` is room that many rows share.
std::optional<std::uint32_t> crc_of_row(const nb::tuple& row, const SlotVectors& vectors, std::string& buffer) {
    buffer.clear();
    for (Py_ssize_t i = 0; i < kColumns; ++i)
        if (i != kCrc && !append_column(buffer, PyTuple_GET_ITEM(row.ptr(), i))) return std::nullopt;
    const std::uint32_t crc = checksum::crc32(buffer.data(), buffer.size());
    if (!vectors.rows || PyTuple_GET_ITEM(row.ptr(), kSpace) == Py_None) return crc;
    const long long slot = PyLong_CheckExact(PyTuple_GET_ITEM(row.ptr(), kSlot))
                               ? PyLong_AsLongLong(PyTuple_GET_ITEM(row.ptr(), kSlot))
                               : -1;
    const FloatRows& rows = *vectors.rows;
    if (slot < vectors.first || static_cast<std::uint64_t>(slot - vectors.first) >= rows.shape(0)) return crc;
    const std::size_t size = rows.shape(1);
    return checksum::crc32(rows.data() + static_cast<std::size_t>(slot - vectors.first) * size,
                           size * sizeof(float), crc);
}

nb::list sealed_rows(nb::list rows, nb::handle vectors, std::int64_t first) {
    const SlotVectors by_slot(vectors, first);
    std::string buffer;
    nb::list sealed;
    for (nb::handle object : rows) {
        const nb::tuple row = row_of(object);
        const auto crc = crc_of_row(row, by_slot, buffer);
        if (!crc) throw nb::type_error("a row has a column that no checksum can cover");
        PyObject* copy = PyTuple_New(kColumns);
        if (copy == nullptr) throw nb::python_error();
        const nb::tuple whole = nb::steal<nb::tuple>(copy);
        for (Py_ssize_t i = 0; i < kColumns; ++i)
            PyTuple_SET_ITEM(copy, i, i == kCrc ? PyLong_FromUnsignedLong(*crc)
                                                : nb::borrow(PyTuple_GET_ITEM(row.ptr(), i)).release().ptr());
        sealed.append(whole);
    }
    return sealed;
}

std::int64_t first_broken(nb::list rows, nb::handle vectors) {
    const SlotVectors by_slot(vectors, 0);
    std::string buffer;
    std::int64_t at = 0;
    for (nb::handle object : rows) {
        const nb::tuple row = row_of(object);
        const auto crc = crc_of_row(row, by_slot, buffer);
        int overflow = 0;
        PyObject* stored = PyTuple_GET_ITEM(row.ptr(), kCrc);
        if (!crc || !PyLong_CheckExact(stored) || PyLong_AsLongLongAndOverflow(stored, &overflow) != *crc) return at;
        ++at;
    }
    return -1;
}

// Typed JSON of plain metadata, as `metadata.dumps` writes it: only what JSON has itself, exact types, keys
// without "$" in front. False for anything else, which is for the caller to look at.
class PlainJson {
public:
    static constexpr int kDepthMax = 32;

    bool write(PyObject* value, int depth) {
        if (PyUnicode_CheckExact(value)) return write_text(value);
        if (value == Py_None) return append("null");
        if (PyBool_Check(value)) return append(value == Py_True ? "true" : "false");
        if (PyLong_CheckExact(value)) return write_integer(value);
        if (PyFloat_CheckExact(value)) return write_number(PyFloat_AS_DOUBLE(value));
        if (depth >= kDepthMax) return false;
        if (PyDict_CheckExact(value)) return write_object(value, depth + 1);
        return (PyList_CheckExact(value) || PyTuple_CheckExact(value)) && write_list(value, depth + 1);
    }

    const std::string& text() const { return text_; }

private:
    bool append(std::string_view part) {
        text_.append(part);
        return true;
    }

    bool write_object(PyObject* object, int depth) {
        PyObject *key = nullptr, *value = nullptr;
        Py_ssize_t position = 0;
        text_.push_back('{');
        while (PyDict_Next(object, &position, &key, &value)) {
            if (!PyUnicode_CheckExact(key)) return false;
            if (PyUnicode_GET_LENGTH(key) > 0 && PyUnicode_READ_CHAR(key, 0) == '$') return false;
            if (text_.back() != '{') text_.push_back(',');
            if (!write_text(key)) return false;
            text_.push_back(':');
            if (!write(value, depth)) return false;
        }
        text_.push_back('}');
        return true;
    }

    bool write_list(PyObject* list, int depth) {
        text_.push_back('[');
        for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(list); ++i) {
            if (i > 0) text_.push_back(',');
            if (!write(PySequence_Fast_GET_ITEM(list, i), depth)) return false;
        }
        text_.push_back(']');
        return true;
    }

    bool write_integer(PyObject* value) {
        int overflow = 0;
        const long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
        return overflow == 0 && append(std::to_string(number));
    }

    bool write_number(double number) {
        if (!std::isfinite(number)) return false;
        char* repr = PyOS_double_to_string(number, 'r', 0, Py_DTSF_ADD_DOT_0, nullptr);
        if (repr == nullptr) throw nb::python_error();
        text_.append(repr);
        PyMem_Free(repr);
        return true;
    }

    bool write_text(PyObject* value) {
        Py_ssize_t size = 0;
        const char* text = PyUnicode_AsUTF8AndSize(value, &size);
        if (text == nullptr) {
            PyErr_Clear();  // a lone surrogate
            return false;
        }
        text_.push_back('"');
        for (const char* c = text; c != text + size; ++c) write_character(*c);
        text_.push_back('"');
        return true;
    }

    void write_character(char c) {
        constexpr std::string_view escaped = "\"\\\n\r\t\f\b", names = "\"\\nrtfb";
        if (static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\') {
            text_.push_back(c);
            return;
        }
        text_.push_back('\\');
        const std::size_t at = escaped.find(c);
        if (at != escaped.npos) {
            text_.push_back(names[at]);
            return;
        }
        constexpr std::string_view digits = "0123456789abcdef";
        text_.append("u00");
        text_.push_back(digits[static_cast<unsigned char>(c) >> 4]);
        text_.push_back(digits[c & 15]);
    }

    std::string text_;
};

nb::object plain_json(nb::handle metadata) {
    PlainJson json;
    if (!PyDict_CheckExact(metadata.ptr()) || !json.write(metadata.ptr(), 0)) return nb::none();
    const std::string& text = json.text();
    return nb::steal(PyUnicode_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size())));
}

}  // namespace

NB_MODULE(_core, module) {
    module.doc() = "Native kernels. Use vicinal.indexes.kernels, which also knows what to do without them.";

    module.def("build_id", [] { return std::string_view(VICINAL_BUILD_ID); },
               "Hash of the sources that this module was built from.");
    module.def("levels", &kernels::levels, "SIMD levels that this machine can run, slowest first.");
    module.def("level", &kernels::level, "The level that `scan` and searches use now.");
    module.def("use_level", &kernels::use_level, nb::arg("name"),
               "Make `scan` and searches use this level from now on; ValueError if this machine cannot.");

    // none(): a None is refused by `array` like anything else that is no array.
    const auto vectors = nb::arg("vectors").none(), query = nb::arg("query").none(),
               slots = nb::arg("slots").none(), out = nb::arg("out").none();
    module.def("scan", &scan, nb::arg("metric"), vectors, query, out,
               "Raw values of all rows into `out`; see `Kernels.scan`. ValueError for arrays that do not fit.");
    module.def("score", &score, nb::arg("metric"), vectors, slots, query, out,
               "Scores of the rows `slots` into `out`; see `Kernels.score`. ValueError for arrays that do not "
               "fit, IndexError for a slot that is not a row.");
    module.def("squared_norms", &squared_norms, vectors, out,
               "Sum of squares of each row into `out`, float64. ValueError for arrays that do not fit.");

    const auto codes = nb::arg("codes").none(), statistics = nb::arg("statistics").none(),
               scores = nb::arg("scores").none();
    module.def("encode", &encode, nb::arg("metric"), vectors, codes, statistics,
               "Codes and statistics of all rows into arrays of that shape; see `Scanner.encode`. "
               "ValueError for arrays that do not fit.");
    const auto coarse = nb::arg("coarse").none(), coarse_statistics = nb::arg("coarse_statistics").none();
    module.def("coarsen", &coarsen, nb::arg("metric"), nb::arg("dim"), codes, statistics, coarse, coarse_statistics,
               "Coarse codes of coded rows and their statistics into arrays of that shape; see `Scanner.coarsen`. "
               "ValueError for arrays that do not fit.");
    module.def("search", &search, nb::arg("metric"), nb::arg("count"), vectors, codes, statistics, coarse,
               coarse_statistics, nb::arg("allowed").none(), nb::arg("queries").none(), nb::arg("threads"), slots, scores,
               nb::arg("counts").none(),
               "Best rows of each query into `slots` and `scores`, how many into `counts`; see "
               "`Scanner.search_many`. ValueError for arrays that do not fit.");

    bind_text(module);

    module.def("crc32", &crc32, nb::arg("data").none(), nb::arg("start") = 0,
               "CRC-32 of a uint8 array that follows bytes of checksum `start`, like zlib.crc32.");
    module.def("sealed_rows", &sealed_rows, nb::arg("rows"), vectors, nb::arg("first"),
               "Rows of the table `rows` with the checksum over them filled in; see `Checksums.sealed_rows`.");
    module.def("first_broken", &first_broken, nb::arg("rows"), vectors,
               "Place of the first row whose checksum fails, -1 for none; see `Checksums.first_broken`.");
    module.def("plain_json", &plain_json, nb::arg("metadata").none(),
               "The typed JSON of metadata without anything that JSON does not have; None if there is.");
}
