// CMake turns floating-point contraction off for this file, so that codes are the same on every machine.
#include "codes.hpp"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <limits>

#include "rounding.hpp"

namespace vicinal::vectors {
namespace {

using kernels::Metric;

constexpr std::size_t kStrideUnit = 64;  // the widest register, and a cache line
constexpr std::size_t kLanes = 8;
constexpr double kCodeMax = 255;
constexpr double kFineRounding = 0x1p-40;  // of all float64 computations

// A sum in the order of `kernels::score`, which the reference can reproduce.
struct LaneSum {
    double lane[kLanes] = {};

    double total() const {
        return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
    }
};

struct Range {
    float low, high;
};

Range range_of(std::span<const float> row) {
    float low[kLanes], high[kLanes];
    for (std::size_t j = 0; j < kLanes; ++j) low[j] = high[j] = row.empty() ? 0 : row[0];
    std::size_t column = 0;
    for (; column + kLanes <= row.size(); column += kLanes) {
        for (std::size_t j = 0; j < kLanes; ++j) {
            low[j] = std::min(low[j], row[column + j]);
            high[j] = std::max(high[j], row[column + j]);
        }
    }
    for (std::size_t j = 0; column + j < row.size(); ++j) {
        low[j] = std::min(low[j], row[column + j]);
        high[j] = std::max(high[j], row[column + j]);
    }
    return {*std::min_element(low, low + kLanes), *std::max_element(high, high + kLanes)};
}

class RowEncoder {
public:
    RowEncoder(std::span<const float> row, double scale) : row_(row), scale_(scale) {
        const Range range = range_of(row);
        step_ = static_cast<float>((range.high * scale - range.low * scale) / kCodeMax);
        lowest_ = static_cast<float>(range.low * scale) + 0.0f;  // never -0: which zero is the lowest is undefined
        per_step_ = step_ > 0 ? 1 / double{step_} : 0;
    }

    void encode(std::uint8_t* codes) {
        std::size_t column = 0;
        for (; column + kLanes <= row_.size(); column += kLanes)
            for (std::size_t j = 0; j < kLanes; ++j) encode_component(column + j, j, codes);
        for (std::size_t j = 0; column + j < row_.size(); ++j) encode_component(column + j, j, codes);
    }

    void write_statistics(Metric metric, float* out) const {
        const double magnitude =
            std::sqrt(static_cast<double>(row_.size())) * (std::fabs(double{lowest_}) + kCodeMax * double{step_});
        const double error = std::sqrt(squared_error_.total()) * (1 + kFineRounding) + kFineRounding * magnitude;
        const double squared_length = squared_length_.total();
        out[0] = step_;
        out[1] = lowest_;
        if (metric == Metric::l2) {
            out[3] = rounded_up(error);
            const double stored = out[3], slack = kRounding * magnitude * magnitude;
            // A value outside the range of float32 must read as unknown, not as the closest float32.
            out[2] = magnitude * magnitude < FLT_MAX ? rounded_up((stored * stored - squared_length) / 2 + slack)
                                                     : kInfinity;
        } else {
            out[3] = rounded_up(error + kRounding * magnitude);
            out[2] = rounded_up(std::sqrt(squared_length));
        }
    }

private:
    void encode_component(std::size_t i, std::size_t lane, std::uint8_t* codes) {
        const double value = double{row_[i]} * scale_;
        const double steps = (value - lowest_) * per_step_;
        // Outside 0 to 255 only by rounding. Written so that NaN, which no valid vector contains, becomes 0.
        const double positive = steps > 0 ? steps : 0;
        const int code = static_cast<int>((positive < kCodeMax ? positive : kCodeMax) + 0.5);
        const double coded = lowest_ + double{step_} * code;
        const double error = value - coded;
        codes[i] = static_cast<std::uint8_t>(code);
        squared_error_.lane[lane] += error * error;
        squared_length_.lane[lane] += coded * coded;
    }

    std::span<const float> row_;
    double scale_;
    float step_, lowest_;
    double per_step_;
    LaneSum squared_error_, squared_length_;
};

}  // namespace

CodeShape code_shape(Metric metric, std::size_t dim) {
    if (metric == Metric::l1) return {0, 0};
    return {(dim + kStrideUnit - 1) / kStrideUnit * kStrideUnit, kStatistics};
}

void encode(Metric metric, const kernels::Matrix& matrix, std::uint8_t* codes, float* statistics) {
    if (metric == Metric::l1) return;
    const std::size_t stride = code_shape(metric, matrix.dim).stride;
    for (std::size_t i = 0; i < matrix.rows; ++i) {
        const std::span<const float> row(matrix.row(i), matrix.dim);
        RowEncoder encoder(row, metric == Metric::cosine ? inverse(length_of(row)) : 1);
        std::uint8_t* const code = codes + i * stride;
        encoder.encode(code);
        std::fill(code + matrix.dim, code + stride, std::uint8_t{0});
        encoder.write_statistics(metric, statistics + i * kStatistics);
    }
}

namespace {

// The coarse code of one row, and its statistics.
class RowCoarsener {
public:
    RowCoarsener(Metric metric, std::size_t dim, const float* statistics)
        : metric_(metric), dim_(dim), step_(statistics[0]), lowest_(statistics[1]), length_(statistics[2]),
          error_(statistics[3]), coarse_step_(kHalves * step_),
          coarse_lowest_(static_cast<float>(double{lowest_} + kMiddle * step_)) {}

    void coarsen(const std::uint8_t* codes, std::size_t coarse_stride, std::uint8_t* coarse) {
        const std::size_t stride = code_shape(metric_, dim_).stride;  // bytes after the last component are 0
        std::fill_n(coarse, coarse_stride, std::uint8_t{0});
        for (std::size_t start = 0; start < stride; start += kStrideUnit) {
            std::uint8_t* const bytes = coarse + start / (2 * kStrideUnit) * kStrideUnit;
            const int shift = start / kStrideUnit % 2 * 4;
            for (std::size_t j = 0; j < kStrideUnit; ++j)
                bytes[j] = static_cast<std::uint8_t>(bytes[j] | codes[start + j] >> 4 << shift);
        }
        std::size_t i = 0;
        for (; i + kLanes <= dim_; i += kLanes)
            for (std::size_t j = 0; j < kLanes; ++j) add_component(codes[i + j], j);
        for (std::size_t j = 0; i + j < dim_; ++j) add_component(codes[i + j], j);
    }

    void write_statistics(float* out) const {
        out[0] = coarse_step_;
        out[1] = coarse_lowest_;
        out[2] = out[3] = kInfinity;  // unknown, like a row whose codes carry no information
        if (!std::isfinite(length_) || !std::isfinite(error_) || !std::isfinite(coarse_step_)) return;
        const double magnitude =
            std::sqrt(static_cast<double>(dim_)) * (std::fabs(double{lowest_}) + kCodeMax * double{step_});
        const double rest = std::sqrt(squared_rest_.total()) * (1 + kFineRounding) + kFineRounding * magnitude;
        const double squared_length = squared_length_.total();
        out[3] = rounded_up(error_ + rest);
        if (metric_ != Metric::l2) {
            out[2] = rounded_up(std::sqrt(squared_length));
        } else if (magnitude * magnitude < FLT_MAX) {
            const double stored = out[3], slack = kRounding * magnitude * magnitude;
            out[2] = rounded_up((stored * stored - squared_length) / 2 + slack);
        }
    }

private:
    void add_component(std::uint8_t code, std::size_t lane) {
        const double fine = lowest_ + double{step_} * code;
        const double rough = coarse_lowest_ + double{coarse_step_} * (code >> 4);
        squared_rest_.lane[lane] += (fine - rough) * (fine - rough);
        squared_length_.lane[lane] += rough * rough;
    }

    static constexpr float kHalves = 16;
    static constexpr double kMiddle = 7.5;

    Metric metric_;
    std::size_t dim_;
    float step_, lowest_, length_, error_, coarse_step_, coarse_lowest_;
    LaneSum squared_rest_, squared_length_;
};

}  // namespace

void coarsen(Metric metric, std::size_t dim, std::size_t rows, const std::uint8_t* codes, const float* statistics,
             std::uint8_t* coarse, float* coarse_statistics) {
    const CodeShape shape = code_shape(metric, dim);
    for (std::size_t row = 0; row < rows && shape.stride > 0; ++row) {
        RowCoarsener coarsener(metric, dim, statistics + row * kStatistics);
        coarsener.coarsen(codes + row * shape.stride, shape.coarse_stride(), coarse + row * shape.coarse_stride());
        coarsener.write_statistics(coarse_statistics + row * kStatistics);
    }
}

CodedQuery::CodedQuery(Metric metric, std::span<const float> query, int code_max)
    : metric_(metric), root_of_dim_(std::sqrt(static_cast<double>(query.size()))),
      code_(2 * code_shape(metric, query.size()).coarse_stride()) {
    const double length = length_of(query);
    quantise(query, metric == Metric::l2 ? 1 : inverse(length), code_max);
    if (metric == Metric::inner_product && length > 0) length_ = length;
    screen_.per_length = metric == Metric::l2 ? 1 : rounded_up(error_);
    screen_.per_error = 1;
    set_floor(-kInfinity);
}

void CodedQuery::quantise(std::span<const float> query, double scale, int code_max) {
    const Range range = range_of(query);
    const double largest = std::max(std::fabs(range.low * scale), std::fabs(range.high * scale));
    const float step = static_cast<float>(largest / code_max);
    const double per_step = step > 0 ? 1 / double{step} : 0;
    double squared_error = 0, squared_code = 0, squared_length = 0;
    for (std::size_t i = 0; i < query.size(); ++i) {
        const double value = query[i] * scale;
        const double steps = std::clamp(std::nearbyint(value * per_step), double(-code_max), double(code_max));
        const double error = value - steps * step;
        code_[i] = static_cast<std::int8_t>(steps);
        screen_.code_sum += code_[i];
        squared_code += steps * steps;
        squared_error += error * error;
        squared_length += value * value;
    }
    error_ = std::sqrt(squared_error) * (1 + kFineRounding) + kFineRounding * std::sqrt(squared_length);
    squared_length_ = double{step} * step * squared_code;
    screen_.code = code_.data();
    screen_.per_step = step;
    screen_.per_lowest = static_cast<float>(double{step} * screen_.code_sum);
}

void CodedQuery::set_floor(float floor) {
    if (metric_ != Metric::l2) {
        // Rows with an infinite score tie, and so do those that round to one of the smallest scores.
        const double least = std::min(floor, FLT_MAX) - kSmallestFloat;
        screen_.threshold = rounded_down(least / length_ - kUnderflow);
        return;
    }
    const double distance = -double{floor} * (1 + kScoreRounding) + kSmallestFloat;
    screen_.per_error = rounded_up(distance + error_);
    const double squared_reach = double{screen_.per_error} * screen_.per_error;
    screen_.threshold = rounded_down((squared_length_ - squared_reach) / 2 -
                                     kRounding * (squared_length_ + squared_reach) - kUnderflow);
}

Interval CodedQuery::scores(const kernels::CodeBlock& block, std::size_t i, std::int32_t dot) const {
    const float length = block.length[i], error = block.error[i];
    if (!std::isfinite(length) || !std::isfinite(error)) return {-kInfinity, kInfinity};  // beyond float32: unknown
    const double lowest = block.lowest[i], step = block.step[i];
    const double product = double{screen_.per_step} * (lowest * screen_.code_sum + step * dot);
    if (metric_ != Metric::l2) return products(product, length, error);
    return distances(product, length, error, root_of_dim_ * (std::fabs(lowest) + kCodeMax * step));
}

Interval CodedQuery::products(double product, float length, float error) const {
    const double radius = error_ * length + error;
    return {rounded_down((product - radius) * length_), rounded_up((product + radius) * length_)};
}

// `length` is at least (error^2 - ||z||^2) / 2; the excess is the slack of `kRounding` and its own rounding, which is
// less than that slack or than the smallest float32. Squares of tiny vectors vanish beside one of these, hence the
// factor of two.
Interval CodedQuery::distances(double product, float length, float error, double magnitude) const {
    const double fine = kFineRounding * squared_length_;
    const double least = squared_length_ - 2 * (product + length) + double{error} * error - fine;
    const double most = least + 4 * kRounding * magnitude * magnitude + 2 * fine + 4 * kSmallestFloat;
    const double radius = error + error_;
    const double near = (std::sqrt(std::max(least, 0.0)) - radius) * (1 - kFineRounding);
    const double far = (std::sqrt(std::max(most, 0.0)) + radius) * (1 + kFineRounding);
    return {rounded_down(-far), rounded_up(-std::max(near, 0.0))};
}

}  // namespace vicinal::vectors
