// What a posting adds to a score, before its weight. src/vicinal/indexes/text_query.py names the sources.
#pragma once

#include <cmath>
#include <cstdint>

namespace vicinal::text {

enum class Form : std::uint8_t { bm25, raw, log, root };
enum class Norm : std::uint8_t { none, length, root };

// Increases with the count and decreases with the length. Files that use it are compiled without floating-point
// contraction, so that it has the same bits as in the reference.
struct Formula {
    Form form = Form::bm25;
    Norm norm = Norm::none;
    double k1 = 0, b = 0, average = 1;

    bool operator==(const Formula&) const = default;

    double part(double count, double length) const {
        if (form == Form::bm25) {
            const double saturation = k1 * ((1.0 - b) + b * (length / average));
            return (count * (k1 + 1.0)) / (count + saturation);
        }
        const double height = form == Form::log ? 1.0 + std::log(count) : form == Form::root ? std::sqrt(count) : count;
        if (norm == Norm::none) return height;
        return height * (norm == Norm::length ? 1.0 / length : 1.0 / std::sqrt(length));
    }
};

}  // namespace vicinal::text
