#include <config/knobs.h>
#include <data/batches.h>
#include <data/trial_loader.h>
#include <fmt/format.h>

namespace plexiform::data {
namespace {

const std::string own_target = "plexiform.data.Clips";
const std::string openretina_target = "openretina.data_io.base_dataloader.multiple_movies_dataloaders";
// The same loader for clips that every session saw in an order of its own (View::clips); it calls one knob otherwise.
const std::string hoefling_target = "openretina.data_io.hoefling_2024.dataloaders.natmov_dataloaders_v2";

}  // namespace

LoaderParams read_loader(const config::Node& root) {
  const config::Node* node = root.find("dataloader");
  const std::string fix = "add _target_: " + own_target;
  if (!node) throw Error("dataloader", "is missing", fix + " to a node of that name");
  LoaderParams params;
  const config::Node* target = node->find("_target_");
  if (!target) throw Error(config::where(*node, "dataloader"), "has no _target_", fix);
  if (!trial_loader(root).empty()) return read_trial_loader(root);
  const bool hoefling = target->string == hoefling_target;
  params.allow_over_boundaries = hoefling || target->string == openretina_target;
  if (!params.allow_over_boundaries && target->string != own_target) {
    throw Error(
        config::where(*target, "dataloader._target_"), fmt::format("no loader is called '{}'", target->string),
        did_you_mean(target->string, {own_target, openretina_target, hoefling_target, "plexiform.data.Trials"}));
  }
  config::Node knobs = *node;
  for (auto& [key, value] : knobs.entries) {
    if (hoefling && key == "validation_clip_indices") key = "val_clip_indices";
  }
  return config::read_knobs(knobs, "dataloader", params);
}

}  // namespace plexiform::data
