// Postings against a map of the texts, through their whole life cycle, and with many threads.
#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "check.hpp"
#include "text/postings.hpp"

using namespace vicinal::text;

namespace {

constexpr std::uint32_t kWords = 40;

using Text = std::vector<std::uint32_t>;
using World = std::map<std::uint32_t, Text>;

struct Random {
    std::mt19937 engine{7};
    std::uint32_t below(std::uint32_t limit) { return static_cast<std::uint32_t>(engine() % limit); }
    std::uint32_t word() { return std::min(below(kWords), below(kWords)); }  // low ones are frequent
    Text text() {
        Text words(below(20) == 0 ? 600 : below(12));
        for (std::uint32_t& word : words) word = words.size() == 600 ? below(2) : this->word();
        return words;
    }
};

// The names of all words.
struct Names {
    Names() {
        for (std::uint32_t word = 0; word < kWords; ++word) strings.push_back("word" + std::to_string(word));
        views.assign(strings.begin(), strings.end());
    }

    std::vector<std::uint8_t> fields = std::vector<std::uint8_t>(kWords);
    std::vector<std::string> strings;
    std::vector<std::string_view> views;
};

// Each word is one term of field 0.
void add(Postings& postings, const std::vector<std::uint32_t>& slots, const std::vector<Text>& texts,
         std::size_t slot_count) {
    std::vector<std::uint32_t> words, terms, offsets(kWords), widths(kWords, 1);
    std::vector<std::uint64_t> ends, term_ends;
    const Names names;
    terms = postings.intern(names.fields, names.views);
    for (std::uint32_t word = 0; word < kWords; ++word) term_ends.push_back(word + 1);
    for (const Text& text : texts) {
        words.insert(words.end(), text.begin(), text.end());
        ends.push_back(words.size());
    }
    postings.add(slots, {words, ends, term_ends, terms, offsets, widths}, slot_count);
}

Found find(const Postings& postings) {
    const Names names;
    return postings.find(names.fields, names.views);
}

struct Wanted {
    std::uint32_t slot;
    float score;
};

// Words as single terms, of which a text must have one, and one phrase that also scores.
struct Asked {
    std::vector<std::uint32_t> words;
    Text phrase;
};

std::size_t count(const Text& text, std::uint32_t word) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), word));
}

bool has_phrase(const Text& text, const Text& phrase) {
    return std::search(text.begin(), text.end(), phrase.begin(), phrase.end()) != text.end();
}

std::vector<Wanted> look(const World& world, const Asked& asked, const Formula& formula, std::size_t k) {
    std::vector<Wanted> wanted;
    for (const auto& [slot, text] : world) {
        double sum = 0;
        bool found = false;
        for (const std::uint32_t word : asked.words) {
            if (count(text, word) == 0) continue;
            found = true;
            sum += (1.0 + word) * formula.part(static_cast<double>(count(text, word)), static_cast<double>(text.size()));
        }
        if (has_phrase(text, asked.phrase)) {
            found = true;
            double added = 0;
            for (const std::uint32_t word : asked.phrase)
                added += 0.5 * formula.part(static_cast<double>(count(text, word)), static_cast<double>(text.size()));
            sum += added;
        }
        if (found) wanted.push_back({slot, static_cast<float>(sum)});
    }
    std::stable_sort(wanted.begin(), wanted.end(), [](const Wanted& a, const Wanted& b) { return a.score > b.score; });
    if (wanted.size() > k) wanted.resize(k);
    return wanted;
}

// Empty if no text has any of the words.
Query query_of(const Asked& asked, const Formula& formula, const Found& found) {
    Query query;
    query.formula = formula;
    query.clauses.emplace_back();
    for (const std::uint32_t word : asked.words) {
        if (found.numbers[word] == kAbsent) continue;
        query.groups.push_back({{found.numbers[word], 0}});
        query.weights.push_back({1.0 + word});
    }
    std::vector<Place> places;
    for (const std::uint32_t word : asked.phrase)
        if (found.numbers[word] != kAbsent)
            places.push_back({found.numbers[word], static_cast<std::int64_t>(places.size())});
    if (places.size() == asked.phrase.size()) {
        query.groups.push_back(places);
        query.weights.push_back(std::vector<double>(places.size(), 0.5));
    }
    for (std::uint32_t group = 0; group < query.groups.size(); ++group) query.clauses[0].push_back(group);
    return query;
}

Asked ask(Random& random) {
    std::set<std::uint32_t> words;
    for (std::uint32_t i = random.below(5) + 1; i > 0; --i) words.insert(random.word());
    return {{words.begin(), words.end()}, {random.word(), random.word()}};
}

void check_search(const Postings& postings, const World& world, Random& random) {
    const Found found = find(postings);
    std::uint64_t length = 0;
    for (const auto& [slot, text] : world) length += text.size();
    CHECK(found.texts == world.size() && found.length == length, "%zu texts", world.size());
    for (std::uint32_t word = 0; word < kWords; ++word) {
        const auto having = std::count_if(world.begin(), world.end(), [&](const auto& row) { return count(row.second, word) > 0; });
        CHECK(found.frequencies[word] == static_cast<std::size_t>(having), "word %u", word);
    }
    const Formula formula = {Form::bm25, Norm::none, 1.2, 0.75, length > 0 ? static_cast<double>(length) / found.texts : 1.0};
    const Asked asked = ask(random);
    const std::size_t k = random.below(random.below(2) ? 30 : 600);  // many rows take their first floor elsewhere
    const auto hits = postings.read(found.version, [&](const Index& index) {
        return search(index, query_of(asked, formula, found), k, std::nullopt);
    });
    const std::vector<Wanted> wanted = look(world, asked, formula, k);
    CHECK(hits && hits->slots.size() == wanted.size(), "%zu wanted", wanted.size());
    if (!hits || hits->slots.size() != wanted.size()) return;
    for (std::size_t i = 0; i < wanted.size(); ++i)
        CHECK(hits->slots[i] == wanted[i].slot && hits->scores[i] == wanted[i].score, "hit %zu of %zu", i, wanted.size());
}

void live(Random& random) {
    auto postings = std::make_unique<Postings>(1);
    std::vector<std::shared_ptr<const Built>> kept;
    World world;
    for (int step = 0; step < 60; ++step) {
        const std::uint32_t next = static_cast<std::uint32_t>(postings->slot_count());
        std::vector<std::uint32_t> slots;
        std::vector<Text> texts;
        for (std::uint32_t i = random.below(150); i > 0; --i) {
            slots.push_back(slots.empty() ? next + random.below(3) : slots.back() + 1 + random.below(2));
            texts.push_back(random.text());
            world[slots.back()] = texts.back();
        }
        add(*postings, slots, texts, slots.empty() ? next : slots.back() + 1 + random.below(2));
        std::vector<std::uint32_t> removed;
        for (const auto& [slot, text] : world)
            if (random.below(12) == 0) removed.push_back(slot);
        postings->remove(removed);
        for (const std::uint32_t slot : removed) world.erase(slot);
        if (step % 5 == 1) {
            if (const auto built = postings->save()) kept = {built};
            postings = std::make_unique<Postings>(1);
            postings->load(view_of(*kept[0]));
            CHECK(postings->borrows(), "step %d", step);
        }
        for (int round = 0; round < 5; ++round) check_search(*postings, world, random);
    }
}

void refuse() {
    Postings postings(1);
    add(postings, {3}, {{1, 2}}, 5);
    for (const std::vector<std::uint32_t>& slots : {std::vector<std::uint32_t>{4}, {7, 7}, {9}}) {
        bool refused = false;
        try {
            add(postings, slots, std::vector<Text>(slots.size()), 9);
        } catch (const std::invalid_argument&) {
            refused = true;
        }
        CHECK(refused && postings.slot_count() == 5, "%u", slots[0]);
    }
}

void search_repeatedly(const Postings& postings, unsigned seed, const std::atomic<bool>& done) {
    Random random;
    random.engine.seed(seed);
    while (!done) {
        const Found found = find(postings);
        const Formula formula = {Form::bm25, Norm::none, 1.2, 0.75, 6.0};
        const Query query = query_of(ask(random), formula, found);
        const auto hits = postings.read(found.version, [&](const Index& index) { return search(index, query, 10, std::nullopt); });
        CHECK(!hits || std::is_sorted(hits->scores.begin(), hits->scores.end(), std::greater<>()), "seed %u", seed);
    }
}

void share() {
    Postings postings(1);
    std::atomic<bool> done = false;
    std::vector<std::thread> threads;
    for (unsigned seed = 1; seed <= 3; ++seed)
        threads.emplace_back(search_repeatedly, std::cref(postings), seed, std::cref(done));
    Random random;
    for (std::uint32_t slot = 0; slot < 8'000; slot += 100) {
        std::vector<std::uint32_t> slots;
        std::vector<Text> texts;
        for (std::uint32_t i = slot; i < slot + 100; ++i) {
            slots.push_back(i);
            texts.push_back(random.text());
        }
        add(postings, slots, texts, slot + 100);
        postings.remove(std::vector<std::uint32_t>{slot, slot + 7});
        if (slot % 2000 == 0) postings.save();
    }
    done = true;
    for (std::thread& thread : threads) thread.join();
    CHECK(find(postings).texts == 8'000 - 160, "all are there");
}

// Mapped arrays are released as soon as others have replaced them, while readers are using them.
void swap_under_readers() {
    std::vector<std::unique_ptr<Built>> saved;
    for (const std::uint32_t size : {300u, 500u}) {
        Postings postings(1);
        Random random;
        std::vector<std::uint32_t> slots;
        std::vector<Text> texts;
        for (std::uint32_t slot = 0; slot < size; ++slot) {
            slots.push_back(slot);
            texts.push_back(random.text());
        }
        add(postings, slots, texts, size);
        saved.push_back(std::make_unique<Built>(*postings.save()));
    }
    auto postings = std::make_shared<Postings>(1);
    std::atomic<bool> done = false;
    std::vector<std::thread> threads;
    for (unsigned seed = 1; seed <= 3; ++seed)  // each has a share: the last one to finish closes them
        threads.emplace_back([postings, seed, &done] { search_repeatedly(*postings, seed, done); });
    std::unique_ptr<Built> mapped;
    for (int round = 0; round < 40; ++round) {
        auto next = std::make_unique<Built>(*saved[round % 2]);
        postings->load(view_of(*next));
        mapped = std::move(next);
        CHECK(postings->borrows(), "round %d", round);
        CHECK(postings->slot_count() == saved[round % 2]->lengths.size(), "round %d", round);
    }
    postings->remove(std::vector<std::uint32_t>{1});
    postings->save();
    CHECK(!postings->borrows(), "what was saved is their own");
    mapped.reset();
    postings.reset();  // closed here, while others search
    done = true;
    for (std::thread& thread : threads) thread.join();
}

}  // namespace

int main() {
    Random random;
    live(random);
    refuse();
    share();
    swap_under_readers();
    return result();
}
