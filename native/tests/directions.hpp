// Random orthogonal directions.
#pragma once

#include <cmath>
#include <random>
#include <vector>

// `count` orthonormal rows of `dim` values, by Gram-Schmidt, applied twice for accuracy.
inline std::vector<float> orthonormal(std::size_t count, std::size_t dim) {
    std::mt19937 random(3);
    std::normal_distribution<double> normal;
    std::vector<double> rows(count * dim);
    for (double& value : rows) value = normal(random);
    const auto dot = [&](std::size_t a, std::size_t b) {
        double sum = 0;
        for (std::size_t i = 0; i < dim; ++i) sum += rows[a * dim + i] * rows[b * dim + i];
        return sum;
    };
    for (std::size_t row = 0; row < count; ++row) {
        for (int pass = 0; pass < 2; ++pass) {
            for (std::size_t earlier = 0; earlier < row; ++earlier) {
                const double share = dot(row, earlier);
                for (std::size_t i = 0; i < dim; ++i) rows[row * dim + i] -= share * rows[earlier * dim + i];
            }
            const double length = std::sqrt(dot(row, row));
            for (std::size_t i = 0; i < dim; ++i) rows[row * dim + i] /= length;
        }
    }
    return {rows.begin(), rows.end()};
}
