#include <conformance/conformance.h>
#include <conformance/surroundings.h>
#include <fmt/format.h>
#include <plexiform/error.h>
#include <plugins/check.h>
#include <plugins/elf.h>
#include <plugins/host/plugin.h>
#include <plugins/host/side_effects.h>
#include <plugins/isolated.h>

namespace plexiform::plugins {

namespace {

using conformance::Result;
using conformance::Status;
using conformance::Subject;
using conformance::text;

// A check of the file as a whole. Runs in a process that has not opened it yet; returns what was seen instead, or "".
struct FileCheck {
  const char* name;
  const char* promise;
  const char* look_at;
  std::string (*body)(const std::string& file);
};

std::string exports(const std::string& file) {
  const auto symbols = exported_symbols(File(file));
  if (symbols == std::vector<std::string>{PLEXIFORM_ENTRY}) return "";
  std::string all;
  for (size_t i = 0; i < symbols.size() && i < 5; ++i) all += (i ? ", " : "") + symbols[i];
  return std::to_string(symbols.size()) + " symbols: " + all + (symbols.size() > 5 ? ", ..." : "");
}

std::string opens(const std::string& file) {
  Plugin::load(file, "").describe();
  return "";
}

std::string leaves_settings(const std::string& file) {
  const auto before = conformance::surroundings();
  Plugin::load(file, "").describe();
  return conformance::difference(before, conformance::surroundings());
}

std::string opens_silently(const std::string& file) {
  const conformance::HeldOutput output;
  Plugin::load(file, "").describe();
  const std::string printed = output.text();
  return printed.empty() ? "" : "it prints \"" + printed.substr(0, 200) + "\"";
}

std::string registers_nothing(const std::string& file) {
  const size_t before = operator_count();
  Plugin::load(file, "");
  check_no_operators(file, before);
  return "";
}

std::string brings_no_copies(const std::string& file) {
  Plugin::load(file, "");
  check_no_copies(file);
  return "";
}

constexpr FileCheck opening = {"opens", "it can be opened and describes its components",
                               "plexiform/plugin.h, the entry macro; static objects, whose constructors run at load",
                               &opens};
constexpr FileCheck file_checks[] = {
    {"exports", "the file exports plexiform_plugin_entry and nothing else",
     "sdk/cmake/PlexiformPlugin.cmake; hidden visibility and the version script", &exports},
    {"opening changes nothing",
     "opening it leaves environment, locale, signals, LibTorch's settings, threads and files",
     "static objects, whose constructors run at load", &leaves_settings},
    {"opening is silent", "opening it prints nothing", "static objects, whose constructors run at load",
     &opens_silently},
    {"no operators", "it registers no operators with LibTorch", "TORCH_LIBRARY, TORCH_LIBRARY_IMPL",
     &registers_nothing},
    {"one LibTorch", "the process holds one copy of LibTorch, libstdc++ and libgomp", "the link line, -static-*, RPATH",
     &brings_no_copies},
};

Json to_json(const Subject& subject) {
  const Shape& s = subject.input;
  return {{"knobs", subject.knobs}, {"input", s.empty() ? Json() : Json{s.channels, s.time, s.height, s.width}}};
}

Subject subject_of(const CheckRequest& request, const ListedComponent& component, const Json& setting) {
  Subject subject = {&Plugin::load(request.file, "").find(component.kind, component.name),
                     setting["knobs"],
                     {},
                     request.compat,
                     request.seed};
  if (const Json& s = setting["input"]; !s.is_null()) subject.input = {s[0], s[1], s[2], s[3]};
  return subject;
}

// Runs checks one by one and reports them.
class Examiner {
 public:
  Examiner(const CheckRequest& request, const std::function<void(const Checked&)>& report)
      : request_(request), report_(report) {}

  // Fills in `line` with what `body`, run in a child, finds. Whether it passed.
  bool check(Checked line, const std::function<Result()>& body) {
    line.status = text(Status::not_run);
    if (unfinished_ >= most_unfinished) {
      line.seen = "three checks did not finish in time";
      report_(line);
      return false;
    }
    const auto begun = std::chrono::steady_clock::now();
    const Ended ended = run_isolated([&] { return packed(body()); }, request_.limit);
    line.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    if (ended.problem.empty()) {
      const Json answer = Json::parse(ended.answer);
      line.status = answer["status"];
      line.seen = answer["seen"];
    } else {
      unfinished_ += ended.timed_out;
      line.status = text(Status::failed);
      line.seen = why(ended) + (ended.last_words.empty() ? "" : ": " + ended.last_words);
    }
    report_(line);
    return line.status == text(Status::passed);
  }

  bool check(const FileCheck& one) {
    return check(line("", one.name, one.promise, one.look_at), [&]() -> Result {
      std::string seen;
      try {
        seen = one.body(request_.file);
      } catch (const Error& e) {
        seen = e.problem();
      }
      return {one.name, seen.empty() ? Status::passed : Status::failed, "", seen, ""};
    });
  }

  void check(const ListedComponent& component) {
    const auto setting = fitted(component);
    if (setting.is_null()) return;
    Checked head;
    head.component = component.name;
    head.setting = setting;
    report_(head);
    const uint32_t kind = component.kind == "core"      ? PLEXIFORM_CORE_KIND
                          : component.kind == "readout" ? PLEXIFORM_READOUT_KIND
                                                        : PLEXIFORM_LOSS_KIND;
    for (const auto& one : conformance::checks(kind)) {
      check(line(component.name, one.name, one.promise, one.look_at),
            [&] { return conformance::run(one, subject_of(request_, component, setting)); });
    }
  }

 private:
  static constexpr int most_unfinished = 3;

  // A hang and long work look the same from outside.
  std::string why(const Ended& ended) const {
    if (!ended.timed_out) return "it " + ended.problem;
    const double seconds = static_cast<double>(request_.limit.count()) / 1e3;
    return fmt::format("did not finish in {:g} s; if it is slow and not stuck, raise --time-limit to {:g}", seconds,
                       5 * seconds);
  }

  static std::string packed(const Result& result) {
    const Json json = {{"status", text(result.status)}, {"seen", result.seen}};
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
  }

  static Checked line(const std::string& component, const std::string& check, const std::string& promise,
                      const std::string& look_at) {
    return {component, {}, check, text(Status::failed), promise, "", look_at};
  }

  // The setting in which the component can be built; null, and reported, when there is none.
  Json fitted(const ListedComponent& component) {
    const auto body = [&] {
      try {
        const auto given = to_json(Subject{nullptr, request_.knobs, request_.input, "", 0});
        return to_json(conformance::fit(subject_of(request_, component, given))).dump();
      } catch (const std::exception& e) {
        return Json{{"problem", e.what()}}.dump(-1, ' ', false, Json::error_handler_t::replace);
      }
    };
    const Ended ended = run_isolated(body, request_.limit);
    const Json setting = Json::parse(ended.answer, nullptr, false);
    if (ended.problem.empty() && !setting.contains("problem")) return setting;
    unfinished_ += ended.timed_out;
    auto failed = line(component.name, "can be built", "it can be built with these knobs for a usual input",
                       "--knobs, --set and --stimulus of this command; the constructor");
    failed.seen = ended.problem.empty() ? setting["problem"].get<std::string>() : why(ended);
    report_(failed);
    return nullptr;
  }

  const CheckRequest& request_;
  const std::function<void(const Checked&)>& report_;
  int unfinished_ = 0;
};

}  // namespace

extern "C" __attribute__((visibility("default"))) void plexiform_check_plugin(
    const CheckRequest& request, const std::function<void(const Checked&)>& report) {
  Examiner examiner(request, report);
  const bool usable = examiner.check(opening);
  for (const auto& one : file_checks) {
    if (usable || one.body == &exports) examiner.check(one);
  }
  if (!usable) return;
  for (const auto& component : request.components) examiner.check(component);
}

}  // namespace plexiform::plugins
