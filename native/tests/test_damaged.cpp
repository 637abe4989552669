// Data that native code maps and reads, with values changed at random: as in a file from an untrusted source whose
// checksums are right. It must be rejected, or read without an access out of bounds, an infinite loop, or a crash. The
// sanitizers decide. VICINAL_MUTATIONS sets how many mutations of each kind are tried, VICINAL_SEED which ones; the
// arguments select the kinds: postings, codes, graphs.
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "check.hpp"
#include "directions.hpp"
#include "graphs.hpp"
#include "samples.hpp"
#include "text/postings.hpp"
#include "vectors/exact.hpp"
#include "vectors/leading.hpp"

using namespace vicinal;
using namespace vicinal::text;

namespace {

constexpr unsigned kSecondsMax = 60;  // per mutation

std::size_t setting(const char* name, std::size_t otherwise) {
    const char* value = std::getenv(name);
    return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

class Random {
public:
    explicit Random(std::uint64_t seed) : engine_(seed) {}
    std::size_t below(std::size_t limit) { return static_cast<std::size_t>(engine_() % limit); }
    std::uint64_t bits() { return engine_(); }

private:
    std::mt19937_64 engine_;
};

// -- values

// Values near a boundary are those that a check may miss.
template <class T>
T changed(T value, Random& random, const std::vector<T>& all) {
    switch (random.below(8)) {
        case 0: return 0;
        case 1: return static_cast<T>(static_cast<std::uint64_t>(value) + 1);
        case 2: return static_cast<T>(static_cast<std::uint64_t>(value) - 1);
        case 3: return static_cast<T>(~std::uint64_t{0});
        case 4: return static_cast<T>(~std::uint64_t{0} >> 1);
        case 5: return static_cast<T>(all.size() + random.below(3));
        case 6: return all[random.below(all.size())];
        default: return static_cast<T>(random.bits() >> random.below(64));
    }
}

template <class T>
void mutate(std::vector<T>& values, Random& random) {
    const std::size_t kind = random.below(12);
    if (values.empty() || kind == 0) {
        values.insert(values.begin() + static_cast<std::ptrdiff_t>(random.below(values.size() + 1)), T{1});
    } else if (kind == 1) {
        values.erase(values.begin() + static_cast<std::ptrdiff_t>(random.below(values.size())));
    } else if (kind == 2) {
        values.resize(random.below(values.size() + 1));
    } else if (kind == 3) {
        std::swap(values[random.below(values.size())], values[random.below(values.size())]);
    } else if (kind == 4) {
        std::fill(values.begin(), values.end(), changed(values[0], random, values));
    } else {
        for (std::size_t times = 1 + random.below(3); times > 0; --times) {
            T& value = values[random.below(values.size())];
            value = changed(value, random, values);
        }
    }
}

// -- postings

constexpr std::size_t kFields = 2;
constexpr std::uint32_t kWords = 30;

struct Names {
    Names() {
        for (std::uint32_t word = 0; word < kWords; ++word) {
            fields.push_back(static_cast<std::uint8_t>(word % kFields));
            strings.push_back("word" + std::to_string(word / 2));
        }
        views.assign(strings.begin(), strings.end());
    }

    std::vector<std::uint8_t> fields;
    std::vector<std::string> strings;
    std::vector<std::string_view> views;
};

void add(Postings& postings, Random& random, std::size_t count) {
    const Names names;
    const std::vector<std::uint32_t> terms = postings.intern(names.fields, names.views);
    std::vector<std::uint32_t> words, slots, offsets(kWords), widths(kWords, 1);
    std::vector<std::uint64_t> ends, term_ends;
    for (std::uint32_t word = 0; word < kWords; ++word) term_ends.push_back(word + 1);
    const std::size_t first = postings.slot_count();
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t length = i == 5 ? 700 : random.below(12);
        for (std::size_t place = 0; place < length; ++place)
            words.push_back(static_cast<std::uint32_t>(i == 5 ? random.below(2) : std::min(random.below(kWords), random.below(kWords))));
        slots.push_back(static_cast<std::uint32_t>(first + i));
        ends.push_back(words.size());
    }
    postings.add(slots, {words, ends, term_ends, terms, offsets, widths}, first + count + 1);
}

Query some_query(const std::vector<std::uint32_t>& known, double average, Random& random) {
    Query query;
    const Form forms[] = {Form::bm25, Form::raw, Form::log, Form::root};
    const Norm norms[] = {Norm::none, Norm::length, Norm::root};
    query.formula = {forms[random.below(4)], norms[random.below(3)], 1.2, 0.75, average};
    query.clauses.emplace_back();
    for (std::size_t groups = 1 + random.below(4); groups > 0; --groups) {
        std::vector<Place> places;
        for (std::size_t terms = 1 + random.below(2); terms > 0; --terms)
            places.push_back({known[random.below(known.size())], static_cast<std::int64_t>(places.size())});
        query.clauses[0].push_back(static_cast<std::uint32_t>(query.groups.size()));
        query.weights.emplace_back(places.size(), 0.5 + static_cast<double>(random.below(3)));
        query.groups.push_back(std::move(places));
    }
    if (random.below(3) == 0) query.excluded.push_back(static_cast<std::uint32_t>(random.below(query.groups.size())));
    if (random.below(3) == 0) query.clauses.push_back({static_cast<std::uint32_t>(random.below(query.groups.size()))});
    return query;
}

// Runs every query that a reader can run on postings.
void ask(const Postings& postings, Random& random) {
    const Names names;
    const Found found = postings.find(names.fields, names.views);
    std::vector<std::uint32_t> known;
    std::copy_if(found.numbers.begin(), found.numbers.end(), std::back_inserter(known), [](auto number) { return number != kAbsent; });
    if (known.empty()) return;
    const double average = found.length > 0 ? static_cast<double>(found.length) / static_cast<double>(found.texts) : 1;
    const std::size_t slot_count = postings.slot_count();
    std::vector<std::uint64_t> some((slot_count + 63) / 64);
    for (std::uint64_t& word : some) word = random.bits();
    for (int round = 0; round < 4; ++round) {
        const Query query = some_query(known, average, random);
        const Allowed allowed = round % 2 == 0 ? Allowed() : Allowed(some);
        postings.read(found.version, [&](const Index& index) {
            const Hits hits = search(index, query, 1 + random.below(slot_count + 5), allowed);
            CHECK(std::is_sorted(hits.scores.begin(), hits.scores.end(), std::greater<>()), "%zu hits", hits.scores.size());
            const std::set<std::uint32_t> distinct(hits.slots.begin(), hits.slots.end());
            CHECK(distinct.size() == hits.slots.size(), "%zu hits", hits.slots.size());
            for (const std::uint32_t slot : hits.slots) CHECK(slot < slot_count, "slot %u of %zu", slot, slot_count);
            score(index, query, hits.slots);
            CHECK(matches(index, query, allowed).size() == some.size(), "%zu slots", slot_count);
            for (std::size_t i = 0; i < std::min<std::size_t>(8, slot_count); ++i)
                occurrences(index, query, static_cast<std::uint32_t>(random.below(slot_count)));
            return 0;
        });
    }
}

// Returns false if the data is rejected.
bool live_with(const Built& damaged, Random& random) {
    Postings postings(kFields);
    try {
        postings.load(view_of(damaged));
    } catch (const std::invalid_argument&) {
        CHECK(postings.slot_count() == 0, "refused, and taken");
        return false;
    }
    ask(postings, random);
    const std::uint32_t slots = static_cast<std::uint32_t>(postings.slot_count());
    add(postings, random, 3);
    if (slots > 0) postings.remove(std::vector<std::uint32_t>{static_cast<std::uint32_t>(random.below(slots)), 0, slots});
    ask(postings, random);
    if (const auto saved = postings.save()) check(view_of(*saved), kFields);
    ask(postings, random);
    return true;
}

void damage_postings(std::size_t mutations, std::uint64_t seed) {
    Random making(1);
    Postings whole(kFields);
    add(whole, making, 150);
    whole.remove(std::vector<std::uint32_t>{2, 3, 64});
    const auto built = whole.save();
    std::size_t accepted = live_with(*built, making) ? 0 : 1;
    CHECK(accepted == 0, "what was saved is refused");
    for (std::size_t i = 0; i < mutations; ++i) {
        alarm(kSecondsMax);
        Random random(seed + i);
        Built damaged = *built;
        for (std::size_t times = 1 + random.below(5) / 4; times > 0; --times) {
            std::size_t chosen = random.below(17);
            for_each_part([&](const char*, auto& part) { if (chosen-- == 0) mutate(part, random); }, damaged);
        }
        const int before = failures;
        accepted += live_with(damaged, random);
        if (failures > before) std::printf("  with VICINAL_SEED=%zu\n", static_cast<std::size_t>(seed + i));
    }
    std::printf("postings: %zu of %zu accepted\n", accepted, mutations);
    CHECK(accepted > 0 && accepted < mutations, "nothing was tried");
}

// -- vectors and their codes

struct Coded {
    std::vector<float> vectors, directions;
    std::vector<std::uint8_t> codes, halves, leading, further;
    std::vector<float> statistics, half_statistics, leading_statistics, further_statistics;
};

constexpr std::size_t kRows = 200, kDim = 264;

Coded coded(Metric metric) {
    const Sample sample(kRows, kDim, 5);
    const vectors::CodeShape shape = vectors::code_shape(metric, kDim);
    Coded made = {{sample.values.data(), sample.values.data() + sample.values.size()}, {}, {}, {}, {}, {}, {}, {}, {}, {}};
    const std::vector<float> directions = orthonormal(vectors::kLeading, kDim);
    made.directions.assign(directions.begin(), directions.end());
    made.codes.resize(kRows * shape.stride);
    made.halves.resize(kRows * shape.coarse_stride());
    made.statistics.resize(kRows * shape.statistics);
    made.half_statistics.resize(kRows * shape.statistics);
    vectors::encode(metric, sample.matrix(), made.codes.data(), made.statistics.data());
    vectors::coarsen(metric, kDim, kRows, made.codes.data(), made.statistics.data(), made.halves.data(), made.half_statistics.data());
    made.leading.resize(kRows * vectors::kSpanStride);
    made.further.resize(kRows * vectors::kSpanStride);
    made.leading_statistics.resize(kRows * vectors::kStatistics);
    made.further_statistics.resize(kRows * vectors::kStatistics);
    vectors::encode_leading(metric, sample.matrix(), made.directions.data(),
                            {made.leading.data(), made.leading_statistics.data()},
                            {made.further.data(), made.further_statistics.data()});
    return made;
}

template <class T>
void scramble(std::vector<T>& values, Random& random) {
    for (std::size_t times = std::size_t{1} << random.below(10); times > 0; --times) {
        const std::uint64_t bits = random.below(4) == 0 ? ~std::uint64_t{0} : random.bits();  // all ones: NaN
        std::memcpy(&values[random.below(values.size())], &bits, sizeof(T));
    }
}

void search_damaged(Metric metric, const Coded& found, Random& random) {
    vectors::Rows rows = {metric, {found.vectors.data(), kRows, kDim}, found.codes.data(), found.statistics.data(), nullptr};
    if (random.below(2) == 0) {
        rows.coarse = found.halves.data();
        rows.coarse_statistics = found.half_statistics.data();
    } else {
        rows.coarse = found.leading.data();
        rows.coarse_statistics = found.leading_statistics.data();
        rows.directions = found.directions.data();
        rows.further = found.further.data();
        rows.further_statistics = found.further_statistics.data();
    }
    const std::size_t k = 1 + random.below(random.below(2) == 0 ? 10 : kRows + 10), room = std::min(k, kRows);
    const Sample asked(1, kDim, static_cast<unsigned>(random.below(100)));
    std::vector<std::uint32_t> slots(room), counts(1);
    std::vector<float> scores(room);
    vectors::search(rows, asked.matrix(), 1, {room, slots.data(), scores.data(), counts.data()});
    CHECK(counts[0] <= room, "%u of %zu", counts[0], room);
    const std::set<std::uint32_t> distinct(slots.begin(), slots.begin() + std::min<std::size_t>(counts[0], room));
    CHECK(distinct.size() == counts[0] && (distinct.empty() || *distinct.rbegin() < kRows), "%u hits", counts[0]);
}

void damage_codes(std::size_t mutations, std::uint64_t seed) {
    for (const Metric metric : {Metric::cosine, Metric::inner_product, Metric::l2}) {
        const Coded whole = coded(metric);
        for (std::size_t i = 0; i < mutations / 3; ++i) {
            alarm(kSecondsMax);
            Random random(seed + i);
            Coded damaged = whole;
            if (random.below(3) > 0) scramble(damaged.statistics, random);
            if (random.below(3) > 0) scramble(damaged.half_statistics, random);
            if (random.below(3) > 0) scramble(damaged.leading_statistics, random);
            if (random.below(3) > 0) scramble(damaged.further_statistics, random);
            if (random.below(3) == 0) scramble(damaged.codes, random);
            if (random.below(3) == 0) scramble(damaged.leading, random);
            if (random.below(3) == 0) scramble(damaged.vectors, random);
            if (random.below(5) == 0) scramble(damaged.directions, random);
            const int before = failures;
            search_damaged(metric, damaged, random);
            if (failures > before) std::printf("  with VICINAL_SEED=%zu\n", static_cast<std::size_t>(seed + i));
        }
    }
}

// -- graphs

struct SavedGraph {
    std::vector<std::uint32_t> lists, entries;
    std::vector<std::uint64_t> nodes;  // how many
};

constexpr std::size_t kNodes = 150, kDegree = 6, kNodeDim = 20;

// Returns false if the data is rejected. A graph that was accepted may find less, but nothing that does not exist.
bool live_with(const GraphSample& sample, const SavedGraph& saved, Random& random) {
    graph::Graph loaded(kDegree);
    const std::size_t end = saved.lists.size() / kDegree;
    if (saved.nodes.empty() || saved.lists.size() % kDegree != 0 || end > sample.sample.rows ||
        !loaded.load(saved.lists.data(), end, saved.entries, static_cast<std::size_t>(saved.nodes[0])))
        return false;
    std::vector<std::uint64_t> allowed = sample.everything();
    if (random.below(2) == 0) allowed[random.below(allowed.size())] = random.bits();
    for (int round = 0; round < 2; ++round) {
        std::uint32_t slots[10], count = 0;
        float scores[10];
        const Matrix query = {sample.sample.matrix().row(random.below(kNodes)), 1, kNodeDim};
        loaded.search(sample.rows(), query, {5 + random.below(40), 1, allowed.data()}, {10, slots, scores, &count});
        float expected[10];
        CHECK(count <= 10 && std::set(slots, slots + count).size() == count, "%u hits", count);
        for (std::uint32_t i = 0; i < count; ++i) CHECK(graph::has(allowed.data(), slots[i]), "slot %u", slots[i]);
        kernels::score(sample.metric, sample.sample.matrix(), {slots, count}, query.data, expected);
        CHECK(std::equal(scores, scores + count, expected), "scores");
        loaded.insert(sample.rows(), allowed.data(), sample.sample.rows, {10, 1.1f, 1, false});
    }
    return true;
}

void damage_graphs(std::size_t mutations, std::uint64_t seed) {
    std::size_t accepted = 0;
    for (const Metric metric : {Metric::cosine, Metric::inner_product, Metric::l2, Metric::l1}) {
        const GraphSample sample(metric, kNodes + 30, kNodeDim, 64);
        graph::Graph whole(kDegree);
        whole.insert(sample.rows(), sample.everything().data(), kNodes, {20, 1.1f, 1, false});
        SavedGraph saved = {std::vector<std::uint32_t>(kNodes * kDegree), whole.all_entries(), {kNodes}};
        whole.edges().save(saved.lists.data());
        Random making(1);
        CHECK(live_with(sample, saved, making), "what was saved is refused");
        for (std::size_t i = 0; i < mutations / 4; ++i) {
            alarm(kSecondsMax);
            Random random(seed + i);
            SavedGraph damaged = saved;
            const std::size_t chosen = random.below(8);
            if (chosen < 5) mutate(damaged.lists, random);
            if (chosen == 5 || chosen == 7) mutate(damaged.entries, random);
            if (chosen > 5) mutate(damaged.nodes, random);
            const int before = failures;
            accepted += live_with(sample, damaged, random);
            if (failures > before) std::printf("  with VICINAL_SEED=%zu\n", static_cast<std::size_t>(seed + i));
        }
    }
    std::printf("graphs: %zu of %zu accepted\n", accepted, mutations);
    CHECK(accepted > 0 && accepted < mutations, "nothing was tried");
}

}  // namespace

int main(int count, char** names) {
    const std::size_t mutations = setting("VICINAL_MUTATIONS", 3000);
    const std::uint64_t seed = setting("VICINAL_SEED", 1);
    const std::set<std::string> chosen(names + 1, names + count);
    if (chosen.empty() || chosen.contains("postings")) damage_postings(mutations, seed);
    if (chosen.empty() || chosen.contains("codes")) damage_codes(mutations, seed);
    if (chosen.empty() || chosen.contains("graphs")) damage_graphs(mutations, seed);
    return result();
}
