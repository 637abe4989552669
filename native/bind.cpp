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

namespace nb = nanobind;
using namespace vicinal;

namespace {

std::uint32_t crc32(nb::handle data, std::uint32_t start) {
    const auto bytes = array<Array<const std::uint8_t, 1>>("data", "a C-contiguous uint8 array of shape (n,)", data);
    const Unlocked unlocked;
    return checksum::crc32(bytes.data(), bytes.size(), start);
}

// A row of the table `rows`: slot, id, change, crc, expires_at, space, sparse, metadata, text.
constexpr Py_ssize_t kColumns = 9, kSlot = 0, kCrc = 3, kSpace = 5;

// The vectors of rows; that of slot `first` is at index 0.
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

// As in `store.checksum.crc_of`; returns false for a value that has no checksum: another type, or invalid text.
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

// The checksum of a row, over everything but the checksum itself; `buffer` is scratch memory shared by many rows.
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
    // Unsigned, because the difference of two signed numbers may overflow.
    const std::uint64_t place = static_cast<std::uint64_t>(slot) - static_cast<std::uint64_t>(vectors.first);
    if (slot < vectors.first || place >= rows.shape(0)) return crc;
    const std::size_t size = rows.shape(1);
    return checksum::crc32(rows.data() + static_cast<std::size_t>(place) * size, size * sizeof(float), crc);
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

// Typed JSON of plain metadata, as `metadata.dumps` writes it: only types that JSON has, exact types, keys without a
// leading "$". Returns false for anything else, which the caller handles.
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
    // A daemon thread inside a call when the program ends keeps its objects: this is a leak that cannot be fixed.
    nb::set_leak_warnings(false);

    module.def("build_id", [] { return std::string_view(VICINAL_BUILD_ID); },
               "Hash of the sources that this module was built from.");
    bind_vectors(module);
    bind_graph(module);
    bind_text(module);

    module.def("crc32", &crc32, nb::arg("data").none(), nb::arg("start") = 0,
               "CRC-32 of a uint8 array that follows bytes of checksum `start`, like zlib.crc32.");
    module.def("sealed_rows", &sealed_rows, nb::arg("rows"), nb::arg("vectors").none(), nb::arg("first"),
               "Rows of the table `rows` with the checksum over them filled in; see `Checksums.sealed_rows`.");
    module.def("first_broken", &first_broken, nb::arg("rows"), nb::arg("vectors").none(),
               "Place of the first row whose checksum fails, -1 for none; see `Checksums.first_broken`.");
    module.def("plain_json", &plain_json, nb::arg("metadata").none(),
               "The typed JSON of metadata without anything that JSON does not have; None if there is.");
}
