#include <config/knobs.h>
#include <data/goldin_2022.h>
#include <data/hdf5_folder.h>
#include <data/hoefling_2024.h>
#include <data/karamanlis_2024.h>
#include <data/local_files.h>
#include <data/maheswaranathan_2023.h>
#include <data/readers.h>
#include <data/recordings_file.h>
#include <data/sensorium.h>
#include <data/sridhar_2025.h>
#include <fmt/format.h>

#include <algorithm>

namespace plexiform::data {
namespace {

using config::Node;

// Reads, and gives an error about a knob the place in the config where it is set.
template <class Params>
Recordings read_knobs_and_files(const Node& node, const Node& root, Recordings (*read)(const Params&),
                                Params params = {}) {
  params = config::read_knobs(node, "data_io", params);
  try {
    return read(params);
  } catch (const Error& e) {
    const Node* set = node.find(e.where());
    if (!set) throw;
    const Node *own = root.find("data_io"), *loader = root.find("dataloader");  // whose knobs some readers share
    const bool of_loader = loader && loader->find(e.where()) && !(own && own->find(e.where()));
    throw Error(config::where(*set, (of_loader ? "dataloader." : "data_io.") + e.where()), e.problem(), e.fix());
  }
}

// A path of the data where the config gives an address or an archive.
Node with_local_path(Node node, const std::string& key) {
  if (Node* path = node.find(key); path && !path->is_null()) {
    path->string = local_path(*path, "data_io." + key);
    path->kind = config::Kind::string;
  }
  return node;
}

bool openretina_quirks(const Node& root) {
  const Node* compat = root.find("compat");
  return compat && compat->string == "openretina";
}

Node join_hdf5(const Node& stimuli, const Node& responses) {
  Node node = join_pair(stimuli, responses);
  if (!node.find("allow_negative")) node["allow_negative"] = Node::truth(true);
  for (const auto& [key, value] : {std::pair{"norm_mean", 0.0}, {"norm_std", 1.0}}) {  // null means these there
    if (Node& given = node[key]; given.is_null()) given = Node::number(value);
  }
  return node;
}

Recordings read_hdf5(const Node& node, const Node& root) {
  return read_knobs_and_files<Hdf5FolderParams>(with_local_path(node, "path"), root,
                                                [](const Hdf5FolderParams& params) {
                                                  params.check();
                                                  return read_hdf5_folder(params);
                                                });
}

// An experiment of openretina's reads such a file by two more keys beside its own: +data_io._target_=..., +data_io.path=...
Recordings read_file(const Node& node, const Node& root) {
  Node own = node;
  if (node.find("stimuli") && node.find("responses")) {
    knobs::Names<RecordingsFileParams> known;
    RecordingsFileParams().describe(known);
    std::erase_if(own.entries, [&](const auto& entry) {
      return std::find(known.names.begin(), known.names.end(), entry.first) == known.names.end();
    });
  }
  return read_knobs_and_files<RecordingsFileParams>(with_local_path(own, "path"), root, read_recordings_file);
}

Recordings read_hoefling(const Node& node, const Node& root) {
  Hoefling2024Params params;
  params.std_of_training = !openretina_quirks(root);
  return read_knobs_and_files<Hoefling2024Params>(with_local_path(with_local_path(node, "movies"), "responses"), root,
                                                  read_hoefling_2024, params);
}

Recordings read_karamanlis(const Node& node, const Node& root) {
  Karamanlis2024Params params;
  params.wrapped = openretina_quirks(root);
  return read_knobs_and_files<Karamanlis2024Params>(with_local_path(node, "path"), root, read_karamanlis_2024, params);
}

Recordings read_sridhar(const Node& node, const Node& root) {
  return read_knobs_and_files<Sridhar2025Params>(with_local_path(with_loader_knobs(node, root), "path"), root,
                                                 read_sridhar_2025);
}

// A reader of a folder, `path`, whose knobs are those of openretina's functions.
template <class Params, Recordings (*read_folder)(const Params&)>
Recordings read_folder_of(const Node& node, const Node& root) {
  return read_knobs_and_files<Params>(with_local_path(node, "path"), root, read_folder);
}

}  // namespace

const std::vector<Reader>& readers() {
  static const std::string there = "openretina.data_io.";
  static const std::vector<Reader> all = {
      {"plexiform.data.Hdf5Folder", there + "h5_dataset_reader.load_stimuli",
       there + "h5_dataset_reader.load_responses", join_hdf5, read_hdf5},
      {"plexiform.data.Hoefling2024", there + "hoefling_2024.stimuli.movies_from_pickle",
       there + "hoefling_2024.responses.make_final_responses", join_hoefling, read_hoefling},
      {"plexiform.data.Maheswaranathan2023", there + "maheswaranathan_2023.stimuli.load_all_stimuli",
       there + "maheswaranathan_2023.responses.load_all_responses", join_pair,
       read_folder_of<Maheswaranathan2023Params, read_maheswaranathan_2023>},
      {"plexiform.data.Karamanlis2024", there + "karamanlis_2024.stimuli.load_all_stimuli",
       there + "karamanlis_2024.responses.load_all_responses", join_pair, read_karamanlis},
      {"plexiform.data.Sridhar2025", there + "sridhar_2025.stimuli.build_movies_from_responses",
       there + "sridhar_2025.responses.response_splits_from_pickles", join_sridhar, read_sridhar},
      {"plexiform.data.Goldin2022", there + "goldin_2022.stimuli.load_all_stimuli",
       there + "goldin_2022.responses.load_all_responses", join_pair,
       read_folder_of<Goldin2022Params, read_goldin_2022>},
      {"plexiform.data.Sensorium", "", "", nullptr, read_folder_of<SensoriumParams, read_sensorium>},
      {"plexiform.data.RecordingsFile", "", "", nullptr, read_file},
  };
  return all;
}

config::Node join_pair(const Node& stimuli, const Node& responses) {
  Node joined = stimuli;
  for (const auto& [key, value] : responses.entries) {
    if (key.starts_with("_")) continue;
    Node& own = joined[key];
    if (stimuli.find(key) && config::to_json(own) != config::to_json(value)) {
      throw Error(config::where(value, "data_io.responses." + key), "differs from the one of data_io.stimuli",
                  "give both the same");
    }
    own = value;
  }
  for (auto& [key, value] : joined.entries) {
    if (key == "base_data_path") key = "path";
  }
  return joined;
}

void check_target(const Node& node, const std::string& path, const std::vector<std::string>& known) {
  const Node* target = node.find("_target_");
  if (!target) throw Error(config::where(node, path), "has no _target_", "add _target_: " + known.front());
  for (const auto& name : known) {
    if (target->string == name) return;
  }
  throw Error(config::where(*target, path + "._target_"), fmt::format("no reader is called '{}'", target->string),
              did_you_mean(target->string, known));
}

}  // namespace plexiform::data
