#include "candidates.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

namespace vicinal::vectors {
namespace {

constexpr std::size_t kWaitingMin = 64;

// Damaged statistics and vectors may yield NaN, which has no place in an order.
float known(float low) { return std::isnan(low) ? -std::numeric_limits<float>::infinity() : low; }

}  // namespace

bool better(const Hit& a, const Hit& b) {
    if (a.score > b.score || a.score < b.score) return a.score > b.score;
    const bool a_is_none = std::isnan(a.score), b_is_none = std::isnan(b.score);
    return a_is_none != b_is_none ? b_is_none : a.slot < b.slot;
}

Candidates::Candidates(kernels::Metric metric, const kernels::Matrix& matrix, const float* query, std::size_t k)
    : metric_(metric), matrix_(matrix), query_(query), k_(k),
      // At every pruning, at least half of the rows are new; so pruning costs constant time per row.
      limit_(2 * std::min(k, matrix.rows) + kWaitingMin), floor_(-std::numeric_limits<float>::infinity()) {}

std::vector<Hit> Candidates::finish() {
    raise_floor();
    drop_hopeless();
    score_waiting();
    std::sort(scored_.begin(), scored_.end(), better);
    return std::move(scored_);
}

void Candidates::prune() {
    raise_floor();
    drop_hopeless();
    if (waiting_.size() <= limit_ / 2) return;
    score_waiting();
    raise_floor();
}

void Candidates::raise_floor() {
    lows_.clear();
    for (const Waiting& row : waiting_) lows_.push_back(known(row.score.low));
    for (const Hit& hit : scored_) lows_.push_back(known(hit.score));
    if (lows_.size() < k_) return;
    const auto kth = lows_.begin() + static_cast<std::ptrdiff_t>(k_ - 1);
    std::nth_element(lows_.begin(), kth, lows_.end(), std::greater<>());
    floor_ = std::max(floor_, *kth);
}

void Candidates::drop_hopeless() {
    std::erase_if(waiting_, [this](const Waiting& row) { return row.score.high < floor_; });
}

void Candidates::score_waiting() {
    std::vector<std::uint32_t> slots;
    for (const Waiting& row : waiting_) slots.push_back(row.slot);
    waiting_.clear();
    std::vector<float> scores(slots.size());
    kernels::score(metric_, matrix_, slots, query_, scores.data());
    for (std::size_t i = 0; i < slots.size(); ++i) scored_.push_back({slots[i], scores[i]});
    if (scored_.size() <= k_) return;
    std::nth_element(scored_.begin(), scored_.begin() + static_cast<std::ptrdiff_t>(k_), scored_.end(), better);
    scored_.resize(k_);
}

}  // namespace vicinal::vectors
