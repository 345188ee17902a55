// Hyperparameters: described, checked, refused by name.
#include <plexiform/abilities.h>

#include <cmath>
#include <functional>
#include <random>
#include <set>

#include "draw.h"
#include "specimen.h"
#include "topics.h"

namespace plexiform::conformance {

namespace {

std::string listed(const std::vector<std::string>& problems) {
  std::string all;
  for (const auto& problem : problems) all += (all.empty() ? "" : "; ") + problem;
  return all;
}
void expect_none(const std::vector<std::string>& problems) { expect(problems.empty(), listed(problems)); }

// The refusal of a setting; none: it is accepted.
std::optional<Error> refusal(const Subject& subject, const std::string& knob, const Json& value) {
  Subject other = subject;
  other.knobs[knob] = value;
  try {
    try_create(other);
    return {};
  } catch (const Error& error) {
    return error;
  }
}

// What is wrong with how `value` is refused, "" if nothing is.
std::string badly_refused(const Subject& subject, const std::string& knob, const Json& value) {
  const auto error = refusal(subject, knob, value);
  const std::string setting = knob + ": " + value.dump();
  if (!error) return setting + " is accepted";
  const bool names_it = error->where() == knob || error->where().starts_with(knob + ".");
  if (!names_it) return setting + " is refused without its name: " + error->what();
  return error->problem().empty() || error->fix().empty() ? setting + " is refused without a reason or a remedy" : "";
}

bool is_list(const Json& knob) { return knob.value("type", "").starts_with("list of"); }

// `value` as the knob's type wants it: in a list, its first element.
Json in_place(const Subject& subject, const Json& knob, double value) {
  Json number = value;
  if (value == std::floor(value) && std::abs(value) < 1e15) number = static_cast<int64_t>(value);
  if (!is_list(knob)) return number;
  const Json now = current(subject.knobs, knob);
  Json list = now.is_array() && !now.empty() ? now : Json::array({number});
  list[0] = number;
  return list;
}

void described(const Subject& subject) {
  std::vector<std::string> problems;
  std::set<std::string> names;
  for (const auto& knob : list_knobs(*subject.component)) {
    const std::string name = knob.value("name", "");
    if (name.empty()) problems.push_back("a knob without a name");
    if (!names.insert(name).second) problems.push_back(name + " is described twice");
    if (knob.value("doc", "").empty()) problems.push_back(name + " has no doc");
    if (knob.value("type", "").empty()) problems.push_back(name + " has no type");
    const Json value = knob.value("default", Json());
    const bool outside = value.is_number() && (value.get<double>() < knob.value("min", -INFINITY) ||
                                               value.get<double>() > knob.value("max", INFINITY));
    if (outside) problems.push_back("the default of " + name + ", " + value.dump() + ", is outside its range");
    if (!knob.contains("default") && !knob.value("required", false)) {
      problems.push_back(name + " has no default and is not required");
    }
  }
  expect_none(problems);
}

void recorded(const Subject& subject) {
  const Json values = try_create(subject);
  expect(values.is_object(), "create says no values: " + values.dump());
  std::vector<std::string> problems;
  for (const auto& knob : list_knobs(*subject.component)) {
    const std::string name = knob["name"];
    if (!values.contains(name)) {
      problems.push_back(name + " is missing");
    } else if (!subject.knobs.contains(name) && knob.contains("default") && values[name] != knob["default"]) {
      problems.push_back(name + " is " + values[name].dump() + ", its default " + knob["default"].dump());
    }
  }
  Subject again = subject;  // a run is repeated from its record
  again.knobs = values;
  try {
    if (try_create(again) != values) problems.push_back("given back, the values come out changed");
  } catch (const Error& e) {
    problems.push_back("given back, they are refused: " + std::string(e.what()));
  }
  expect_none(problems);
}

void unknown_key(const Subject& subject) {
  const auto problem = badly_refused(subject, "no_such_knob", 1);
  expect(problem.empty(), problem);
}

void wrong_types(const Subject& subject) {
  std::vector<std::string> problems;
  const auto refuse = [&](const std::string& name, const Json& value) {
    if (const auto problem = badly_refused(subject, name, value); !problem.empty()) problems.push_back(problem);
  };
  for (const auto& knob : list_knobs(*subject.component)) {
    const std::string name = knob["name"], type = knob["type"];
    if (type == "anything") continue;
    refuse(name, {{"not", "a value"}});
    if (knob.contains("choices")) refuse(name, "no such choice");
    if (type.starts_with("integer") || type.starts_with("number")) refuse(name, "text");
    if (type.starts_with("integer")) refuse(name, 1.5);
  }
  expect_none(problems);
}

void ranges(const Subject& subject) {
  constexpr double large = 1000;  // building something of that size is not what this is about
  std::vector<std::string> problems;
  for (const auto& knob : list_knobs(*subject.component)) {
    const std::string name = knob["name"];
    for (const char* bound : {"min", "max"}) {
      if (!knob.contains(bound)) continue;
      const double limit = knob[bound].get<double>();
      const Json outside = in_place(subject, knob, limit + (bound == std::string("min") ? -1 : 1));
      if (const auto problem = badly_refused(subject, name, outside); !problem.empty()) {
        problems.push_back(problem + ", though its " + bound + " is " + knobs::number(limit));
        continue;
      }
      if (std::abs(limit) > large) continue;
      // It may be refused for another reason: a kernel of 63 px does not fit the stimulus.
      const auto at_bound = refusal(subject, name, in_place(subject, knob, limit));
      if (at_bound && at_bound->fix() == refusal(subject, name, outside)->fix()) {
        problems.push_back(name + ": " + knobs::number(limit) + " is refused, though it is the " + bound);
      }
    }
    if (knob.contains("min") && knob.contains("step") && knob["step"] != 1.0) {
      const double between = knob["min"].get<double>() + knob["step"].get<double>() / 2;
      const auto problem = badly_refused(subject, name, in_place(subject, knob, between));
      if (!problem.empty()) problems.push_back(problem + ", though the step is " + knobs::number(knob["step"]));
    }
  }
  expect_none(problems);
}

// What a model that is built with it promises of this input: (B, F, T', H', W') of a core, (B, T', N) of a readout; empty when
// the host refuses it, as no bin is left.
std::vector<int64_t> promised_sizes(const Specimen& specimen, const Subject& subject) {
  constexpr int64_t batch = 2;
  if (subject.component->kind == PLEXIFORM_CORE_KIND) {
    const Shape shape = specimen.core().output_shape(subject.input);
    return shape.empty() ? std::vector<int64_t>{} : sizes(batch, shape);
  }
  const auto* looks_back = ability<LooksBack>(*specimen);
  const int64_t bins = subject.input.time - (looks_back ? looks_back->history() : 0);
  return bins < 1 ? std::vector<int64_t>{} : std::vector{batch, bins, neurons};
}

void random_settings(const Subject& subject) {
  constexpr int settings = 200, least = 10;
  std::mt19937_64 random(subject.seed);
  const Json knobs = list_knobs(*subject.component);
  const bool is_loss = subject.component->kind == PLEXIFORM_LOSS_KIND;
  int ran = 0;
  std::string refused;
  for (int i = 0; i < settings; ++i) {
    Subject other = subject;
    other.knobs = draw_setting(knobs, subject.knobs, random);
    const std::string setting = "with " + other.knobs.dump();
    try {
      const Specimen specimen(other);
      const auto promised = is_loss ? std::vector<int64_t>{} : promised_sizes(specimen, other);
      if (!is_loss && promised.empty()) throw Error(setting, "no bin is left of the input", "");
      const auto y = specimen.run_or_break(specimen.input(), setting);
      expect(is_loss || y.sizes() == promised,
             str(setting, " ", c10::IntArrayRef(promised), " are promised, forward makes ", y.sizes()));
      ++ran;
    } catch (const Accident& error) {
      throw Broken{setting + " create throws " + error.problem().substr(0, 300)};
    } catch (const Error& error) {
      refused = setting + ": " + error.problem();
    }
  }
  expect(ran >= least, str(settings - ran, " of ", settings, " are refused, so that few have run; the last ", refused));
}

}  // namespace

Checks knob_checks() {
  return {
      {"knobs described", "each knob has a name, a type, a doc, and a default unless it is required",
       "plexiform/params.h, About; describe of Params", &described},
      {"values recorded", "create reports the values of all knobs, and they make the same component again",
       "plexiform/abi.h, plexiform_component::create", &recorded},
      {"unknown key", "a knob that does not exist is refused by its name", "plexiform/params.h, read_params",
       &unknown_key},
      {"wrong type", "a value of another type, or no choice, is refused by the knob's name",
       "plexiform/params.h, read_params", &wrong_types},
      {"range", "both ends of a range are accepted, and one beyond is refused by the knob's name",
       "plexiform/params.h, About; describe of Params", &ranges},
      {"200 settings",
       "each of 200 random settings within the ranges runs, or is refused with Error by the constructor; some run",
       "plexiform/params.h, check() of Params, ranges that allow what the constructor refuses; the constructor",
       &random_settings},
  };
}

}  // namespace plexiform::conformance
