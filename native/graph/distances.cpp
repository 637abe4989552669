#include "distances.hpp"

namespace vicinal::graph {
namespace {

constexpr int kHalf = 128;          // makes a code signed
constexpr int kCodeMaxOfRows = 127;  // a level that cannot multiply values this large gets codes of half the precision

std::size_t code_bytes(const Rows& rows) { return rows.codes.stride; }

}  // namespace

QueryDistances::QueryDistances(const Rows& rows, const float* query)
    : rows_(rows), table_(kernels::screen_table()), code_(code_bytes(rows)) {
    const std::size_t dim = rows.vectors.dim;
    float largest = 0;
    for (std::size_t i = 0; i < dim; ++i) largest = std::max(largest, std::fabs(query[i]));
    const float per_step = static_cast<float>(table_.query_code_max) / largest;
    if (!(per_step < FLT_MAX)) return;  // a zero vector, or nearly: all rows are equally far
    float squared = 0, squared_error = 0;
    std::int32_t squared_code = 0;
    for (std::size_t i = 0; i < dim; ++i) {
        const float steps = query[i] * per_step;
        const auto code = static_cast<std::int32_t>(steps + (steps < 0 ? -0.5f : 0.5f));
        const float error = steps - static_cast<float>(code);
        code_[i] = static_cast<std::int8_t>(code);
        squared += steps * steps;
        squared_error += error * error;
        squared_code += code * code;
        sum_ += code;
    }
    const float length = std::sqrt(squared) / per_step;  // no overflow on the way
    const float scale = rows.metric == kernels::Metric::l2 ? 1 : 1 / length;
    step_ = scale / per_step;
    per_lowest_ = step_ * static_cast<float>(sum_);
    length_ = length * scale;
    error_ = step_ * std::sqrt(squared_error);
    squared_code_ = step_ * step_ * static_cast<float>(squared_code);
}

float QueryDistances::farther(float distance, float share) const {
    if (rows_.metric == kernels::Metric::inner_product) return FLT_MAX;
    // Of squared Euclidean distances; under cosine, half of those of the normalized vectors.
    const float less = rows_.metric == kernels::Metric::cosine ? -1 : -length_ * length_;
    return (1 + share) * (1 + share) * (distance - less) + less;
}

float QueryDistances::radius(std::size_t slot, float distance) const {
    const float* const statistics = rows_.codes.statistics(slot);
    if (rows_.metric != kernels::Metric::l2) return error_ * statistics[2] + statistics[3] * length_;
    const float root = std::sqrt(std::max(distance + squared_code_, 0.0f));
    const float error = statistics[3] + error_;
    return error * (2 * root + error);
}

void RowSums::extend(const Rows& rows, const std::uint64_t* candidates, std::size_t end) {
    for (std::size_t slot = sums.size(); slot < end; ++slot) {
        const std::uint8_t* const code = rows.codes.row(slot);
        std::uint32_t sum = 0;
        for (std::size_t i = 0; i < rows.codes.stride; ++i) sum += code[i];
        sums.push_back(static_cast<float>(sum));
        const float squared = squared_length(rows.metric, rows.codes.statistics(slot));
        if ((candidates[slot / 64] >> slot % 64 & 1) && squared < FLT_MAX)
            squared_length_max = std::max(squared_length_max, squared);
    }
}

RowDistances::RowDistances(const Rows& rows, const RowSums& sums)
    : rows_(rows), sums_(sums), table_(kernels::screen_table()), code_(code_bytes(rows)) {}

void RowDistances::aim(std::uint32_t slot) {
    const std::size_t dim = rows_.vectors.dim;
    const std::uint8_t* const code = rows_.codes.row(slot);
    const float* const statistics = rows_.codes.statistics(slot);
    const float step = statistics[0], lowest = statistics[1];
    float sum = sums_.sums[slot];
    if (table_.query_code_max >= kCodeMaxOfRows) {
        for (std::size_t i = 0; i < dim; ++i) code_[i] = static_cast<std::int8_t>(code[i] - kHalf);
        step_ = step;
        offset_ = lowest + step * kHalf;
        sum_ = static_cast<std::int32_t>(sum) - kHalf * static_cast<std::int32_t>(dim);
    } else {
        sum_ = 0;
        for (std::size_t i = 0; i < dim; ++i) sum_ += code_[i] = static_cast<std::int8_t>((code[i] >> 1) - kHalf / 2);
        step_ = 2 * step;
        offset_ = lowest + step * (kHalf + 0.5f);
    }
    per_lowest_ = static_cast<float>(dim) * offset_ + step_ * static_cast<float>(sum_);
    squared_length_ = squared_length(rows_.metric, statistics);
    if (rows_.metric == kernels::Metric::inner_product) lifted_ = lifted(squared_length_);
}

}  // namespace vicinal::graph
