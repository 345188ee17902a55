#include <ATen/core/grad_mode.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <model/begin_from.h>
#include <model/ensemble.h>
#include <model/safetensors.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <set>

namespace plexiform::model {
namespace {

using Tensors = std::map<std::string, at::Tensor>;

std::vector<Named> of(Component& component, const std::string& prefix) {
  std::vector<Named> all;
  for (auto& [name, tensor] : component.parameters()) all.push_back({prefix + name, tensor});
  for (auto& [name, tensor] : component.buffers()) all.push_back({prefix + name, tensor});
  return all;
}

void check(const std::string& file, const std::vector<Named>& own, const Tensors& stored, const std::string& fix) {
  for (const auto& [name, tensor] : own) {
    const auto found = stored.find(name);
    if (found == stored.end()) throw Error(file, "has no tensor '" + name + "'", fix);
    if (found->second.sizes() != tensor.sizes()) {
      throw Error(file,
                  fmt::format("tensor '{}' is ({}), here it is ({})", name, fmt::join(found->second.sizes(), ", "),
                              fmt::join(tensor.sizes(), ", ")),
                  fix);
    }
  }
}

std::string list(const std::vector<std::string>& names) {
  return names.empty() ? "none" : fmt::to_string(fmt::join(names, ", "));
}

}  // namespace

std::vector<std::string> begin_from(const Model& model, const std::string& run, const data::Recordings& recordings) {
  const auto folders = members(bundle_folder(run));
  if (folders.size() != 1) {
    throw Error(run, folders.empty() ? "holds no trained model" : "is an ensemble of trained models",
                "name one run folder that training printed, or its model/, as paths.load_model_path");
  }
  const std::string& folder = folders.front();
  const std::string file = folder + "/model.safetensors";
  std::ifstream stream(folder + "/model.json");
  const config::Json about = config::Json::parse(stream, nullptr, false);
  if (!about.is_object()) throw Error(folder + "/model.json", "is not valid JSON", "take the bundle from a copy");
  std::set<std::string> trained;
  const config::Json trained_sessions = about.value("sessions", config::Json::array());
  for (const auto& session : trained_sessions) trained.insert(session.value("name", ""));
  Tensors stored;
  for (const auto& [name, tensor] : read_safetensors(file).tensors) stored[name] = tensor;

  auto copied = of(*model.core, "core.");
  const std::string same_core = "give model.core what it was trained with: " + folder + "/config.yaml";
  check(file, copied, stored, same_core);
  const auto of_core = [](const auto& one) { return one.first.starts_with("core."); };
  if (static_cast<size_t>(std::count_if(stored.begin(), stored.end(), of_core)) != copied.size()) {
    throw Error(file, "holds more of a core than this model has", same_core);
  }
  std::vector<std::string> taken, added, left;
  const bool clones = !model.site("clone").place.empty();
  for (const auto& head : model.heads) {
    // A clone rescales the first session's readout: what it learnt is nothing to another one.
    const bool of_another = clones && &head != &model.heads.front() && taken.empty();
    (trained.erase(head.session) && !of_another ? taken : added).push_back(head.session);
    if (!taken.empty() && taken.back() == head.session) {
      const auto own = of(*head.readout, "readout." + head.session + ".");
      check(file, own, stored,
            "give model.readout, and model.clone, what they were trained with, or a session of other neurons another "
            "name");
      copied.insert(copied.end(), own.begin(), own.end());
    }
  }
  left.assign(trained.begin(), trained.end());
  for (const auto& one : of(*model.loss, "loss.")) {
    const auto found = stored.find(one.name);
    if (found != stored.end() && found->second.sizes() == one.tensor.sizes()) copied.push_back(one);
  }
  const at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : copied) tensor.copy_(stored.at(name));

  std::vector<std::string> notes = {
      fmt::format("begins with the core of {}; readouts taken over: {}; new: {}; left out: {}", folder, list(taken),
                  list(added), list(left))};
  const auto& stimulus = *recordings.sessions.front().train.front().stimulus;
  const auto then = about.value("normalisation", config::Json::object());
  const double mean = then.value("mean", stimulus.mean), std = then.value("std", stimulus.std);
  if (std::abs(mean - stimulus.mean) > 1e-3 * stimulus.std || std::abs(std - stimulus.std) > 1e-3 * stimulus.std) {
    notes.push_back(
        fmt::format("that core was trained on stimuli normalised by mean {:.6g} and deviation {:.6g}, these are by "
                    "{:.6g} and {:.6g}; norm_mean and norm_std of the data section can make them alike",
                    mean, std, stimulus.mean, stimulus.std));
  }
  return notes;
}

}  // namespace plexiform::model
