#include <config/opened_request.h>
#include <config/python.h>
#include <config/resolve.h>
#include <config/search_space.h>
#include <config/sweep.h>
#include <fnmatch.h>

#include <algorithm>
#include <random>

namespace plexiform::config {
namespace {

constexpr size_t kMostJobs = 100'000;

[[noreturn]] void fail(const Override& override, const std::string& problem, const std::string& fix) {
  throw Error(override.location.text() + ": " + override.text, problem, fix);
}

bool matches_any(const std::string& name, const std::vector<std::string>& patterns) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return fnmatch(pattern.c_str(), name.c_str(), 0) == 0; });
}

std::vector<std::string> values(const Override& override, const Repository& repository) {
  const Sweep& sweep = *override.sweep;
  std::vector<std::string> texts;
  switch (sweep.kind) {
    case Sweep::Kind::choice:
    case Sweep::Kind::range:
      for (const auto& choice : sweep.choices) texts.push_back(choice.text);
      break;
    case Sweep::Kind::glob:
      if (!repository.has_group(override.key)) {
        fail(override, "'" + override.key + "' is no group, so it has no options",
             "glob chooses among the options of a group");
      }
      for (const auto& option : repository.options(override.key)) {
        if (matches_any(option, sweep.include) && !matches_any(option, sweep.exclude)) {
          texts.push_back(option);
        }
      }
      break;
    case Sweep::Kind::interval:
      fail(override, "an interval has no list of values", "write choice(a,b,c) or range(start,stop,step)");
  }
  if (sweep.shuffle) std::shuffle(texts.begin(), texts.end(), std::mt19937(std::random_device{}()));
  if (texts.empty()) fail(override, "no value to run with", "give it at least one value");
  return texts;
}

std::string prefix(const Override& override) {
  switch (override.action) {
    case Override::Action::add:
      return "+";
    case Override::Action::force:
      return "++";
    case Override::Action::remove:
      return "~";
    case Override::Action::change:
      break;
  }
  return "";
}

bool of_hydra(const Override& override) {
  return override.key == "hydra" || override.key.starts_with("hydra.") || override.key.starts_with("hydra/");
}

// An entry of hydra.sweeper.search_space, which Optuna's sweeper had before `params`, as an argument's value.
std::string value_of_entry(const Node& entry) {
  const auto field = [&](const char* name) {
    const Node* node = entry.find(name);
    return node && !node->is_null() ? python_text(*node) : "";
  };
  const std::string type = field("type"), low = field("low"), high = field("high");
  if (type == "categorical" && entry.find("choices")) {
    std::string choices;
    for (const auto& item : entry.find("choices")->items) {
      const bool text = item.kind == Kind::string;
      choices += (choices.empty() ? "" : ",") + (text ? quoted_value(item.string) : python_text(item));
    }
    return "choice(" + choices + ")";
  }
  if ((type != "int" && type != "float") || low.empty() || high.empty()) {
    throw Error("", "says neither {type: int or float, low, high} nor {type: categorical, choices}",
                "write hydra.sweeper.params instead: a.b: interval(0,1)");
  }
  if (const std::string step = field("step"); !step.empty() && step != "1") {
    throw Error("", "has a step", "write hydra.sweeper.params instead: a.b: range(start,stop,step)");
  }
  const std::string interval = "interval(" + low + "," + high + ")";
  const std::string cast = type == "int" ? "int(" + interval + ")" : interval;
  return field("log") == "True" ? "tag(log," + cast + ")" : cast;
}

// The arguments of all jobs: those of hydra.sweeper.params, then the command line's. A key that is written again, with
// the same prefix, takes the place of the earlier one.
std::vector<Override> swept_overrides(const Composition& sweep, const std::vector<Override>& given) {
  std::vector<Override> overrides;
  for (const std::string place : {"sweeper.search_space", "sweeper.params"}) {
    const Node* entries = sweep.hydra.at_path(place);
    if (!entries || !entries->is_map()) continue;
    const Node values = resolve_hydra(sweep.job, place, {sweep.hydra});
    for (const auto& [key, value] : values.entries) {
      try {
        const bool older = place == "sweeper.search_space" && value.is_map();
        overrides.push_back(parse_override(key + "=" + (older ? value_of_entry(value) : python_text(value)), 0));
      } catch (const Error& e) {
        throw Error(where(value, "hydra." + place + "." + key), e.problem(), e.fix());
      }
      overrides.back().location = value.location;
    }
  }
  for (const auto& override : given) {
    if (of_hydra(override)) continue;
    const auto same = std::find_if(overrides.begin(), overrides.end(), [&](const Override& earlier) {
      return prefix(earlier) + earlier.address() == prefix(override) + override.address();
    });
    if (same == overrides.end()) {
      overrides.push_back(override);
    } else {
      *same = override;
    }
  }
  return overrides;
}

}  // namespace

Composition compose_sweep(const Request& request) {
  Request fixed = request;
  fixed.overrides.clear();
  for (size_t i = 0; i < request.overrides.size(); ++i) {
    const Override override = parse_override(request.overrides[i], static_cast<int>(i) + 1);
    if (override.sweep && of_hydra(override)) {
      fail(override, "several values for a key of Hydra's own", "give it one: it holds for all jobs");
    }
    if (!override.sweep) fixed.overrides.push_back(override.text);
  }
  fixed.overrides.push_back("hydra.mode=MULTIRUN");
  return compose(fixed);
}

std::vector<std::vector<std::string>> sweep_jobs(const Request& request) {
  const auto opened = open(request);
  std::vector<std::vector<std::string>> jobs = {{}};
  for (const auto& override : swept_overrides(compose_sweep(request), opened.overrides)) {
    std::vector<std::string> texts = {override.text};
    if (override.sweep) {
      texts = values(override, opened.repository);
      const std::string start = prefix(override) + override.address() + "=";
      for (auto& text : texts) text.insert(0, start);
    }
    if (jobs.size() * texts.size() > kMostJobs) {
      fail(override, "makes more than " + std::to_string(kMostJobs) + " jobs", "sweep over fewer values");
    }
    std::vector<std::vector<std::string>> product;
    for (const auto& job : jobs) {
      for (const auto& text : texts) {
        product.push_back(job);
        product.back().push_back(text);
      }
    }
    jobs = std::move(product);
  }
  return jobs;
}

std::vector<std::string> search_arguments(const Request& request) {
  const auto opened = open(request);
  std::vector<std::string> arguments;
  for (const auto& override : swept_overrides(compose_sweep(request), opened.overrides)) {
    std::string text = override.text;
    if (override.sweep && override.sweep->kind == Sweep::Kind::glob) {
      text = prefix(override) + override.address() + "=choice(";
      for (const auto& value : values(override, opened.repository)) text += (text.back() == '(' ? "" : ",") + value;
      text += ")";
    }
    try {
      dimension(text);
    } catch (const Error& e) {
      fail(override, e.problem(), e.fix());
    }
    arguments.push_back(text);
  }
  return arguments;
}

}  // namespace plexiform::config
