#include <config/knobs.h>
#include <data/batches.h>
#include <fmt/format.h>

namespace plexiform::data {
namespace {

const std::string own_target = "plexiform.data.Clips";
const std::string openretina_target = "openretina.data_io.base_dataloader.multiple_movies_dataloaders";

}  // namespace

LoaderParams read_loader(const config::Node& root) {
  const config::Node* node = root.find("dataloader");
  const std::string fix = "add _target_: " + own_target;
  if (!node) throw Error("dataloader", "is missing", fix + " to a node of that name");
  LoaderParams params;
  const config::Node* target = node->find("_target_");
  if (!target) throw Error(config::where(*node, "dataloader"), "has no _target_", fix);
  params.allow_over_boundaries = target->string == openretina_target;
  if (target->string != openretina_target && target->string != own_target) {
    throw Error(config::where(*target, "dataloader._target_"), fmt::format("no loader is called '{}'", target->string),
                did_you_mean(target->string, {own_target, openretina_target}));
  }
  return config::read_knobs(*node, "dataloader", params);
}

}  // namespace plexiform::data
