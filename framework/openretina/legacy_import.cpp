#include <config/compose.h>
#include <data/pickled_arrays.h>
#include <fmt/format.h>
#include <openretina/assemble.h>
#include <openretina/legacy.h>
#include <openretina/legacy_import.h>
#include <plexiform/torch_file.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

namespace plexiform::openretina {

using config::Node;

namespace {

namespace fs = std::filesystem;

constexpr const char* whole_folder = "give the folder as it was published, with all three files of each member";

struct Files {
  std::string config, data, state;
};

// By seed.
std::map<int64_t, Files> members_in(const std::string& folder) {
  std::map<int64_t, Files> members;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename(), begin = "config_", end = ".yaml";
    if (!name.starts_with(begin) || !name.ends_with(end) || name.size() <= begin.size() + end.size()) continue;
    const std::string seed = name.substr(begin.size(), name.size() - begin.size() - end.size());
    if (seed.size() > 9 || !std::all_of(seed.begin(), seed.end(), ::isdigit)) continue;
    const auto file = [&](const std::string& of, const std::string& kind) {
      const std::string path = folder + "/" + of + seed + kind;
      if (!fs::exists(path)) throw Error(path, "is not there, but " + name + " is", whole_folder);
      return path;
    };
    members[std::stoll(seed)] = {file(begin, end), file("data_info_", ".pkl"), file("state_dict_", ".pth.tar")};
  }
  if (members.empty()) {
    throw Error(folder, "has no config_00000.yaml or the like: it is no ensemble of openretina's",
                "give a .ckpt, or the folder with config_, data_info_ and state_dict_ of each member");
  }
  return members;
}

// `model_config`, with the name of the function that it is for as its _target_.
Node arguments(const std::string& file, const std::vector<std::string>& overrides) {
  std::ifstream stream(file);
  std::stringstream content;
  content << stream.rdbuf();
  std::string text = content.str();
  const std::string tuple = "!!python/tuple", list = "!!seq";
  for (size_t at = text.find(tuple); at != std::string::npos; at = text.find(tuple, at)) {
    text.replace(at, tuple.size(), list);
  }
  const Node root = config::parse_yaml(text, file);
  const Node *function = root.find("model_fn"), *given = root.find("model_config");
  if (!function || function->kind != config::Kind::string || !given || !given->is_map()) {
    throw Error(file, "does not say which model it is of: model_fn and model_config", whole_folder);
  }
  if (today(function->string) != "openretina.legacy.models.SFB3d_core_SxF3d_readout") {
    throw Error(config::where(*function, "model_fn"), "is " + function->string + ", which is not known here",
                "only SFB3d_core_SxF3d_readout was published so");
  }
  Node model = *given;
  model["_target_"] = *function;
  for (const auto& one : forced(overrides)) config::apply_override(model, one);
  return model;
}

// The sessions, and (C, T, H, W) of their training windows.
Shape read_data(const std::string& file, std::vector<model::DataFacts::Session>& sessions) {
  const data::PickledArrays info(file);
  std::vector<int64_t> window;
  for (const auto& name : info.keys()) {
    const auto sizes = info.integers(name + "/input_dimensions");
    const auto neurons = static_cast<int64_t>(info.number(name + "/output_dimension"));
    if (sizes.size() != 5 || *std::min_element(sizes.begin(), sizes.end()) < 1 || neurons < 1) {
      throw Error(info.place(name + "/input_dimensions"), "is not (batch, channels, bins, height, width)",
                  whole_folder);
    }
    const std::vector<int64_t> one(sizes.begin() + 1, sizes.end());
    if (window.empty()) window = one;
    if (one != window) throw Error(info.place(name), "has other stimuli than the first session", whole_folder);
    sessions.push_back({name, neurons, 0, {}});
  }
  if (sessions.empty()) throw Error(file, "has no sessions", whole_folder);
  std::sort(sessions.begin(), sessions.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return {window[0], window[1], window[2], window[3]};
}

Node shape_of(const Shape& window) {
  Node list = Node::list();
  for (const int64_t n : {window.channels, window.time, window.height, window.width}) {
    list.items.push_back(Node::number(n));
  }
  return list;
}

// Layers behind the one whose maps the readouts get.
void leave_layers(const Node& model, const Node& core, std::vector<Named>& state, std::vector<Fate>& fates) {
  const Node* said = model.find("layers");
  const int64_t layers = said ? said->integer : 1;
  for (int64_t i = std::ssize(core.find("channels")->items) - 1; i < layers; ++i) {
    const std::string prefix = fmt::format("core.features.layer{}.", i);
    for (const auto& [name, tensor] : state) {
      if (name.starts_with(prefix)) fates.push_back({name, Fate::left, "of a layer that no readout sees"});
    }
    std::erase_if(state, [&](const Named& one) { return one.name.starts_with(prefix); });
  }
}

Imported import_member(const Files& files, const std::vector<std::string>& overrides, plugins::Catalogue& catalogue) {
  return about(files.config, [&] {
    Imported made;
    Node model = arguments(files.config, overrides);
    made.model_class = today(model.find("_target_")->string);
    const Shape window = read_data(files.data, made.data.sessions);
    model["in_shape"] = shape_of(window);
    Parts parts = take_apart(model, catalogue, made.notes);
    Node& core = parts.node["core"];
    if (const Node* kind = core.find("convolution_type"); kind && kind->string != "custom_separable") {
      throw Error(config::where(*kind, "model_config.conv_type"), "is " + kind->string,
                  "only models with custom_separable were published so");
    }
    core["batch_adaptation"] = Node::truth(true);  // the speeds are there and count, trained or not
    auto state = read_state_dict(files.state);
    leave_layers(model, core, state, made.tensors);
    made.notes.push_back("normalisation: the folder does not say it; the model takes stimuli as they are");
    assemble(files.state, state, parts, window, "", catalogue, made);
    return made;
  });
}

bool alike(const Imported& a, const Imported& b) {
  const auto same = [](const auto& x, const auto& y) { return x.name == y.name && x.neurons == y.neurons; };
  return std::equal(a.data.sessions.begin(), a.data.sessions.end(), b.data.sessions.begin(), b.data.sessions.end(),
                    same) &&
         a.model.window.text() == b.model.window.text() && a.model.lag() == b.model.lag();
}

}  // namespace

std::vector<Imported> import_legacy(const std::string& folder, const std::vector<std::string>& overrides,
                                    plugins::Catalogue& catalogue) {
  std::vector<Imported> members;
  for (const auto& [seed, files] : members_in(folder)) {
    members.push_back(import_member(files, overrides, catalogue));
    if (alike(members.front(), members.back())) continue;
    throw Error(files.data, "has other sessions, stimuli or lag than the first member",
                "an ensemble is of models of the same data: import the others by themselves");
  }
  return members;
}

}  // namespace plexiform::openretina
