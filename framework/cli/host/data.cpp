// plexiform data inspect|check|convert: recordings of any layout, without training on them.
#include <cli/host/commands.h>
#include <cli/host/memory.h>
#include <cli/parse.h>
#include <cli/shell_words.h>
#include <config/compose.h>
#include <config/knobs.h>
#include <config/override.h>
#include <config/resolve.h>
#include <data/convert.h>
#include <data/faults.h>
#include <data/local_files.h>
#include <data/readers.h>
#include <data/recognise.h>
#include <evaluation/metrics.h>
#include <evaluation/report.h>
#include <files/new_folder.h>
#include <fmt/ranges.h>
#include <simulation/layouts/layouts.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

namespace plexiform::cli {
namespace {

namespace fs = std::filesystem;
using config::Json;
using config::Node;
using Words = std::vector<std::string>;

struct Asked {
  std::string path, output, config;
  Words words;  // a config file, overrides
  bool json = false, link = false;
};

void add_common(CLI::App& app, Asked& asked) {
  app.add_option("PATH", asked.path, "a file or folder")->required();
  app.add_option("--config-name,--cn", asked.config, "the config whose data_io reads it (default: by what PATH is)");
}

void add_words(CLI::App& app, Asked& asked) {
  app.add_option("KEY=VALUE", asked.words,
                 "overrides of the config, such as data_io.test_names=[frozen]; or a config file");
}

// What inspect and check take. False: help was asked for, and given.
bool parse_look(CLI::App& app, const Arguments& arguments, Asked& asked) {
  add_common(app, asked);
  add_words(app, asked);
  app.add_flag("--json", asked.json, "as JSON");
  return parse(app, arguments);
}

// What PATH is, and the config that reads it.
struct Opened {
  data::Recognised is;
  std::string config;  // its name or file
  Words overrides;
  Node root;  // resolved, as far as readers look at it
};

// Small files that create-data made need overrides of the experiments that they are laid out for.
void add_for_made_up(Words& overrides, const std::string& path) {
  const auto record = Json::parse(std::ifstream(fs::path(path) / "simulation.json"), nullptr, false);
  if (!record.is_object() || !record.contains("layout")) return;
  for (const auto& layout : simulation::layouts()) {
    if (layout.name != record["layout"] || record["neurons"] == layout.full.neurons) continue;
    for (const auto& word : layout.small_overrides) config::add_unless_given(overrides, word);
  }
}

Opened open(const Asked& asked) {
  Opened opened{data::recognise(asked.path), asked.config, {}, Node::map()};
  Words words, files;
  for (const auto& word : asked.words)
    (word.ends_with(".yaml") && word.find('=') == std::string::npos ? files : opened.overrides).push_back(word);
  const bool given = !asked.config.empty() || !files.empty();
  if (!given) {
    if (opened.is.layout.empty()) throw Error(asked.path, "is " + opened.is.what, opened.is.fix);
    opened.config = opened.is.config;
    for (const auto& word : opened.is.overrides) config::add_unless_given(opened.overrides, word);
    add_for_made_up(opened.overrides, asked.path);
  }
  if (files.empty()) words = {"--config-name", opened.config};
  if (!files.empty()) opened.config = files[0];
  words.insert(words.end(), files.begin(), files.end());
  words.insert(words.end(), opened.overrides.begin(), opened.overrides.end());
  const auto composition = config::compose(parse_command_line("train", words).request);
  config::Resolvers resolvers;
  resolvers.hydra = composition.hydra;
  try {
    for (const char* part : {"data_io", "dataloader", "compat"}) {
      if (composition.job.find(part)) opened.root[part] = config::resolve_at(composition.job, part, resolvers);
    }
  } catch (const Error& e) {
    throw config::with_chain(composition, e);
  }
  return opened;
}

// ---- inspect

struct Test {
  std::string name;
  int64_t frames = 0, repeats = 0;
  double ceiling = 0;  // median over neurons; NaN without two repeats
};

Test describe(const data::Trial& trial, int64_t discarded) {
  Test test{trial.stimulus->name, trial.frames(), trial.repeats.defined() ? trial.repeats.size(0) : 0, std::nan("")};
  if (test.repeats > 1 && test.frames > discarded + 1)
    test.ceiling =
        evaluation::summarize(evaluation::noise_ceiling(trial.repeats.slice(2, discarded).transpose(1, 2))).median;
  return test;
}

int64_t frames_of(const std::vector<data::Trial>& trials) {
  int64_t frames = 0;
  for (const auto& trial : trials) frames += trial.frames();
  return frames;
}

// What a lab would want to know of its cells and tests, and is not there.
Words missing(const data::Recordings& recordings) {
  std::map<std::string, Words> lacking;
  for (const auto& session : recordings.sessions) {
    const auto has = [&](std::initializer_list<const char*> keys) {
      return std::any_of(keys.begin(), keys.end(), [&](const char* key) { return session.info.contains(key); });
    };
    if (session.frame_rate_hz == 0) lacking["a frame rate"].push_back(session.name);
    if (session.tests.empty()) lacking["a test"].push_back(session.name);
    const bool repeats = std::all_of(session.tests.begin(), session.tests.end(),
                                     [](const auto& test) { return test.repeats.defined(); });
    if (!repeats) lacking["repeats of a test"].push_back(session.name);
    if (!has({"positions", "position", "locations", "cell_motor_coordinates"}))
      lacking["positions of cells"].push_back(session.name);
    if (!has({"cell_type", "celltypes", "cell_types", "group_assignment"}))
      lacking["cell types"].push_back(session.name);
  }
  Words all;
  for (const auto& [what, sessions] : lacking) {
    const bool everywhere = sessions.size() == recordings.sessions.size();
    all.push_back(everywhere ? what : fmt::format("{} ({})", what, fmt::join(sessions, ", ")));
  }
  return all;
}

Json to_json(const Opened& opened, const data::Recordings& recordings, const std::string& path) {
  Json all = {{"path", path},
              {"what", opened.is.what},
              {"layout", data::chosen_reader(opened.root).reader->target},
              {"config", opened.config},
              {"overrides", opened.overrides},
              {"channels", recordings.channels},
              {"height", recordings.height},
              {"width", recordings.width},
              {"sessions", Json::array()},
              {"missing", missing(recordings)}};
  for (const auto& session : recordings.sessions) {
    Json own = {{"name", session.name},
                {"neurons", session.neurons},
                {"frame_rate_hz", session.frame_rate_hz > 0 ? Json(session.frame_rate_hz) : Json()},
                {"discard_frames", session.discard_frames},
                {"mean_response", session.mean_activity().mean().item<double>()},
                {"train", Json::array()},
                {"tests", Json::array()},
                {"info", Json::array()},
                {"traces", Json::array()}};
    for (const auto& trial : session.train)
      own["train"].push_back({{"stimulus", trial.stimulus->name}, {"frames", trial.frames()}});
    for (const auto& trial : session.tests) {
      const Test test = describe(trial, session.discard_frames);
      own["tests"].push_back({{"stimulus", test.name},
                              {"frames", test.frames},
                              {"repeats", test.repeats},
                              {"noise_ceiling", std::isnan(test.ceiling) ? Json() : Json(test.ceiling)}});
    }
    for (const auto& [key, values] : session.info) own["info"].push_back(key);
    for (const auto& trace : session.train[0].traces) own["traces"].push_back(trace.name);
    all["sessions"].push_back(own);
  }
  return all;
}

// Names that all sessions have, those that only some have in parentheses.
std::string common(const std::vector<std::set<std::string>>& of_sessions) {
  std::map<std::string, size_t> count;
  for (const auto& names : of_sessions) {
    for (const auto& name : names) ++count[name];
  }
  Words all;
  for (const auto& [name, sessions] : count) all.push_back(sessions == of_sessions.size() ? name : "(" + name + ")");
  return all.empty() ? "none" : fmt::format("{}", fmt::join(all, ", "));
}

void print(const Opened& opened, const data::Recordings& recordings) {
  fmt::print("  read by {} as in {} {}\n\n", data::chosen_reader(opened.root).reader->target, opened.config,
             shell_quoted(opened.overrides));
  size_t width = 7, test_width = 4;
  std::set<const void*> movies;
  int64_t bytes = 0;
  std::vector<std::set<std::string>> info, traces;
  for (const auto& session : recordings.sessions) {
    width = std::max(width, session.name.size());
    info.emplace_back();
    traces.emplace_back();
    for (const auto& [key, values] : session.info) info.back().insert(key);
    for (const auto* trials : {&session.train, &session.tests}) {
      for (const auto& trial : *trials) {
        if (trials == &session.tests) test_width = std::max(test_width, trial.stimulus->name.size());
        for (const auto& trace : trial.traces) traces.back().insert(trace.name);
        if (movies.insert(trial.stimulus->movie.const_data_ptr()).second)
          bytes += static_cast<int64_t>(trial.stimulus->movie.nbytes());
      }
    }
  }
  fmt::print("{:<{}}  {:>7}  {:>8}  {:>6}  {:>9}  {:>13}  {:<{}}  {:>6}  {:>7}  {:>13}\n", "session", width, "neurons",
             "rate, Hz", "trials", "frames", "mean response", "test", test_width, "frames", "repeats", "noise ceiling");
  int64_t neurons = 0, frames = 0;
  for (const auto& session : recordings.sessions) {
    const std::string rate = session.frame_rate_hz > 0 ? fmt::format("{:g}", session.frame_rate_hz) : "-";
    fmt::print("{:<{}}  {:>7}  {:>8}  {:>6}  {:>9}  {:>13.4g}", session.name, width, session.neurons, rate,
               session.train.size(), frames_of(session.train), session.mean_activity().mean().item<double>());
    for (size_t i = 0; i < session.tests.size(); ++i) {
      const Test test = describe(session.tests[i], session.discard_frames);
      if (i > 0) fmt::print("\n{:<{}}", "", width + 53);
      fmt::print("  {:<{}}  {:>6}  {:>7}  {:>13}", test.name, test_width, test.frames,
                 test.repeats > 0 ? fmt::format("{}", test.repeats) : "-",
                 std::isnan(test.ceiling) ? "-" : fmt::format("{:.3f}", test.ceiling));
    }
    fmt::print("\n");
    neurons += session.neurons;
    frames += frames_of(session.train);
  }
  fmt::print("{} sessions, {} neurons, {} training frames; noise ceiling: median over neurons\n\n",
             recordings.sessions.size(), neurons, frames);
  fmt::print("stimuli    {} channels, {} x {} px; {} arrays, {:.1f} MB\n", recordings.channels, recordings.height,
             recordings.width, movies.size(), static_cast<double>(bytes) / 1e6);
  fmt::print("of cells   {}\nof frames  {}\n", common(info), common(traces));
  const Words lacking = missing(recordings);
  fmt::print("missing    {}\n", lacking.empty() ? "nothing" : fmt::format("{}", fmt::join(lacking, "; ")));
}

int inspect(const Arguments& arguments) {
  CLI::App app("Says what a file or folder is, and what recordings it holds.", "plexiform data inspect");
  Asked asked;
  if (!parse_look(app, arguments, asked)) return 0;
  const Opened opened = open(asked);
  if (!asked.json) fmt::print("{}\n  {}\n", asked.path, opened.is.what);  // also of what is refused now
  const auto recordings = data::read_recordings(opened.root);
  if (asked.json) {
    fmt::print("{}\n", to_json(opened, recordings, asked.path).dump(2));
  } else {
    print(opened, recordings);
  }
  return 0;
}

// ---- check

// Rates that the config gives and the recordings contradict.
std::vector<data::Fault> contradicted_rates(const Node& root, const data::Recordings& recordings) {
  std::vector<data::Fault> faults;
  for (const char* key : {"data_io.data_info.response_rate_hz", "data_io.data_info.stimulus_rate_hz"}) {
    const Node* node = root.at_path(key);
    if (!node || (node->kind != config::Kind::integer && node->kind != config::Kind::real)) continue;
    const double rate = node->kind == config::Kind::real ? node->real : static_cast<double>(node->integer);
    for (const auto& session : recordings.sessions) {
      if (session.frame_rate_hz == 0 || session.frame_rate_hz == rate) continue;
      faults.push_back({true, "rates", session.name,
                        fmt::format("is recorded at {} Hz, but {} is {}", session.frame_rate_hz, key, rate),
                        "correct one of them"});
    }
  }
  return faults;
}

Json to_json(const data::Fault& fault) {
  return {{"spoils", fault.spoils},
          {"kind", fault.kind},
          {"where", fault.session},
          {"what", fault.what},
          {"fix", fault.fix}};
}

int check(const Arguments& arguments) {
  CLI::App app(
      "Finds what would spoil a training: what a reader refuses (NaN, lengths that disagree, ...), dead neurons, "
      "frames of a "
      "test that are trained on, rates that disagree. Exits 1 when there is something; notes alone are no fault.",
      "plexiform data check");
  Asked asked;
  if (!parse_look(app, arguments, asked)) return 0;
  const Opened opened = open(asked);
  std::vector<data::Fault> faults;
  std::string summary = "nothing else was looked at: it cannot be read like this";
  try {
    const auto recordings = data::read_recordings(opened.root);
    faults = contradicted_rates(opened.root, recordings);
    const auto found = data::find_faults(recordings);
    faults.insert(faults.end(), found.begin(), found.end());
    int64_t neurons = 0, frames = 0;
    for (const auto& session : recordings.sessions) {
      neurons += session.neurons;
      frames += frames_of(session.train) + frames_of(session.tests);
    }
    summary = fmt::format("{} sessions, {} neurons, {} frames", recordings.sessions.size(), neurons, frames);
  } catch (const Error& e) {
    faults.push_back({true, "refused", e.where(), e.problem(), e.fix()});
  }
  const auto spoiling = std::count_if(faults.begin(), faults.end(), [](const auto& fault) { return fault.spoils; });
  if (asked.json) {
    Json all = {{"path", asked.path}, {"what", opened.is.what}, {"faults", Json::array()}};
    for (const auto& fault : faults) all["faults"].push_back(to_json(fault));
    fmt::print("{}\n", all.dump(2));
    return spoiling > 0 ? 1 : 0;
  }
  for (const auto& [spoils, kind, session, what, fix] : faults)
    fmt::print("{}  {}{}{}\n  fix: {}\n", spoils ? "fault" : "note ", session, session.empty() ? "" : ": ", what, fix);
  fmt::print("{}: {} fault{}, {} notes; {}\n", asked.path, spoiling, spoiling == 1 ? "" : "s",
             static_cast<int64_t>(faults.size()) - spoiling, summary);
  return spoiling > 0 ? 1 : 0;
}

// ---- convert

bool names_a_file(const std::string& output) { return output.ends_with(".h5") || output.ends_with(".hdf5"); }

std::string last_part(const std::string& path) {
  const fs::path place = fs::absolute(path).lexically_normal();
  return place.has_filename() ? place.filename() : place.parent_path().filename();
}

data::Provenance provenance(const data::Chosen& chosen, const std::string& path) {
  Json settings = config::own_knobs(chosen.node);
  for (const char* key : {"path", "movies", "responses"}) {
    if (settings.contains(key) && settings[key].is_string())
      settings[key] = last_part(settings[key].get<std::string>());
  }
  return {last_part(path), chosen.reader->target, settings.dump()};
}

// The generic folder's knobs, with the numbers that its stimuli were normalised with where the config gives one of them.
data::Hdf5FolderParams folder_params(const Node& node, const data::Recordings& recordings) {
  auto params = config::read_knobs<data::Hdf5FolderParams>(node, "data_io");
  params.path = data::local_path(params.path);
  if (params.norm_mean || params.norm_std) {
    const auto& stimulus = *recordings.sessions.at(0).train.at(0).stimulus;
    params.norm_mean = stimulus.mean;
    params.norm_std = stimulus.std;
  }
  return params;
}

std::string train_command(const Opened& opened, const data::Chosen& chosen, const data::Recordings& recordings,
                          const std::string& output) {
  Words words = {"plexiform", "train"};
  if (opened.config.ends_with(".yaml")) words.push_back(opened.config);
  if (!opened.config.ends_with(".yaml") && opened.config != "quickstart")
    words.insert(words.end(), {"--config-name", opened.config});
  const bool file = names_a_file(output);
  if (chosen.pair && file) {  // the experiment's other sections point into its data_io
    words.insert(words.end(), opened.overrides.begin(), opened.overrides.end());
    words.push_back("+data_io._target_=plexiform.data.RecordingsFile");
    words.push_back("+" + data::override_of("data_io.path", output));
    return shell_quoted(words);
  }
  std::set<std::string> tests;
  for (const auto& session : recordings.sessions) {
    for (const auto& trial : session.tests) tests.insert(data::override_of("", trial.stimulus->name).substr(1));
  }
  words.push_back(file ? "data_io=recordings_file" : "data_io=hdf5_folder");
  words.push_back(file ? "data_io.test_names=null" : fmt::format("data_io.test_names=[{}]", fmt::join(tests, ",")));
  words.push_back(data::override_of("paths.data_dir", output));
  return shell_quoted(words);
}

int convert(const Arguments& arguments) {
  CLI::App app(
      "Writes recordings of any layout into one file of Plexiform's own (OUT ends in .h5), or into a folder of the "
      "generic "
      "layout (any other OUT).",
      "plexiform data convert");
  Asked asked;
  add_common(app, asked);
  app.add_option("OUT", asked.output, "what to write; it must not be there yet")->required();
  app.add_flag("--link", asked.link, "of a generic folder: name its .npy files instead of copying them");
  add_words(app, asked);
  if (!parse(app, arguments)) return 0;
  while (asked.output.size() > 1 && asked.output.ends_with("/")) asked.output.pop_back();
  if (fs::exists(asked.output)) throw Error(asked.output, "is there already", "choose another name");
  const Opened opened = open(asked);
  const auto chosen = data::chosen_reader(opened.root);
  const bool generic = chosen.reader->target == "plexiform.data.Hdf5Folder",
             own = chosen.reader->target == "plexiform.data.RecordingsFile";
  const bool file = names_a_file(asked.output);
  if (own && file)
    throw Error(asked.path, "is a recordings file already", "copy it, or name a folder: OUT without .h5");
  if (generic && !file) throw Error(asked.path, "has the generic layout already", "name a file: OUT.h5");
  if (asked.link && !(generic && file)) throw Error("--link", "goes with a generic folder and a file", "leave it out");

  const auto recordings = data::read_recordings(opened.root);  // all checks
  const auto from = provenance(chosen, asked.path);
  const auto pack = [&](const std::string& name) {
    if (!generic) return data::write_recordings_file(name, recordings, from);
    data::pack_hdf5_folder(folder_params(chosen.node, recordings), name, from,
                           asked.link ? data::Stimuli::linked : data::Stimuli::copied);
  };
  if (file) {
    pack(asked.output);
  } else {
    files::NewFolder folder(asked.output);
    const std::string on_the_way = folder.path() + "/.recordings.h5";
    if (!own) pack(on_the_way);
    data::unpack_recordings_file(own ? asked.path : on_the_way, folder.path());
    fs::remove(on_the_way);
    folder.move_into_place();
  }
  int64_t neurons = 0;
  for (const auto& session : recordings.sessions) neurons += session.neurons;
  fmt::print("{}: {} sessions, {} neurons\n{}\n", asked.output, recordings.sessions.size(), neurons,
             train_command(opened, chosen, recordings, asked.output));
  return 0;
}

constexpr const char* usage =
    R"(plexiform data: recordings of any layout

  plexiform data inspect PATH        what it is and holds: sessions, neurons, frames, rates, repeats
  plexiform data check PATH          what would spoil a training on it; exits 1 when there is something
  plexiform data convert PATH OUT    into one file (OUT.h5), or a folder of the generic layout (any other OUT)
  plexiform data COMMAND --help      more about it

)";

}  // namespace

int data_command(const Arguments& arguments) {
  return_freed_memory();
  const std::string command = arguments.empty() ? "" : arguments[0];
  const Arguments rest(arguments.begin() + (arguments.empty() ? 0 : 1), arguments.end());
  if (command == "inspect") return inspect(rest);
  if (command == "check") return check(rest);
  if (command == "convert") return convert(rest);
  if (command == "--help" || command == "-h") {
    fmt::print("{}", usage);
    return 0;
  }
  throw Usage(command.empty() ? "which one?\n  fix: plexiform data inspect, check or convert"
                              : fmt::format("no such command: data {}\n  fix: {}", command,
                                            did_you_mean(command, {"inspect", "check", "convert"})));
}

}  // namespace plexiform::cli
