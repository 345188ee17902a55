// Finds a setting for a component that nobody gave one.
#include <algorithm>

#include "draw.h"
#include "specimen.h"

namespace plexiform::conformance {

namespace {

// Channels first the usual ones, then clips and frames that grow: large kernels, or many bins cut off.
std::vector<Shape> inputs() {
  std::vector<Shape> all;
  for (const auto& [time, height, width] :
       {std::tuple{10, 12, 11}, {10, 24, 20}, {40, 12, 11}, {40, 24, 20}, {60, 48, 40}}) {
    for (const int64_t channels : {2, 1, 3}) all.push_back({channels, time, height, width});
  }
  return all;
}

bool fits(const Subject& subject) {
  try {
    const Specimen specimen(subject);
    return !specimen.core().output_shape(subject.input).empty();
  } catch (const Error&) {
    return false;
  }
}

// Shortens one axis of a stimulus to the least that the core takes, and `spare` more: most checks run it many times.
void shorten(Subject& subject, int64_t Shape::* axis, int64_t spare) {
  const int64_t whole = subject.input.*axis;
  const auto with = [&](int64_t extent) {
    Subject other = subject;
    other.input.*axis = extent;
    return other;
  };
  int64_t refused = 0, taken = whole;
  while (taken - refused > 1) {
    const int64_t middle = (refused + taken) / 2;
    (fits(with(middle)) ? taken : refused) = middle;
  }
  const auto smaller = with(std::min(whole, taken + spare));
  if (fits(smaller)) subject = smaller;
}

std::string required_names(const Json& knobs, const Json& given) {
  std::string all;
  for (const auto& knob : knobs) {
    if (!knob.value("required", false) || given.contains(knob["name"])) continue;
    all += (all.empty() ? "" : ", ") + knob["name"].get<std::string>();
  }
  return all;
}

}  // namespace

Subject fit(Subject subject) {
  const Json knobs = list_knobs(*subject.component), given = subject.knobs;
  const bool is_loss = subject.component->kind == PLEXIFORM_LOSS_KIND;
  const auto candidates = is_loss                 ? std::vector<Shape>{{}}
                          : subject.input.empty() ? inputs()
                                                  : std::vector<Shape>{subject.input};
  const bool searched = subject.input.empty();
  std::optional<Error> first;
  for (const Shape& input : candidates) {
    subject.input = input;
    subject.knobs = given;
    for (const auto& knob : knobs) {
      if (!knob.value("required", false) || given.contains(knob["name"])) continue;
      if (const auto value = guess(knob, input.channels)) subject.knobs[knob["name"].get<std::string>()] = *value;
    }
    try {
      const Specimen specimen(subject);
      if (subject.component->kind != PLEXIFORM_CORE_KIND) return subject;
      if (!specimen.core().output_shape(input).empty()) {
        if (searched && input.time * input.height * input.width > 10 * 12 * 11) {
          shorten(subject, &Shape::time, 8);
          shorten(subject, &Shape::height, 4);
          shorten(subject, &Shape::width, 3);
        }
        return subject;
      }
      throw Error("", "it makes " + specimen.core().output_shape(input).text() + " of " + input.text(), "");
    } catch (const Error& error) {
      if (!first) first = error;
    } catch (const Broken& broken) {
      throw Error("", broken.seen, "report it to the plugin's author");
    }
  }
  const std::string missing = required_names(knobs, given);
  const std::string set =
      missing.empty() ? "give --knobs that suit it" : "give its required knobs, --knobs '{" + missing + "}'";
  throw Error(first->where(), first->problem(),
              (first->fix().empty() ? "" : first->fix() + "; for this check, ") + set +
                  (is_loss ? "" : ", or a --stimulus C,T,H,W that it can take"));
}

}  // namespace plexiform::conformance
