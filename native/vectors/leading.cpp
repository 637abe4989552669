#include "leading.hpp"

#include <algorithm>
#include <cfloat>
#include <cmath>

#include "rounding.hpp"

namespace vicinal::vectors {
namespace {

using kernels::Metric;

constexpr std::size_t kChunk = 64;  // bytes; see kernels/screen.hpp
constexpr int kZero = 8, kHalfMax = 15;  // a code of 8 stands for 0
// The range of codes ends at this share of the largest component: finer steps are worth what the few beyond it lose.
constexpr double kFill = 0.9;

// ||c - B'x|| and what follows from B not being quite orthonormal, relative to ||x||.
double projection_loss(std::size_t dim) {
    return 2 * (std::sqrt(double{kLeading}) * static_cast<double>(dim + 8) * 0x1p-24 + kDeparture);
}

// B'x / ||x||, float32.
void project(const float* vector, std::size_t dim, double length, const float* directions, std::vector<float>& unit,
             float* out) {
    const double scale = inverse(length);
    for (std::size_t i = 0; i < dim; ++i) unit[i] = static_cast<float>(vector[i] * scale);
    kernels::scan(Metric::inner_product, {directions, kLeading, dim}, unit.data(), out);
}

double largest_of(const float* values) {
    float largest = 0;
    for (std::size_t i = 0; i < kLeading; ++i) largest = std::max(largest, std::fabs(values[i]));
    return largest;
}

// One row: its projection, of length 1 at most, times `length`.
class RowEncoder {
public:
    RowEncoder(const float* projected, double length, double loss)
        : projected_(projected), length_(length), loss_(loss),
          step_(static_cast<float>(largest_of(projected) * length * kFill / (kZero - 0.5))) {}

    void encode(std::uint8_t* codes) {
        std::uint8_t halves[kLeading];
        const double per_step = inverse(step_);
        for (std::size_t i = 0; i < kLeading; ++i) {
            const double value = projected_[i] * length_;
            const double steps = std::clamp(std::nearbyint(value * per_step), -double{kZero}, double{kHalfMax - kZero});
            const double coded = step_ * steps;
            halves[i] = static_cast<std::uint8_t>(steps + kZero);
            squared_ += value * value;
            squared_error_ += (value - coded) * (value - coded);
            squared_code_ += coded * coded;
        }
        for (std::size_t i = 0; i < kLeadingStride; ++i) {
            const std::size_t low = i / kChunk * 2 * kChunk + i % kChunk;
            codes[i] = static_cast<std::uint8_t>(halves[low] | halves[low + kChunk] << 4);
        }
    }

    void write_statistics(Metric metric, float* out) const {
        const double squared_length = length_ * length_;
        const double magnitude = 3 * kZero * std::sqrt(double{kLeading}) * step_;  // no norm of codes exceeds it
        const double rest = std::max(squared_length * (1 + 4 * loss_) - squared_, 0.0);
        const double error = std::sqrt(squared_error_) + 2 * loss_ * length_;
        out[0] = step_;
        out[1] = widened(std::sqrt(rest));
        if (metric == Metric::l2) {
            out[3] = widened(error);
            const double stored = out[3];
            const double slack = 4 * loss_ * squared_length +
                                 kRounding * (magnitude * magnitude + stored * stored + 2 * squared_length);
            out[2] = rounded_up((stored * stored - squared_code_ - rest) / 2 + slack);
        } else {
            out[2] = widened(std::sqrt(squared_code_) + kRounding * magnitude);
            out[3] = widened(error + kRounding * magnitude);
        }
        // What float32 cannot hold must read as unknown, and not as the closest that it can hold.
        if (!(squared_length < FLT_MAX && magnitude * magnitude < FLT_MAX)) out[2] = out[3] = kInfinity;
    }

private:
    static float widened(double value) { return rounded_up(value * (1 + kRounding)); }

    const float* projected_;
    double length_, loss_;
    float step_;
    double squared_ = 0, squared_error_ = 0, squared_code_ = 0;
};

}  // namespace

void encode_leading(Metric metric, const kernels::Matrix& matrix, const float* directions, std::uint8_t* codes,
                    float* statistics) {
    const double loss = projection_loss(matrix.dim);
    std::vector<float> unit(matrix.dim);
    float projected[kLeading];
    for (std::size_t row = 0; row < matrix.rows; ++row) {
        const double length = length_of({matrix.row(row), matrix.dim});
        project(matrix.row(row), matrix.dim, length, directions, unit, projected);
        RowEncoder encoder(projected, metric == Metric::cosine && length > 0 ? 1 : length, loss);
        encoder.encode(codes + row * kLeadingStride);
        encoder.write_statistics(metric, statistics + row * 4);
    }
}

LeadingQuery::LeadingQuery(Metric metric, std::span<const float> query, const float* directions, int code_max)
    : metric_(metric), length_(length_of(query)), code_(kLeading) {
    std::vector<float> unit(query.size()), projected(kLeading);
    project(query.data(), query.size(), length_, directions, unit, projected.data());

    const double scale = metric == Metric::l2 ? length_ : length_ > 0 ? 1 : 0;
    const double loss = projection_loss(query.size()) * scale;
    quantise(projected, scale, code_max);
    error_ += loss;
    double squared = 0;
    for (const float value : projected) squared += value * scale * (value * scale);
    const double rest = std::max(scale * scale + 4 * loss * scale - squared, 0.0);
    squared_rest_ = rest - 8 * loss * scale;
    screen_.per_lowest = rounded_up(std::sqrt(rest));
    screen_.per_length = metric == Metric::l2 ? 1 : rounded_up(error_);
    screen_.per_error = rounded_up(std::sqrt(squared) + loss);
    set_floor(-kInfinity);
}

void LeadingQuery::quantise(std::span<const float> projected, double scale, int code_max) {
    const float step = static_cast<float>(largest_of(projected.data()) * scale / code_max);
    const double per_step = inverse(step);
    double squared_error = 0;
    for (std::size_t i = 0; i < kLeading; ++i) {
        const double value = projected[i] * scale;
        const double steps = std::clamp(std::nearbyint(value * per_step), double(-code_max), double(code_max));
        code_[i] = static_cast<std::int8_t>(steps);
        screen_.code_sum += code_[i];
        squared_error += (value - step * steps) * (value - step * steps);
        squared_code_ += step * steps * (step * steps);
    }
    error_ = std::sqrt(squared_error) * (1 + kRounding);
    screen_.code = code_.data();
    screen_.per_step = step;
    screen_.dot_start = static_cast<float>(-kZero * screen_.code_sum);
}

void LeadingQuery::set_floor(float floor) {
    if (metric_ != Metric::l2) {
        // Rows that score infinity tie, and so do those that round to one of the smallest scores.
        const double least = std::min(floor, FLT_MAX) - kSmallestFloat;
        const double length = metric_ == Metric::inner_product && length_ > 0 ? length_ : 1;
        screen_.threshold = rounded_down(least / length - kUnderflow);
        return;
    }
    const double distance = -double{floor} * (1 + kScoreRounding) + kSmallestFloat;
    screen_.per_error = rounded_up(distance * (1 + 4 * projection_loss(0)) + error_);
    const double squared_reach = double{screen_.per_error} * screen_.per_error;
    screen_.threshold = rounded_down((squared_code_ + squared_rest_ - squared_reach) / 2 -
                                     kRounding * (squared_code_ + length_ * length_ + squared_reach) - kUnderflow);
}

}  // namespace vicinal::vectors
