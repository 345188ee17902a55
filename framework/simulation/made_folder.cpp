#include <files/atomic_file.h>
#include <files/new_folder.h>
#include <simulation/made_folder.h>

#include <filesystem>

namespace plexiform::simulation {
namespace {

namespace fs = std::filesystem;

constexpr const char* record = "simulation.json";

// `folder` has to be new or empty, or with `replace` hold what this program wrote.
void check_place(const std::string& folder, bool replace) {
  if (!fs::exists(folder)) return;
  if (!fs::is_directory(folder)) throw Error(folder, "is a file", "choose another name");
  if (fs::is_empty(folder)) return;
  if (!fs::exists(fs::path(folder) / record)) {
    throw Error(folder, "is not empty, and what is in it was not simulated", "choose a folder that is not there yet");
  }
  if (!replace) {
    throw Error(folder, "holds simulated recordings already", "choose another folder, or replace them with --force");
  }
}

}  // namespace

void make_folder(const std::string& folder, bool replace, const Json& parameters,
                 const std::function<void(const std::string& folder)>& write) {
  check_place(folder, replace);
  files::NewFolder target(folder);
  write(target.path());
  files::write_atomically(target.path() + "/" + record, parameters.dump(2) + "\n");
  target.replace();
}

}  // namespace plexiform::simulation
