// The vector part of the Python module: distances, codes and exact search.
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bind_arrays.hpp"
#include "kernels/kernels.hpp"
#include "vectors/codes.hpp"
#include "vectors/exact.hpp"
#include "vectors/leading.hpp"
#include "vectors/listed.hpp"

namespace vicinal {
namespace {

void scan(std::string_view metric_name, nb::handle vectors, nb::handle query, nb::handle out) {
    const kernels::Metric metric = metric_of(metric_name);
    const FloatRows rows = vectors_array(vectors);
    const Floats components = query_array(query);
    const auto values = out_array<float>("a writable, C-contiguous float32 array of shape (n,)", out);
    expect_length("query", components.size(), rows.shape(1));
    expect_length("out", values.size(), rows.shape(0));

    const Unlocked unlocked;
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

    const Unlocked unlocked;
    kernels::score(metric, matrix_of(rows), {wanted.data(), wanted.size()}, components.data(), scores.data());
}

void squared_norms(nb::handle vectors, nb::handle out) {
    const FloatRows rows = vectors_array(vectors);
    const auto norms = out_array<double>("a writable, C-contiguous float64 array of shape (n,)", out);
    expect_length("out", norms.size(), rows.shape(0));

    const Unlocked unlocked;
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

    const Unlocked unlocked;
    vectors::encode(metric, matrix_of(rows), code_rows.data(), statistic_rows.data());
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

    const Unlocked unlocked;
    vectors::coarsen(metric, dim, rows, code_rows.data(), statistic_rows.data(), coarse_rows.data(),
                     coarse_statistic_rows.data());
}

FloatRows directions_of(nb::handle directions, std::size_t dim) {
    const auto found = table_array<const float>("directions", "float32", directions);
    expect_shape("directions", found, vectors::kLeading, dim);
    return found;
}

// The codes of a look and their statistics.
struct LookArrays {
    Array<std::uint8_t, 2> codes;
    Array<float, 2> statistics;

    vectors::Look look() const { return {codes.data(), statistics.data()}; }
};

LookArrays look_arrays(const std::string& name, nb::handle codes, nb::handle statistics, std::size_t rows) {
    const std::string statistics_name = name + "_statistics";
    const LookArrays found = {table_array<std::uint8_t>(name.c_str(), "uint8", codes),
                              table_array<float>(statistics_name.c_str(), "float32", statistics)};
    expect_shape(name.c_str(), found.codes, rows, vectors::kSpanStride);
    expect_shape(statistics_name.c_str(), found.statistics, rows, vectors::kStatistics);
    return found;
}

void encode_leading(std::string_view metric_name, nb::handle vectors, nb::handle directions, nb::handle coarse,
                    nb::handle coarse_statistics, nb::handle further, nb::handle further_statistics) {
    const kernels::Metric metric = metric_of(metric_name);
    if (metric == kernels::Metric::l1) throw std::invalid_argument("metric must be cosine, ip or l2, got 'l1'");
    const FloatRows rows = vectors_array(vectors);
    const auto directed = directions_of(directions, rows.shape(1));
    code_shape_of(metric, rows.shape(1));
    const LookArrays first = look_arrays("coarse", coarse, coarse_statistics, rows.shape(0));
    const LookArrays second = look_arrays("further", further, further_statistics, rows.shape(0));

    const Unlocked unlocked;
    vectors::encode_leading(metric, matrix_of(rows), directed.data(), first.look(), second.look());
}

// Vectors by slot and their codes, as exact search reads them: validated once for many searches. Keeps the arrays
// alive.
class FlatRows {
public:
    FlatRows(std::string_view metric_name, std::size_t count, nb::handle vectors, nb::handle codes,
             nb::handle statistics, nb::handle coarse, nb::handle coarse_statistics, nb::handle directions,
             nb::handle further, nb::handle further_statistics)
        : metric_(metric_of(metric_name)), count_(count), vectors_(vectors_array(vectors)),
          shape_(code_shape_of(metric_, vectors_.shape(1))),
          codes_(table_array<const std::uint8_t>("codes", "uint8", codes)),
          statistics_(table_array<const float>("statistics", "float32", statistics)) {
        expect_rows("vectors", vectors_, count, dim());
        expect_rows("codes", codes_, count, shape_.stride);
        expect_rows("statistics", statistics_, count, shape_.statistics);
        if (!directions.is_none()) keep_further(directions, further, further_statistics);
        if (!coarse.is_none()) keep_coarse(coarse, coarse_statistics);
    }

    void search(nb::handle allowed, nb::handle queries, std::size_t threads, nb::handle slots, nb::handle scores,
                nb::handle counts) const {
        const auto query_rows = table_array<const float>("queries", "float32", queries);
        const auto slot_rows = table_array<std::uint32_t>("slots", "uint32", slots);
        const auto score_rows = table_array<float>("scores", "float32", scores);
        const auto found =
            array<Array<std::uint32_t, 1>>("counts", "a C-contiguous uint32 array of shape (m,)", counts);
        expect_shape("queries", query_rows, query_rows.shape(0), dim());
        expect_shape("slots", slot_rows, query_rows.shape(0), slot_rows.shape(1));
        expect_shape("scores", score_rows, query_rows.shape(0), slot_rows.shape(1));
        expect_length("counts", found.size(), query_rows.shape(0));
        const vectors::Rows rows = rows_in(bitmap(allowed, count_));

        const Unlocked unlocked;
        vectors::search(rows, matrix_of(query_rows), std::max<std::size_t>(threads, 1),
                        {slot_rows.shape(1), slot_rows.data(), score_rows.data(), found.data()});
    }

private:
    std::size_t dim() const { return vectors_.shape(1); }

    vectors::Rows rows_in(const std::uint64_t* allowed) const {
        vectors::Rows rows = {metric_, {vectors_.data(), count_, dim()}, codes_.data(), statistics_.data(), allowed};
        if (directions_.is_valid()) {
            rows.directions = directions_.data();
            rows.further = further_.data();
            rows.further_statistics = further_statistics_.data();
        }
        if (coarse_.is_valid()) {
            rows.coarse = coarse_.data();
            rows.coarse_statistics = coarse_statistics_.data();
        }
        return rows;
    }

    void keep_coarse(nb::handle coarse, nb::handle coarse_statistics) {
        const auto code_rows = table_array<const std::uint8_t>("coarse", "uint8", coarse);
        const auto statistic_rows = table_array<const float>("coarse_statistics", "float32", coarse_statistics);
        const bool leads = directions_.is_valid();
        expect_rows("coarse", code_rows, count_, leads ? vectors::kSpanStride : shape_.coarse_stride());
        const std::size_t statistics = leads ? vectors::kStatistics : shape_.statistics;
        expect_rows("coarse_statistics", statistic_rows, count_, statistics);
        if (shape_.stride == 0) return;
        coarse_ = code_rows;
        coarse_statistics_ = statistic_rows;
    }

    void keep_further(nb::handle directions, nb::handle further, nb::handle further_statistics) {
        directions_ = directions_of(directions, dim());
        further_ = table_array<const std::uint8_t>("further", "uint8", further);
        further_statistics_ = table_array<const float>("further_statistics", "float32", further_statistics);
        expect_rows("further", further_, count_, vectors::kSpanStride);
        expect_rows("further_statistics", further_statistics_, count_, vectors::kStatistics);
    }

    kernels::Metric metric_;
    std::size_t count_;
    FloatRows vectors_;
    vectors::CodeShape shape_;
    Array<const std::uint8_t, 2> codes_;
    Array<const float, 2> statistics_;
    Array<const std::uint8_t, 2> coarse_;  // these are empty if not given
    Array<const float, 2> coarse_statistics_;
    FloatRows directions_;
    Array<const std::uint8_t, 2> further_;
    Array<const float, 2> further_statistics_;
};

void expect_below(const char* name, std::span<const std::uint32_t> values, std::size_t limit) {
    for (const std::uint32_t value : values)
        if (value >= limit)
            throw std::out_of_range(std::string(name) + ": " + std::to_string(value) + " is not below " +
                                    std::to_string(limit));
}

// Codes in the order of lists, validated once. Keeps the arrays alive.
class Lists {
public:
    Lists(std::string_view metric_name, nb::handle codes, nb::handle statistics, nb::handle slots, nb::handle starts,
          nb::handle centroid_codes, nb::handle centroid_statistics, std::size_t dim)
        : metric_(metric_of(metric_name)), dim_(dim), codes_(table_array<const std::uint8_t>("codes", "uint8", codes)),
          statistics_(table_array<const float>("statistics", "float32", statistics)), slots_(slots_array(slots)),
          starts_(array<Slots>("starts", "a C-contiguous uint32 array of shape (lists + 1,)", starts)),
          centroid_codes_(table_array<const std::uint8_t>("centroid_codes", "uint8", centroid_codes)),
          centroid_statistics_(
              table_array<const float>("centroid_statistics", "float32", centroid_statistics)) {
        if (metric_ == kernels::Metric::l1) throw std::invalid_argument("metric must be cosine, ip or l2, got 'l1'");
        const vectors::CodeShape shape = code_shape_of(metric_, dim);
        expect_shape("codes", codes_, slots_.size(), shape.stride);
        expect_shape("statistics", statistics_, slots_.size(), shape.statistics);
        const std::span<const std::uint32_t> ends(starts_.data(), starts_.size());
        if (ends.empty() || ends.front() != 0 || ends.back() != slots_.size() || !std::ranges::is_sorted(ends))
            throw std::invalid_argument("starts must ascend from 0 to the number of slots");
        expect_shape("centroid_codes", centroid_codes_, ends.size() - 1, shape.stride);
        expect_shape("centroid_statistics", centroid_statistics_, ends.size() - 1, shape.statistics);
        for (const std::uint32_t slot : std::span(slots_.data(), slots_.size())) slot_end_ = std::max<std::size_t>(slot_end_, slot + 1);
    }

    // Returns the number of rows compared, and how many slots and scores were written.
    std::pair<std::size_t, std::size_t> search(nb::handle vectors, nb::handle allowed, std::size_t least,
                                               std::size_t wanted, nb::handle query, nb::handle slots,
                                               nb::handle scores) const {
        const FloatRows rows = vectors_array(vectors);
        const Floats components = query_array(query);
        const auto found_slots = array<Array<std::uint32_t, 1>>("slots", "a writable uint32 array of shape (k,)", slots);
        const auto found_scores = out_array<float>("a writable, C-contiguous float32 array of shape (k,)", scores);
        expect_length("query", components.size(), dim_);
        expect_shape("vectors", rows, rows.shape(0), dim_);
        expect_length("scores", found_scores.size(), found_slots.size());
        if (rows.shape(0) < slot_end_) throw std::invalid_argument("vectors: fewer rows than slots in the lists");
        const vectors::ListedRows listed = {metric_, {rows.data(), rows.shape(0), dim_}, codes_.data(),
                                            statistics_.data(), {slots_.data(), slots_.size()},
                                            bitmap(allowed, slot_end_)};

        const Unlocked unlocked;
        // If a filter leaves too few rows in twice as many lists, all lists are sorted and the search starts over.
        vectors::ListedAnswer answer = {};
        for (std::size_t count = std::min(2 * std::min(least, lists()), lists());; count = lists()) {
            answer = vectors::search_lists(listed, ranges_of(components.data(), count), least, wanted, components.data(),
                                           found_slots.size());
            if (answer.seen >= wanted || count == lists()) break;
        }
        for (std::size_t i = 0; i < answer.hits.size(); ++i) {
            found_slots.data()[i] = answer.hits[i].slot;
            found_scores.data()[i] = answer.hits[i].score;
        }
        return {answer.seen, answer.hits.size()};
    }

private:
    std::size_t lists() const { return starts_.size() - 1; }

    // The ranges of the `count` most promising lists.
    std::vector<vectors::ListRange> ranges_of(const float* query, std::size_t count) const {
        const vectors::Centroids centroids = {
            metric_, dim_, lists(), {centroid_codes_.data(), centroid_statistics_.data(), codes_.shape(1)}};
        std::vector<vectors::ListRange> ranges;
        ranges.reserve(count);
        const std::vector<std::uint32_t> ranked = vectors::rank_lists(centroids, query, count);
        for (const std::uint32_t list : std::span(ranked).first(count))
            ranges.push_back({starts_.data()[list], starts_.data()[list + 1]});
        return ranges;
    }

    kernels::Metric metric_;
    std::size_t dim_;
    Array<const std::uint8_t, 2> codes_;
    Array<const float, 2> statistics_;
    Slots slots_, starts_;
    Array<const std::uint8_t, 2> centroid_codes_;
    Array<const float, 2> centroid_statistics_;
    std::size_t slot_end_ = 0;
};

}  // namespace

void bind_vectors(nb::module_& module) {
    module.def("levels", &kernels::levels, "SIMD levels that this machine can run, slowest first.");
    module.def("level", &kernels::level, "The level that `scan` and searches use now.");
    module.def("use_level", &kernels::use_level, nb::arg("name"),
               "Make `scan` and searches use this level from now on; ValueError if this machine cannot.");

    // none(): a None is rejected by `array` like any other value that is not an array.
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
    const auto directions = nb::arg("directions").none();
    const auto further = nb::arg("further").none(), further_statistics = nb::arg("further_statistics").none();
    module.def("encode_leading", &encode_leading, nb::arg("metric"), vectors, directions, coarse, coarse_statistics,
               further, further_statistics,
               "Codes of all rows in directions, for the first and the further look, and their statistics into arrays "
               "of that shape; see `Scanner.lead`. ValueError for arrays that do not fit.");
    nb::class_<FlatRows>(module, "FlatRows", "Vectors by slot and their codes, as exact search reads them.")
        .def(nb::init<std::string_view, std::size_t, nb::handle, nb::handle, nb::handle, nb::handle, nb::handle,
                      nb::handle, nb::handle, nb::handle>(),
             nb::arg("metric"), nb::arg("count"), vectors, codes, statistics, coarse, coarse_statistics, directions,
             further, further_statistics)
        .def("search", &FlatRows::search, nb::arg("allowed").none(), nb::arg("queries").none(), nb::arg("threads"),
             slots, scores, nb::arg("counts").none(),
             "Best rows of each query into `slots` and `scores`, how many into `counts`; see "
             "`Scanner.search_many`. ValueError for arrays that do not fit.");

    nb::class_<Lists>(module, "Lists", "Codes in the order of lists; see `indexes/listed.py`.")
        .def(nb::init<std::string_view, nb::handle, nb::handle, nb::handle, nb::handle, nb::handle, nb::handle,
                      std::size_t>(),
             nb::arg("metric"), codes, statistics, slots, nb::arg("starts").none(), nb::arg("centroid_codes").none(),
             nb::arg("centroid_statistics").none(), nb::arg("dim"))
        .def("search", &Lists::search, vectors, nb::arg("allowed").none(), nb::arg("least"), nb::arg("wanted"), query,
             slots, scores,
             "Best rows of the lists into `slots` and `scores`; gives how many candidates it looked at, and how many "
             "it found. ValueError and IndexError for arrays that do not fit.");
}

}  // namespace vicinal
