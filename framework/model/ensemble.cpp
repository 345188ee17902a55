#include <files/atomic_file.h>
#include <files/new_folder.h>
#include <fmt/format.h>
#include <model/ensemble.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace plexiform::model {
namespace {

namespace fs = std::filesystem;
using config::Json;

constexpr const char* format = "plexiform.ensemble/1";

Json read(const std::string& file) {
  std::ifstream stream(file);
  const Json json = stream ? Json::parse(stream, nullptr, false) : Json();
  if (!json.is_object())
    throw Error(file, "is no JSON, or cannot be read", "take the folder from a copy, or make it again");
  return json;
}

// Run folders of a sweep are numbered, unless hydra.sweep.subdir says otherwise.
std::vector<std::string> runs_of_sweep(const std::string& folder) {
  std::vector<std::string> runs;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (fs::exists(entry.path() / "scores.json") && entry.path().filename() != "model") runs.push_back(entry.path());
  }
  std::sort(runs.begin(), runs.end(), [](const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() < b.size() : a < b;  // 2 before 10
  });
  if (runs.empty())
    throw Error(folder, "is a sweep none of whose runs is done", "finish it: plexiform train -m --resume");
  return runs;
}

std::vector<std::string> bundles_of(const std::vector<std::string>& runs) {
  std::vector<std::string> bundles;
  for (const auto& run : runs) {
    if (fs::exists(run + "/jobs.yaml")) {
      for (const auto& one : bundles_of(runs_of_sweep(run))) bundles.push_back(one);
      continue;
    }
    const auto found = members(bundle_folder(run));
    if (found.empty()) {
      throw Error(run, "holds no trained model", "name run folders that are done, or the folder of a sweep of them");
    }
    bundles.insert(bundles.end(), found.begin(), found.end());
  }
  return bundles;
}

// What has to be the same for predictions to be averaged.
void check_alike(const std::string& first, const std::string& other) {
  const Json a = read(first + "/model.json"), b = read(other + "/model.json");
  const auto window = [](const Json& about) {  // without T, which a prediction is free in
    Json shape = about.value("window", Json::array());
    if (shape.size() == 4) shape.erase(1);
    return shape;
  };
  const std::pair<const char*, bool> alike[] = {
      {"sessions", a.value("sessions", Json()) == b.value("sessions", Json())},
      {"stimuli", window(a) == window(b)},
      {"normalisation", a.value("normalisation", Json()) == b.value("normalisation", Json())},
      {"lag", a.value("lag", Json()) == b.value("lag", Json())},
  };
  for (const auto& [what, same] : alike) {
    if (!same) {
      throw Error(other, fmt::format("has other {} than {}", what, first),
                  "an ensemble is of models of the same data whose predictions begin at the same bin");
    }
  }
}

}  // namespace

void write_ensemble(const std::string& folder, const std::vector<std::string>& runs) {
  const auto bundles = bundles_of(runs);
  if (bundles.size() < 2) throw Error(folder, "would have one member", "name two runs at least, or a sweep");
  for (const auto& bundle : bundles) check_alike(bundles.front(), bundle);
  files::NewFolder place(folder);
  Json names = Json::array();
  for (size_t i = 0; i < bundles.size(); ++i) {
    names.push_back(std::to_string(i));
    place.make(std::to_string(i));
    for (const auto& file : fs::directory_iterator(bundles[i])) {
      if (file.is_regular_file())
        fs::copy_file(file, fs::path(place.path()) / std::to_string(i) / file.path().filename());
    }
  }
  files::write_atomically(place.path() + "/ensemble.json", Json{{"format", format}, {"members", names}}.dump(2) + "\n");
  place.move_into_place();
}

std::vector<std::string> members(const std::string& folder) {
  const std::string file = folder + "/ensemble.json";
  if (!fs::exists(file)) return fs::exists(folder + "/model.json") ? std::vector{folder} : std::vector<std::string>{};
  const Json about = read(file);
  if (about.value("format", "") != format) {
    throw Error(file, "is of format " + about.value("format", Json()).dump(),
                std::string("this version reads ") + format);
  }
  std::vector<std::string> found;
  const Json names = about.value("members", Json::array());
  for (const auto& name : names) {
    if (name.is_string()) found.push_back(folder + "/" + name.get<std::string>());
  }
  if (found.empty()) throw Error(file, "names no members", "make the ensemble again");
  return found;
}

std::vector<Bundle> read_members(const std::string& folder, plugins::Catalogue& catalogue) {
  std::vector<Bundle> bundles;
  for (const auto& one : members(folder)) bundles.push_back(read_bundle(one, catalogue));
  if (bundles.empty()) bundles.push_back(read_bundle(folder, catalogue));  // says what is missing
  return bundles;
}

}  // namespace plexiform::model
