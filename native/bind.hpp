// Shared by the files of the Python module: array arguments and their validation.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>

namespace vicinal {

namespace nb = nanobind;

// Each defines its part of the module; see bind_vectors.cpp, bind_graph.cpp and bind_text.cpp.
void bind_vectors(nb::module_& module);
void bind_graph(nb::module_& module);
void bind_text(nb::module_& module);

// Releases the GIL while native code runs. CPython before 3.14 ends a thread that wants the GIL back after the
// interpreter has begun to shut down, by unwinding its stack, which in C++ would terminate the whole process. Instead
// the thread sleeps until the process is gone, as it does from 3.14 on.
class Unlocked {
public:
    Unlocked() : state_(PyEval_SaveThread()) {}
    Unlocked(const Unlocked&) = delete;
    Unlocked& operator=(const Unlocked&) = delete;
    ~Unlocked() {
        try {
            PyEval_RestoreThread(state_);
        } catch (...) {
            for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
        }
    }

private:
    PyThreadState* state_;
};

template <class T, std::size_t Dimensions>
using Array = nb::ndarray<T, nb::ndim<Dimensions>, nb::c_contig, nb::device::cpu>;

inline std::string described(nb::handle object) {
    std::string text = nb::type_name(object.type()).c_str();
    if (nb::hasattr(object, "dtype")) text += nb::str(nb::str(" of {}").format(object.attr("dtype"))).c_str();
    if (nb::hasattr(object, "shape")) text += nb::str(nb::str(" {}").format(object.attr("shape"))).c_str();
    return text;
}

// Only memory owned by NumPy stays in place as long as the caller holds the array: other objects lend memory for as
// long as the borrower keeps their capsule, while native code keeps pointers.
inline bool is_numpy_array(nb::handle object) {
    static PyObject* const type = nb::object(nb::module_::import_("numpy").attr("ndarray")).release().ptr();
    return PyObject_TypeCheck(object.ptr(), reinterpret_cast<PyTypeObject*>(type)) != 0;
}

// Arguments arrive as plain objects and are cast here, because the errors of nanobind for a wrong array list overloads
// and do not name the wrong argument.
template <class ArrayType>
ArrayType array(const char* name, const char* wanted, nb::handle object) {
    ArrayType result;
    if (!is_numpy_array(object) || !nb::try_cast(object, result, /*convert=*/false))
        throw std::invalid_argument(std::string(name) + " must be " + wanted + ", got " + described(object));
    if (reinterpret_cast<std::uintptr_t>(result.data()) % alignof(typename ArrayType::Scalar) != 0)
        throw std::invalid_argument(std::string(name) + " must be aligned to its item size");
    return result;
}

using FloatRows = Array<const float, 2>;

inline FloatRows vectors_array(nb::handle object) {
    return array<FloatRows>("vectors", "a C-contiguous float32 array of shape (n, dim)", object);
}

inline void expect_length(const char* name, std::size_t found, std::size_t wanted) {
    if (found == wanted) return;
    throw std::invalid_argument(std::string(name) + " must have " + std::to_string(wanted) + " elements, got " +
                                std::to_string(found));
}

}  // namespace vicinal
