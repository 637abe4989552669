#include "leading.hpp"

#include <algorithm>
#include <cfloat>
#include <cmath>

#include "rounding.hpp"

namespace vicinal::vectors {
namespace {

using kernels::Metric;

constexpr int kZero = 8, kHalfMax = 15;  // a code of 8 stands for 0
// The range of codes ends at this share of the largest component: finer steps outweigh the loss of the few beyond it.
constexpr double kFill = 0.9;

// ||c - B'x|| plus twice the effect of B not being exactly orthonormal, relative to ||x||.
double projection_loss(std::size_t dim) {
    return std::sqrt(double{kLeading}) * static_cast<double>(dim / 4 + 8) * 0x1p-24 + 2 * kDeparture;
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
    for (std::size_t i = 0; i < kSpan; ++i) largest = std::max(largest, std::fabs(values[i]));
    return largest;
}

// `b` if `a` is NaN.
double larger(double a, double b) { return a > b ? a : b; }
double smaller(double a, double b) { return a < b ? a : b; }

double sum_of_squares(const double* values) {
    double sums[4] = {};
    for (std::size_t i = 0; i < kSpan; i += 4)
        for (std::size_t j = 0; j < 4; ++j) sums[j] += values[i + j] * values[i + j];
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

// Encodes one row: its projection, of length 1 at most, times `length`, span by span.
class RowEncoder {
public:
    RowEncoder(Metric metric, double length, double loss) : metric_(metric), length_(length), loss_(loss) {}

    // Encodes the next span. The statistics cover all spans so far, except for the step.
    void encode(const float* projected, std::uint8_t* codes, float* statistics) {
        const float step = static_cast<float>(largest_of(projected) * length_ * kFill / (kZero - 0.5));
        quantise(projected, step, codes);
        squared_magnitude_ += 9.0 * kZero * kZero * kSpan * step * step;  // its root bounds all norms of codes
        write_statistics(step, statistics);
    }

private:
    void quantise(const float* projected, double step, std::uint8_t* codes) {
        // Separate loops, because compilers vectorize those.
        double value[kSpan], coded[kSpan], lost[kSpan];
        std::int32_t half[kSpan];
        const double per_step = inverse(step), length = length_;
        for (std::size_t i = 0; i < kSpan; ++i) value[i] = projected[i] * length;
        // NaN, which results if the length is out of range, becomes 0.
        for (std::size_t i = 0; i < kSpan; ++i) coded[i] = larger(value[i] * per_step + (kZero + 0.5), 0.0);
        for (std::size_t i = 0; i < kSpan; ++i) half[i] = static_cast<std::int32_t>(smaller(coded[i], kHalfMax + 0.5));
        for (std::size_t i = 0; i < kSpan; ++i) coded[i] = step * (half[i] - kZero);
        for (std::size_t i = 0; i < kSpan; ++i) lost[i] = value[i] - coded[i];
        squared_ += sum_of_squares(value);
        squared_error_ += sum_of_squares(lost);
        squared_code_ += sum_of_squares(coded);
        for (std::size_t i = 0; i < kSpanStride; ++i)
            codes[i] = static_cast<std::uint8_t>(half[i] | half[i + kSpanStride] << 4);
    }

    void write_statistics(float step, float* out) const {
        const double squared_length = length_ * length_;
        const double magnitude = std::sqrt(squared_magnitude_);
        const double rest = std::max(squared_length * (1 + 3 * loss_) - squared_, 0.0);
        const double error = std::sqrt(squared_error_) + 2 * loss_ * length_;
        out[0] = step;
        out[1] = widened(std::sqrt(rest));
        if (metric_ == Metric::l2) {
            out[3] = widened(error);
            const double stored = out[3];
            const double slack = 4 * loss_ * squared_length +
                                 kRounding * (squared_magnitude_ + stored * stored + 2 * squared_length);
            out[2] = rounded_up((stored * stored - squared_code_ - rest) / 2 + slack);
        } else {
            out[2] = widened(std::sqrt(squared_code_) + kRounding * magnitude);
            out[3] = widened(error + kRounding * magnitude);
        }
        // A value outside the range of float32 must read as unknown, not as the closest float32.
        if (!(squared_length < FLT_MAX && squared_magnitude_ < FLT_MAX)) out[2] = out[3] = kInfinity;
    }

    static float widened(double value) { return rounded_up(value * (1 + kRounding)); }

    Metric metric_;
    double length_, loss_;
    double squared_ = 0, squared_error_ = 0, squared_code_ = 0, squared_magnitude_ = 0;
};

// Encodes a query in a span, times `scale`: returns the squared error, and adds to the squared length of the code.
double quantise(const float* projected, double scale, int code_max, std::int8_t* code, kernels::ScreenQuery& screen,
                double& squared_code) {
    const float step = static_cast<float>(largest_of(projected) * scale / code_max);
    const double per_step = inverse(step);
    double squared_error = 0;
    for (std::size_t i = 0; i < kSpan; ++i) {
        const double value = projected[i] * scale;
        const double steps = std::clamp(std::nearbyint(value * per_step), double(-code_max), double(code_max));
        code[i] = static_cast<std::int8_t>(steps);
        screen.code_sum += code[i];
        squared_error += (value - step * steps) * (value - step * steps);
        squared_code += step * steps * (step * steps);
    }
    screen.code = code;
    screen.per_step = step;
    screen.dot_start = static_cast<float>(-kZero * screen.code_sum);
    return squared_error;
}

double squared_length_of(const float* projected, double scale) {
    double squared = 0;
    for (std::size_t i = 0; i < kSpan; ++i) squared += projected[i] * scale * (projected[i] * scale);
    return squared;
}

}  // namespace

void encode_leading(Metric metric, const kernels::Matrix& matrix, const float* directions, const Look& first,
                    const Look& further) {
    const double loss = projection_loss(matrix.dim);
    std::vector<float> unit(matrix.dim);
    float projected[kLeading];
    for (std::size_t row = 0; row < matrix.rows; ++row) {
        const double length = length_of({matrix.row(row), matrix.dim});
        project(matrix.row(row), matrix.dim, length, directions, unit, projected);
        RowEncoder encoder(metric, metric == Metric::cosine && length > 0 ? 1 : length, loss);
        encoder.encode(projected, first.codes + row * kSpanStride, first.statistics + row * 4);
        encoder.encode(projected + kSpan, further.codes + row * kSpanStride, further.statistics + row * 4);
    }
}

LeadingQuery::LeadingQuery(Metric metric, std::span<const float> query, const float* directions, int code_max)
    : metric_(metric), length_(length_of(query)) {
    std::vector<float> unit(query.size());
    float projected[kLeading];
    project(query.data(), query.size(), length_, directions, unit, projected);

    const double scale = metric == Metric::l2 ? length_ : length_ > 0 ? 1 : 0;
    const double loss = projection_loss(query.size()) * scale;
    double squared = 0, squared_error = 0, squared_code = 0;
    for (std::size_t s = 0; s < 2; ++s) {
        Span& span = spans_[s];
        span.code.resize(kSpan);
        squared += squared_length_of(projected + s * kSpan, scale);
        squared_error += quantise(projected + s * kSpan, scale, code_max, span.code.data(), span.screen, squared_code);
        const double rest = std::max(scale * scale + 3 * loss * scale - squared, 0.0);
        span.error = std::sqrt(squared_error) * (1 + kRounding) + 2 * loss;
        span.squared_code = squared_code;
        span.squared_rest = rest - 6 * loss * scale;
        span.screen.per_lowest = per_residual_ = rounded_up(std::sqrt(rest));
        span.screen.per_length = metric == Metric::l2 ? 1 : rounded_up(span.error);
        span.screen.per_error = rounded_up(std::sqrt(squared) + loss);
    }
    spans_[1].screen.per_lowest = 1;
    set_floor(-kInfinity);
}

void LeadingQuery::set_floor(float floor) {
    for (Span& span : spans_) set_floor(span, floor);
}

void LeadingQuery::set_floor(Span& span, float floor) const {
    if (metric_ != Metric::l2) {
        // Rows with an infinite score tie, and so do those that round to one of the smallest scores.
        const double least = std::min(floor, FLT_MAX) - kSmallestFloat;
        const double length = metric_ == Metric::inner_product && length_ > 0 ? length_ : 1;
        span.screen.threshold = rounded_down(least / length - kUnderflow);
        return;
    }
    const double distance = -double{floor} * (1 + kScoreRounding) + kSmallestFloat;
    span.screen.per_error = rounded_up(distance * (1 + 4 * projection_loss(0)) + span.error);
    const double squared_reach = double{span.screen.per_error} * span.screen.per_error;
    const double rounding = kRounding * (span.squared_code + length_ * length_ + squared_reach);
    span.screen.threshold =
        rounded_down((span.squared_code + span.squared_rest - squared_reach) / 2 - rounding - kUnderflow);
}

}  // namespace vicinal::vectors
