#include <config/override.h>
#include <config/python.h>
#include <config/search_space.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace plexiform::config {
namespace {

[[noreturn]] void fail(const std::string& argument, const std::string& problem, const std::string& fix) {
  throw Error(argument, problem, fix);
}

double number(const Node& node) { return node.kind == Kind::integer ? static_cast<double>(node.integer) : node.real; }

bool numbers(const Sweep& sweep) {
  return std::all_of(sweep.choices.begin(), sweep.choices.end(), [](const Sweep::Choice& choice) {
    return choice.value.kind == Kind::integer || choice.value.kind == Kind::real;
  });
}

void read_interval(const std::string& argument, const Sweep& sweep, Dimension& dimension) {
  const bool whole = sweep.start.kind == Kind::integer && sweep.stop.kind == Kind::integer;
  dimension.kind = whole ? Dimension::Kind::integer : Dimension::Kind::real;
  dimension.low = number(sweep.start);
  dimension.high = number(sweep.stop);
  dimension.log = std::find(sweep.tags.begin(), sweep.tags.end(), "log") != sweep.tags.end();
  if (!std::isfinite(dimension.low) || !std::isfinite(dimension.high) || dimension.low > dimension.high) {
    fail(argument, "is an interval that holds nothing", "write interval(low,high), low first");
  }
  if (dimension.low == dimension.high) {
    dimension.kind = Dimension::Kind::categorical;
    dimension.texts = {whole ? std::to_string(sweep.start.integer) : real_text(dimension.low)};
  }
  if (dimension.log && dimension.low <= 0) {
    fail(argument, "is even in the logarithm, which begins above 0",
         "write tag(log,interval(1e-4,1)) or leave the tag out");
  }
}

}  // namespace

Dimension dimension(const std::string& argument) {
  const Override override = parse_override(argument, 0);
  Dimension result;
  result.start = argument.substr(0, argument.find('=') + 1);
  if (!override.sweep) {
    result.start.clear();
    result.texts = {argument};
    return result;
  }
  const Sweep& sweep = *override.sweep;
  if (sweep.kind == Sweep::Kind::interval) {
    read_interval(argument, sweep, result);
    return result;
  }
  for (const auto& choice : sweep.choices) {
    if (std::find(result.texts.begin(), result.texts.end(), choice.text) == result.texts.end()) {
      result.texts.push_back(choice.text);
    }
  }
  if (result.texts.empty()) fail(argument, "has nothing to choose from", "give it at least one value");
  const bool ordered = sweep.kind == Sweep::Kind::range && !sweep.shuffle && numbers(sweep);
  result.kind = ordered ? Dimension::Kind::grid : Dimension::Kind::categorical;
  return result;
}

std::string Dimension::argument(double value) const {
  if (kind == Kind::integer) return fmt::format("{}{:.0f}", start, value);
  return start + (kind == Kind::real ? real_text(value) : texts.at(static_cast<size_t>(value)));
}

double Dimension::value(const std::string& argument) const {
  if (argument.starts_with(start)) {
    const std::string text = argument.substr(start.size());
    if (kind == Kind::integer || kind == Kind::real) {
      char* end = nullptr;
      const double value = std::strtod(text.c_str(), &end);
      if (!text.empty() && *end == '\0') return value;
    } else if (const auto found = std::find(texts.begin(), texts.end(), text); found != texts.end()) {
      return static_cast<double>(found - texts.begin());
    }
  }
  throw Error(argument, "is no value of the search", "restore jobs.yaml, or begin a new search");
}

}  // namespace plexiform::config
