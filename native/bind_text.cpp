// `vicinal._core.Postings`: text/postings.hpp with argument checks; long operations release the GIL.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "bind.hpp"
#include "text/postings.hpp"

namespace vicinal {
namespace {

using text::Postings;

template <class T>
std::span<const T> span_of(const char* name, nb::handle object) {
    const auto values = array<Array<const T, 1>>(name, "a C-contiguous array of one dimension of its dtype", object);
    return {values.data(), values.size()};
}

text::Allowed allowed_of(nb::handle object) {
    if (object.is_none()) return std::nullopt;
    return span_of<std::uint64_t>("allowed", object);
}

// An array that owns its data.
template <class T>
nb::object owned(std::vector<T> values) {
    auto* const kept = new std::vector<T>(std::move(values));
    const nb::capsule owner(kept, [](void* vector) noexcept { delete static_cast<std::vector<T>*>(vector); });
    return nb::ndarray<nb::numpy, T, nb::ndim<1>>(kept->data(), {kept->size()}, owner).cast();
}

text::Formula formula_of(std::string_view name, double k1, double b, double average) {
    using enum text::Form;
    constexpr std::pair<std::string_view, text::Form> forms[] = {{"raw", raw}, {"log", log}, {"sqrt", root}};
    constexpr std::pair<std::string_view, text::Norm> norms[] = {
        {"none", text::Norm::none}, {"length", text::Norm::length}, {"sqrt", text::Norm::root}};
    if (name == "bm25") return {bm25, text::Norm::none, k1, b, average};
    for (const auto& [form_name, form] : forms)
        for (const auto& [norm_name, norm] : norms)
            if (name == "tf-" + std::string(form_name) + "-" + std::string(norm_name)) return {form, norm, 0, 0, 1};
    throw std::invalid_argument("no formula '" + std::string(name) + "'");
}

constexpr std::int64_t kOffsetMax = std::int64_t{1} << 32;  // places have 32 bits, so differences fit in 64

using Groups = std::vector<std::vector<std::pair<std::uint32_t, std::int64_t>>>;
using Numbers = std::vector<std::uint32_t>;

// A query, and the version of the postings that it was built for.
class Program {
public:
    Program(std::uint64_t version, std::string_view formula, double k1, double b, double average, const Groups& groups,
            std::vector<std::vector<double>> weights, std::vector<Numbers> clauses, Numbers excluded)
        : version_(version) {
        query_.formula = formula_of(formula, k1, b, average);
        for (const auto& group : groups) {
            if (group.empty()) throw std::invalid_argument("a group must have a term");
            auto& places = query_.groups.emplace_back();
            for (const auto& [term, offset] : group) {
                if (offset < -kOffsetMax || offset > kOffsetMax)
                    throw std::invalid_argument("a term cannot stand " + std::to_string(offset) + " places further on");
                places.push_back({term, offset});
                last_term_ = std::max(last_term_, term);
            }
        }
        query_.weights = std::move(weights);
        query_.clauses = std::move(clauses);
        query_.excluded = std::move(excluded);
        check();
    }

    std::uint64_t version() const { return version_; }

    // Throws std::out_of_range for terms that the index does not have.
    const text::Query& query(const text::Index& index) const {
        if (!query_.groups.empty() && last_term_ >= index.term_count())
            throw std::out_of_range("no term " + std::to_string(last_term_));
        return query_;
    }

private:
    void check() const {
        const std::size_t groups = query_.groups.size();
        bool fits = query_.weights.size() <= groups;
        for (std::size_t i = 0; fits && i < query_.weights.size(); ++i)
            fits = query_.weights[i].size() == query_.groups[i].size();
        const auto known = [&](const Numbers& numbers) {
            return std::all_of(numbers.begin(), numbers.end(), [&](std::uint32_t number) { return number < groups; });
        };
        if (!fits || !std::all_of(query_.clauses.begin(), query_.clauses.end(), known) || !known(query_.excluded))
            throw std::invalid_argument("weights, clauses and excluded must fit the groups");
    }

    std::uint64_t version_;
    text::Query query_;
    std::uint32_t last_term_ = 0;
};

// Texts of Python, kept alive as long as this object, even if other threads change the list that they came in.
class Terms {
public:
    explicit Terms(const nb::sequence& terms) : held_(nb::steal<nb::tuple>(PySequence_Tuple(terms.ptr()))) {
        if (!held_.is_valid()) throw nb::python_error();
        for (nb::handle term : held_) {
            std::string_view view;
            if (!nb::try_cast(term, view, /*convert=*/false)) throw nb::type_error("terms must be texts");
            views.push_back(view);
        }
    }

    std::vector<std::string_view> views;

private:
    nb::tuple held_;
};

std::vector<std::uint32_t> intern(Postings& postings, const std::vector<std::uint8_t>& fields,
                                  const nb::sequence& sequence) {
    const Terms terms(sequence);
    expect_length("fields", fields.size(), terms.views.size());
    const Unlocked unlocked;
    return postings.intern(fields, terms.views);
}

std::size_t slot_count(const Postings& postings) {
    const Unlocked unlocked;  // a writer may be active, and may need the GIL to finish
    return postings.slot_count();
}

nb::object find(const Postings& postings, const std::vector<std::uint8_t>& fields, const nb::sequence& sequence) {
    const Terms terms(sequence);
    expect_length("fields", fields.size(), terms.views.size());
    text::Found found;
    {
        const Unlocked unlocked;
        found = postings.find(fields, terms.views);
    }
    return nb::make_tuple(found.version, found.texts, found.length, nb::cast(found.numbers), nb::cast(found.frequencies));
}

void add(Postings& postings, nb::handle slots, nb::handle words, nb::handle ends, nb::handle term_ends,
         nb::handle terms, nb::handle offsets, nb::handle widths, std::size_t slot_count) {
    const auto added = span_of<std::uint32_t>("slots", slots);
    const text::Analysed texts = {
        span_of<std::uint32_t>("words", words), span_of<std::uint64_t>("ends", ends),
        span_of<std::uint64_t>("term_ends", term_ends), span_of<std::uint32_t>("terms", terms),
        span_of<std::uint32_t>("offsets", offsets), span_of<std::uint32_t>("widths", widths)};
    const Unlocked unlocked;
    postings.add(added, texts, slot_count);
}

void remove(Postings& postings, nb::handle slots) {
    const auto removed = span_of<std::uint32_t>("slots", slots);
    const Unlocked unlocked;
    postings.remove(removed);
}

nb::object search(const Postings& postings, const Program& program, std::size_t k, nb::handle allowed) {
    const text::Allowed rows = allowed_of(allowed);
    std::optional<text::Hits> hits;
    {
        const Unlocked unlocked;
        hits = postings.read(program.version(), [&](const text::Index& index) {
            return text::search(index, program.query(index), k, rows);
        });
    }
    if (!hits) return nb::none();
    return nb::make_tuple(owned(std::move(hits->slots)), owned(std::move(hits->scores)));
}

nb::object score(const Postings& postings, const Program& program, nb::handle slots) {
    const auto wanted = span_of<std::uint32_t>("slots", slots);
    std::optional<std::vector<float>> scores;
    {
        const Unlocked unlocked;
        scores = postings.read(program.version(), [&](const text::Index& index) {
            return text::score(index, program.query(index), wanted);
        });
    }
    return scores ? owned(std::move(*scores)) : nb::none();
}

nb::object matches(const Postings& postings, const Program& program, nb::handle allowed) {
    const text::Allowed rows = allowed_of(allowed);
    std::optional<std::vector<std::uint64_t>> found;
    {
        const Unlocked unlocked;
        found = postings.read(program.version(), [&](const text::Index& index) {
            return text::matches(index, program.query(index), rows);
        });
    }
    return found ? owned(std::move(*found)) : nb::none();
}

nb::object occurrences(const Postings& postings, const Program& program, std::uint32_t slot) {
    using Found = std::pair<std::uint32_t, std::vector<std::vector<std::uint32_t>>>;
    std::optional<Found> found;
    {
        const Unlocked unlocked;
        found = postings.read(program.version(), [&](const text::Index& index) {
            const std::uint32_t length = slot < index.slot_count() && index.is_live(slot) ? index.lengths[slot] : 0;
            return Found(length, text::occurrences(index, program.query(index), slot));
        });
    }
    return nb::cast(found);
}

nb::object save(Postings& postings) {
    std::shared_ptr<const text::Built> built;
    {
        const Unlocked unlocked;
        built = postings.save();
    }
    if (!built) return nb::none();
    using Kept = std::shared_ptr<const text::Built>;
    const nb::capsule owner(new Kept(built), [](void* kept) noexcept { delete static_cast<Kept*>(kept); });
    nb::dict arrays;
    text::for_each_part(
        [&](const char* name, const auto& values) {
            using T = typename std::remove_cvref_t<decltype(values)>::value_type;
            arrays[name] = nb::ndarray<nb::numpy, const T, nb::ndim<1>>(values.data(), {values.size()}, owner).cast();
        },
        *built);
    return arrays;
}

void load(Postings& postings, const nb::dict& arrays) {
    text::Saved saved;
    text::for_each_part(
        [&](const char* name, auto& values) {
            using T = typename std::remove_cvref_t<decltype(values)>::value_type;
            if (!arrays.contains(name)) throw std::invalid_argument(std::string("there is no array ") + name);
            values = span_of<T>(name, arrays[name]);
        },
        saved);
    const Unlocked unlocked;
    postings.load(saved);
}

}  // namespace

void bind_text(nb::module_& module) {
    nb::class_<Program>(module, "Program", "A query made ready; see `Program` in indexes/postings.py.")
        .def(nb::init<std::uint64_t, std::string_view, double, double, double, const Groups&,
                      std::vector<std::vector<double>>, std::vector<Numbers>, Numbers>());
    const auto slots = nb::arg("slots").none(), allowed = nb::arg("allowed").none();
    nb::class_<Postings>(module, "Postings", "See `Postings` in indexes/postings.py; None stands for Stale.")
        .def(nb::init<std::size_t>(), nb::arg("fields"))
        .def_prop_ro("version", &Postings::version)
        .def_prop_ro("numbering", &Postings::numbering)
        .def_prop_ro("slot_count", &slot_count)
        .def_prop_ro("borrows", &Postings::borrows, "Whether arrays given to `load` are still read.")
        .def("intern", &intern, nb::arg("fields"), nb::arg("terms"))
        .def("find", &find, nb::arg("fields"), nb::arg("terms"))
        .def("add", &add, slots, nb::arg("words").none(), nb::arg("ends").none(), nb::arg("term_ends").none(),
             nb::arg("terms").none(), nb::arg("offsets").none(), nb::arg("widths").none(), nb::arg("slot_count"))
        .def("remove", &remove, slots)
        .def("search", &search, nb::arg("program"), nb::arg("k"), allowed)
        .def("score", &score, nb::arg("program"), slots)
        .def("matches", &matches, nb::arg("program"), allowed)
        .def("occurrences", &occurrences, nb::arg("program"), nb::arg("slot"))
        .def("save", &save, "The arrays, or None if they are still those given to `load`.")
        .def("load", &load, nb::arg("arrays"), "Reads the arrays in place: keep them while `borrows` says so.");
}

}  // namespace vicinal
