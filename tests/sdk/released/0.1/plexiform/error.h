// A mistake that the user can fix: where it is, what is wrong, and the remedy. All three are asked for,
// because a message without a remedy is half a message. Header-only, so it is caught by type across libraries.
#pragma once

#include <algorithm>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace plexiform {

class Error : public std::runtime_error {
 public:
  // where    "retina.yaml:12:5: model.core.kernel", a file, or a knob's name; "" when there is no place
  // problem  what was found, with the offending value
  // fix      what to do about it
  Error(std::string where, std::string problem, std::string fix)
      : std::runtime_error((where.empty() ? "" : where + ": ") + problem + "\n  fix: " + fix),
        where_(std::move(where)),
        problem_(std::move(problem)),
        fix_(std::move(fix)) {}

  const std::string& where() const { return where_; }
  const std::string& problem() const { return problem_; }
  const std::string& fix() const { return fix_; }

 private:
  std::string where_, problem_, fix_;
};

// The candidate closest to `name` by edit distance, or "" when none is near enough to be a misspelling
// (more than a third of the letters differ, and neither is part of the other).
inline std::string nearest(std::string_view name, const std::vector<std::string>& candidates) {
  auto distance = [](std::string_view a, std::string_view b) {  // Levenshtein's, two swapped letters counted once
    std::vector<std::vector<size_t>> d(a.size() + 1, std::vector<size_t>(b.size() + 1));
    for (size_t i = 0; i <= a.size(); ++i) {
      for (size_t j = 0; j <= b.size(); ++j) {
        if (i == 0 || j == 0) {
          d[i][j] = i + j;
          continue;
        }
        d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
          d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
      }
    }
    return d[a.size()][b.size()];
  };
  std::string best;
  size_t best_distance = std::string::npos;
  for (const auto& candidate : candidates) {
    const bool part =
        name.size() > 3 && (candidate.find(name) != std::string::npos || name.find(candidate) != std::string::npos);
    const size_t d = distance(name, candidate);
    if ((part || 3 * d <= std::max(name.size(), candidate.size())) && d < best_distance) {
      best = candidate;
      best_distance = d;
    }
  }
  return best;
}

// "did you mean 'kernel'?" or, when nothing is near, "known are: a, b, c".
inline std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates) {
  if (const auto best = nearest(name, candidates); !best.empty()) {
    return "did you mean '" + best + "'?";
  }
  std::string all;
  for (const auto& candidate : candidates) all += (all.empty() ? "" : ", ") + candidate;
  return all.empty() ? "nothing is known here; remove it" : "known are: " + all;
}

}  // namespace plexiform
