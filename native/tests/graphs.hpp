// Rows with codes, and searches in a graph of them.
#pragma once

#include <numeric>
#include <vector>

#include "graph/graph.hpp"
#include "samples.hpp"

// Vectors of different lengths around a few centers, and their codes; the codes of slots from `cut` on are stored
// elsewhere.
struct GraphSample {
    static constexpr std::size_t kCentres = 20;

    Metric metric;
    std::size_t cut;
    Sample sample;
    GuardedArray<std::uint8_t> codes, more_codes;
    GuardedArray<float> statistics, more_statistics;

    GraphSample(Metric metric, std::size_t rows, std::size_t dim, std::size_t cut)
        : metric(metric), cut(cut), sample(rows, dim, static_cast<unsigned>(rows)), codes(cut * stride(metric, dim)),
          more_codes((rows - cut) * stride(metric, dim)), statistics(cut * width(metric)),
          more_statistics((rows - cut) * width(metric)) {
        for (std::size_t i = 0; i < rows; ++i)
            for (std::size_t j = 0; j < dim; ++j) {
                float& value = sample.values[i * dim + j];
                const std::size_t centre = i % kCentres;
                value = (1 + 0.01f * static_cast<float>(i % 7)) *
                        (0.6f * value + static_cast<float>((centre * 31 + j * 17 + centre * j) % 13) / 6 - 1);
            }
        vicinal::vectors::encode(metric, {sample.values.data(), cut, dim}, codes.data(), statistics.data());
        vicinal::vectors::encode(metric, {sample.values.data() + cut * dim, rows - cut, dim}, more_codes.data(),
                                 more_statistics.data());
    }

    static std::size_t stride(Metric metric, std::size_t dim) { return vicinal::vectors::code_shape(metric, dim).stride; }
    static std::size_t width(Metric metric) { return vicinal::vectors::code_shape(metric, 1).statistics; }

    vicinal::graph::Rows rows(std::size_t count) const {
        return {metric,
                sample.matrix(),
                {{codes.data(), statistics.data()},
                 {more_codes.data(), more_statistics.data()},
                 cut,
                 stride(metric, sample.dim)},
                count};
    }
    vicinal::graph::Rows rows() const { return rows(sample.rows); }

    std::vector<std::uint64_t> everything() const {
        return std::vector<std::uint64_t>((sample.rows + 63) / 64, ~std::uint64_t{0});
    }
};

struct Answer {
    std::vector<std::uint32_t> slots;
    std::vector<float> scores;
};

inline std::vector<Answer> search(const vicinal::graph::Graph& found, const vicinal::graph::Rows& rows, const Matrix& queries,
                                  std::size_t k, const vicinal::graph::Looking& looking) {
    std::vector<std::uint32_t> slots(queries.rows * k), counts(queries.rows);
    std::vector<float> scores(queries.rows * k);
    found.search(rows, queries, looking, {k, slots.data(), scores.data(), counts.data()});
    std::vector<Answer> answers;
    for (std::size_t i = 0; i < queries.rows; ++i) {
        const auto begin = static_cast<std::ptrdiff_t>(i * k), end = begin + counts[i];
        answers.push_back({{slots.begin() + begin, slots.begin() + end}, {scores.begin() + begin, scores.begin() + end}});
    }
    return answers;
}
