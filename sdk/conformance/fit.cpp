// Finds a setting for a component that nobody gave one.
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
      if (subject.component->kind != PLEXIFORM_CORE_KIND || !specimen.core().output_shape(input).empty())
        return subject;
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
