// The graph in the Python module; see native/graph/graph.hpp and `indexes/graph.py`.
#include <nanobind/stl/string_view.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "bind_arrays.hpp"
#include "graph/graph.hpp"

namespace vicinal {
namespace {

constexpr std::size_t kWidthMax = std::size_t{1} << 24;

// Vectors by slot and their codes in one or two memory areas, validated once. Keeps the arrays alive.
class GraphRows {
public:
    GraphRows(std::string_view metric_name, std::size_t count, nb::handle vectors, nb::handle codes,
              nb::handle statistics, std::size_t second_start, nb::handle second_codes, nb::handle second_statistics)
        : metric_(metric_of(metric_name)), count_(count), vectors_(vectors_array(vectors)) {
        expect_rows("vectors", vectors_, count, vectors_.shape(1));
        const std::size_t first_count = std::min(count, second_start);
        keep("codes", 0, codes, "statistics", statistics, first_count);
        keep("second_codes", 1, second_codes, "second_statistics", second_statistics, count - first_count);
        second_start_ = first_count;
    }

    graph::Rows rows() const {
        const std::size_t dim = vectors_.shape(1);
        return {metric_,
                {vectors_.data(), vectors_.shape(0), dim},
                {{codes_[0].data(), statistics_[0].data()},
                 {codes_[1].data(), statistics_[1].data()},
                 second_start_,
                 vectors::code_shape(metric_, dim).stride},
                count_};
    }

    std::size_t dim() const { return vectors_.shape(1); }

private:
    void keep(const char* name, std::size_t i, nb::handle codes, const char* statistics_name, nb::handle statistics,
              std::size_t count) {
        const vectors::CodeShape shape = code_shape_of(metric_, vectors_.shape(1));
        if (codes.is_none() && (shape.stride == 0 || count == 0)) return;
        codes_[i] = table_array<const std::uint8_t>(name, "uint8", codes);
        statistics_[i] = table_array<const float>(statistics_name, "float32", statistics);
        expect_rows(name, codes_[i], count, shape.stride);
        expect_rows(statistics_name, statistics_[i], count, shape.statistics);
    }

    kernels::Metric metric_;
    std::size_t count_;
    FloatRows vectors_;
    Array<const std::uint8_t, 2> codes_[2];
    Array<const float, 2> statistics_[2];
    std::size_t second_start_ = 0;
};

std::size_t checked_degree(std::size_t degree) {
    if (degree >= 1 && degree <= graph::kDegreeMax) return degree;
    throw std::invalid_argument("degree must be from 1 to " + std::to_string(graph::kDegreeMax) + ", got " +
                                std::to_string(degree));
}

std::size_t checked_width(std::size_t width) {
    if (width >= 1 && width <= kWidthMax) return width;
    throw std::invalid_argument("width must be from 1 to " + std::to_string(kWidthMax) + ", got " +
                                std::to_string(width));
}

float checked_reach(float reach) {
    if (reach >= 0) return reach;
    throw std::invalid_argument("reach must be a number from 0 on, got " + std::to_string(reach));
}

class BoundGraph {
public:
    explicit BoundGraph(std::size_t degree) : graph_(checked_degree(degree)) {}

    std::size_t degree() const { return graph_.edges().degree(); }
    std::size_t end() const { return graph_.end(); }
    std::size_t inserted() const { return graph_.inserted(); }

    void load(nb::handle lists, nb::handle entries, std::size_t inserted) {
        const auto edges = array<Slots>("lists", "a C-contiguous uint32 array of one dimension", lists);
        const auto from = array<Slots>("entries", "a C-contiguous uint32 array of one dimension", entries);
        if (graph_.end() != 0) throw std::invalid_argument("the graph is not empty");
        if (edges.size() % degree() != 0) throw std::invalid_argument("lists must be of degree edges each");
        lists_ = edges;
        bool is_right;
        {
            const Unlocked unlocked;
            is_right = graph_.load(edges.data(), edges.size() / degree(), {from.data(), from.size()}, inserted);
        }
        if (!is_right) throw std::invalid_argument("the edges are not those of a graph");
    }

    void save(nb::handle lists) const {
        const auto edges = array<Array<std::uint32_t, 1>>("lists", "a writable uint32 array", lists);
        expect_length("lists", edges.size(), end() * degree());
        const Unlocked unlocked;
        graph_.edges().save(edges.data());
    }

    std::size_t entries(nb::handle out) const {
        const auto found = array<Array<std::uint32_t, 1>>("out", "a writable uint32 array", out);
        const std::vector<std::uint32_t> entries = graph_.all_entries();
        if (found.size() < entries.size()) expect_length("out", found.size(), entries.size());
        std::ranges::copy(entries, found.data());
        return entries.size();
    }

    void insert(const GraphRows& bound, nb::handle candidates, std::size_t end, std::size_t width, float alpha,
                std::size_t threads, bool is_polite) {
        const graph::Rows rows = bound.rows();
        if (end > rows.count || end > graph::kNodesMax) throw std::invalid_argument("end is beyond the rows");
        if (candidates.is_none()) throw std::invalid_argument("candidates must be a bitmap");
        const std::uint64_t* const words = bitmap(candidates, end);
        checked_width(width);
        const Unlocked unlocked;
        const std::lock_guard lock(inserting_);
        graph_.insert(rows, words, end, {width, alpha, threads, is_polite});
    }

    std::size_t search(const GraphRows& bound, nb::handle allowed, nb::handle queries, std::size_t width, float reach,
                       std::size_t threads, nb::handle skipped, nb::handle slots, nb::handle scores,
                       nb::handle counts) const {
        const graph::Rows rows = bound.rows();
        const auto query_rows = table_array<const float>("queries", "float32", queries);
        const auto slot_rows = table_array<std::uint32_t>("slots", "uint32", slots);
        const auto score_rows = table_array<float>("scores", "float32", scores);
        const auto found = array<Array<std::uint32_t, 1>>("counts", "a writable uint32 array of shape (m,)", counts);
        expect_shape("queries", query_rows, query_rows.shape(0), bound.dim());
        expect_shape("slots", slot_rows, query_rows.shape(0), slot_rows.shape(1));
        expect_shape("scores", score_rows, query_rows.shape(0), slot_rows.shape(1));
        expect_length("counts", found.size(), query_rows.shape(0));
        graph::Looking looking = {checked_width(width), std::max<std::size_t>(threads, 1),
                                  bitmap(allowed, std::min(rows.count, end())), checked_reach(reach)};
        if (!skipped.is_none()) {
            const Slots nodes = slots_array(skipped);
            expect_length("skipped", nodes.size(), query_rows.shape(0));
            looking.skipped = nodes.data();
        }
        const Unlocked unlocked;
        return graph_.search(rows, matrix_of(query_rows), looking,
                             {slot_rows.shape(1), slot_rows.data(), score_rows.data(), found.data()});
    }

private:
    graph::Graph graph_;
    std::mutex inserting_;
    Slots lists_;  // the arrays that edges were loaded from
};

}  // namespace

void bind_graph(nb::module_& module) {
    nb::class_<GraphRows>(module, "GraphRows", "Vectors by slot and their codes, as a graph reads them.")
        .def(nb::init<std::string_view, std::size_t, nb::handle, nb::handle, nb::handle, std::size_t, nb::handle,
                      nb::handle>(),
             nb::arg("metric"), nb::arg("count"), nb::arg("vectors").none(), nb::arg("codes").none(),
             nb::arg("statistics").none(), nb::arg("second_start"), nb::arg("second_codes").none(),
             nb::arg("second_statistics").none());
    nb::class_<BoundGraph>(module, "Graph", "Nodes and edges; see `indexes/graph.py`.")
        .def(nb::init<std::size_t>(), nb::arg("degree"))
        .def_prop_ro("degree", &BoundGraph::degree, "Edges of a node, at most.")
        .def_prop_ro("end", &BoundGraph::end, "Slots below it have been inserted, where they were candidates.")
        .def_prop_ro("inserted", &BoundGraph::inserted, "How many nodes there are.")
        .def("load", &BoundGraph::load, nb::arg("lists").none(), nb::arg("entries").none(), nb::arg("inserted"),
             "Goes on from what was saved; ValueError where that is no graph.")
        .def("save", &BoundGraph::save, nb::arg("lists").none(), "Edges of all slots into an array of that size.")
        .def("entries", &BoundGraph::entries, nb::arg("out").none(), "Nodes where walks begin, and how many.")
        .def("insert", &BoundGraph::insert, nb::arg("rows"), nb::arg("candidates").none(), nb::arg("end"),
             nb::arg("width"), nb::arg("alpha"), nb::arg("threads"), nb::arg("is_polite"),
             "Inserts candidates up to the slot `end`. ValueError for arrays that do not fit.")
        .def("search", &BoundGraph::search, nb::arg("rows"), nb::arg("allowed").none(), nb::arg("queries").none(),
             nb::arg("width"), nb::arg("reach"), nb::arg("threads"), nb::arg("skipped").none(), nb::arg("slots").none(),
             nb::arg("scores").none(), nb::arg("counts").none(),
             "Best nodes of each query into `slots` and `scores`, how many into `counts`; gives how many it measured. "
             "ValueError for arrays that do not fit.");
}

}  // namespace vicinal
