#include <cli/plugins_doctor.h>
#include <fmt/format.h>
#include <plexiform/error.h>
#include <plexiform/platform.h>
#include <plugins/catalogue.h>
#include <plugins/host_library.h>
#include <plugins/isolated.h>
#include <plugins/path_variable.h>
#include <sched.h>
#include <unistd.h>

#include <boost/version.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

namespace plexiform::cli {

namespace {

using namespace plugins;
namespace fs = std::filesystem;

// --- What there is, as JSON

struct Findings {
  Json all = Json::object();
  Json warnings = Json::array();
  void warn(const std::string& problem, const std::string& fix) {
    warnings.push_back({{"problem", problem}, {"fix", fix}});
  }
};

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::string cpu_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) return line.substr(std::min(line.find(':') + 2, line.size()));
  }
  return "";
}

int usable_cores() {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

std::string command() {
  try {
    return command_file();
  } catch (const Error& e) {
    return "";
  }
}

void host(Findings& findings) {
  const HostBuild build = this_host();
  findings.all["host"] = {
      {"version", PLEXIFORM_VERSION},
      {"file", command()},
      {"plugin_abi", fmt::format("{}.{}", PLEXIFORM_ABI_MAJOR, PLEXIFORM_ABI_MINOR)},
      {"built_with",
       {{"libtorch", build.torch_version},
        {"compiler", PLEXIFORM_COMPILER},
        {"cxx_abi", build.cxx_abi},
        {"boost", fmt::format("{}.{}.{}", BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000, BOOST_VERSION % 100)}}}};
  findings.all["machine"] = {{"platform", build.platform},
                             {"cpu", cpu_name()},
                             {"cpu_features", cpu_features_text(build.cpu_features)},
                             {"cores", std::thread::hardware_concurrency()},
                             {"usable_cores", usable_cores()}};
  const std::string threads = environment("OMP_NUM_THREADS");
  findings.all["machine"]["omp_num_threads"] = threads;
  if (const int wanted = std::atoi(threads.c_str()); wanted > usable_cores()) {
    findings.warn(fmt::format("OMP_NUM_THREADS is {}, but this process may use {} cores", wanted, usable_cores()),
                  fmt::format("export OMP_NUM_THREADS={}, or unset it", usable_cores()));
  }
}

// In a child: LibTorch may not load on this machine, or crash.
bool libtorch(Findings& findings) {
  const auto ask = [] {
    try {
      std::string json;
      reinterpret_cast<void (*)(std::string*)>(open_host_function("plexiform_environment"))(&json);
      return json;
    } catch (const Error& e) {
      return Json{{"where", e.where()}, {"problem", e.problem()}, {"fix", e.fix()}}.dump();
    } catch (const std::exception& e) {
      return Json{{"where", ""}, {"problem", e.what()}, {"fix", "reinstall Plexiform"}}.dump();
    }
  };
  const Ended ended = run_isolated(ask, std::chrono::seconds(120));
  Json answer = Json::parse(ended.answer, nullptr, false);
  if (!ended.problem.empty()) {
    const std::string said = ended.last_words.empty() ? "" : ": " + ended.last_words;
    answer = {{"where", ""},
              {"problem", "the process " + ended.problem + " while it was loaded" + said},
              {"fix", "use a LibTorch " PLEXIFORM_TORCH_VERSION " for this machine's CPU"}};
  }
  if (!answer.contains("problem")) {
    findings.all["libtorch"] = answer["libtorch"];
    findings.all["hdf5"] = answer["hdf5"];
    return true;
  }
  const std::string problem = answer["problem"], fix = answer["fix"];
  findings.all["libtorch"] = {{"problem", problem}};
  findings.warn("training, evaluation and plugins do not work: " + answer["where"].get<std::string>() +
                    (answer["where"] == "" ? "LibTorch: " : ": ") + problem,
                fix);
  return false;
}

Json folder_state(const std::string& folder, Findings& findings) {
  std::error_code failed;
  if (!fs::exists(folder, failed)) return {{"folder", folder}, {"state", "not there"}};
  if (!fs::is_directory(folder, failed)) return {{"folder", folder}, {"state", "is no folder"}};
  int count = 0;
  fs::directory_iterator entry(folder, failed);
  if (failed) {
    findings.warn(folder + ": " + failed.message(), "chmod u+rx " + folder);
    return {{"folder", folder}, {"state", "cannot be read"}};
  }
  for (const auto& file : entry) {
    const std::string name = file.path().filename().string();
    const bool plugin = name.ends_with(PLEXIFORM_PLUGIN_SUFFIX) && name[0] != '.';
    count += plugin;
    if (!plugin && name.ends_with(".so")) {
      findings.warn(file.path().string() + ": is passed over, its name does not end in " PLEXIFORM_PLUGIN_SUFFIX,
                    "if it is a plugin, rename it");
    }
  }
  const std::string state = count == 1 ? "1 plugin" : fmt::format("{} plugins", count);
  return {{"folder", folder}, {"state", state}};
}

void search_path(const Sources& sources, Findings& findings) {
  Json folders = Json::array();
  for (const auto& folder : sources.folders) folders.push_back(folder_state(folder, findings));
  findings.all["search_path"] = folders;
  for (const auto& e : path_variable().useless) findings.warn(e.where() + ": " + e.problem(), e.fix());
}

void cache(Findings& findings) {
  const std::string file = Cache::default_file();
  Json state = {{"file", file}};
  std::error_code failed;
  if (file.empty()) {
    state["state"] = "none";
    findings.warn("neither XDG_CACHE_HOME nor HOME is set: new plugins are opened in a child process at every start",
                  "export HOME or XDG_CACHE_HOME");
  } else if (!fs::exists(file, failed)) {
    state["state"] = "not there yet";
  } else {
    state["bytes"] = fs::file_size(file, failed);
    std::ifstream stream(file);
    state["state"] = Json::parse(stream, nullptr, false).is_object() ? "good" : "damaged; it will be made again";
  }
  fs::path place = fs::path(file).parent_path();
  while (!place.empty() && !fs::exists(place, failed)) place = place.parent_path();
  if (!file.empty() && access(place.c_str(), W_OK) != 0) {
    state["state"] = "cannot be written";
    findings.warn(file + ": cannot be written, so new plugins are opened in a child process at every start",
                  "chmod u+w " + place.string() + ", or set XDG_CACHE_HOME");
  }
  findings.all["cache"] = state;
}

void plugin_files(const Sources& sources, bool can_open, Findings& findings) {
  auto catalogue = Catalogue::discover(sources);
  if (can_open) {
    try {
      catalogue.open_new_files();
    } catch (const Error& e) {
      findings.warn(std::string("new plugins cannot be opened: ") + e.problem(), e.fix());
    }
  }
  Json files = Json::array();
  for (const auto& file : catalogue.files()) {
    Json entry = {{"file", file.path}, {"status", text(file.status())}};
    if (file.note) {
      entry["plugin"] = file.note->plugin_id;
      entry["version"] = file.note->plugin_version;
    }
    std::string verdict;
    for (const auto& p : file.problems) {
      verdict += (verdict.empty() ? "" : "; ") + p.problem;
      findings.warn(file.path + ": " + p.problem, p.fix);
    }
    if (!file.shadowed_by.empty() && verdict.empty()) {
      verdict = "shadowed by " + file.shadowed_by;
      findings.warn(file.path + ": never used, " + file.shadowed_by + " comes first",
                    "remove one of them, or pin a version");
    }
    if (file.warning) findings.warn(file.path + ": " + file.warning->problem, file.warning->fix);
    if (!verdict.empty()) entry["verdict"] = verdict;
    files.push_back(std::move(entry));
  }
  findings.all["plugins"] = files;
}

// --- The same as text

void print(const Json& all) {
  const Json &host = all["host"], &machine = all["machine"], &built = host["built_with"];
  const auto line = [](const char* name, const std::string& value) { fmt::print("{:12}{}\n", name, value); };
  const auto t = [](const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); };
  line("Plexiform", fmt::format("{}, plugin ABI {}   {}", t(host["version"]), t(host["plugin_abi"]), t(host["file"])));
  line("built with", fmt::format("{}, {}, LibTorch {}, Boost {}", t(built["compiler"]), t(built["cxx_abi"]),
                                 t(built["libtorch"]), t(built["boost"])));
  line("machine", fmt::format("{}, {}, {}", t(machine["platform"]), t(machine["cpu"]), t(machine["cpu_features"])));
  const std::string omp = t(machine["omp_num_threads"]);
  line("cores", fmt::format("{}, usable {}{}", t(machine["cores"]), t(machine["usable_cores"]),
                            omp.empty() ? "" : ", OMP_NUM_THREADS " + omp));
  const Json& torch = all["libtorch"];
  if (torch.contains("problem")) {
    line("LibTorch", "CANNOT BE LOADED: " + t(torch["problem"]));
  } else {
    line("LibTorch", fmt::format("{}   {}", t(torch["version"]), t(torch["file"])));
    line("", fmt::format("BLAS {}, LAPACK {}, oneDNN {}, CPU capability {}, {} threads", t(torch["blas"]),
                         t(torch["lapack"]), torch["onednn"].get<bool>() ? "yes" : "no", t(torch["cpu_capability"]),
                         t(torch["threads"])));
    line("CUDA", torch["cuda_devices"] == 0 ? t(torch["cuda"]) : t(torch["cuda_devices"]) + " devices");
    line("HDF5", fmt::format("{}   {}", t(all["hdf5"]["version"]), t(all["hdf5"]["file"])));
  }
  line("cache", fmt::format("{}   {}", t(all["cache"]["state"]), t(all["cache"]["file"])));
  fmt::print("\nsearch path\n");
  for (const auto& entry : all["search_path"]) fmt::print("  {:14}  {}\n", t(entry["state"]), t(entry["folder"]));
  fmt::print("\nplugins\n");
  for (const auto& entry : all["plugins"]) {
    fmt::print("  {:8}  {:24}  {}\n", t(entry["status"]),
               entry.contains("plugin") ? t(entry["plugin"]) + " " + t(entry["version"]) : "?", t(entry["file"]));
    if (entry.contains("verdict")) fmt::print("            {}\n", t(entry["verdict"]));
  }
  if (all["plugins"].empty()) fmt::print("  none\n");
  fmt::print("\n{}\n", all["warnings"].empty() ? "Nothing to complain about." : "warnings");
  for (const auto& entry : all["warnings"]) fmt::print("  {}\n    fix: {}\n", t(entry["problem"]), t(entry["fix"]));
}

}  // namespace

int plugins_doctor(const Sources& sources, bool json) {
  Findings findings;
  host(findings);
  const bool works = libtorch(findings);
  search_path(sources, findings);
  cache(findings);
  plugin_files(sources, works, findings);
  findings.all["warnings"] = findings.warnings;
  if (json) {
    fmt::print("{}\n", findings.all.dump(2, ' ', false, Json::error_handler_t::replace));
  } else {
    print(findings.all);
  }
  return works ? 0 : 1;
}

}  // namespace plexiform::cli
