#include <training/loggers.h>
#include <training/weight_pictures.h>

namespace plexiform::training {
namespace {

std::string folder_of(const TensorBoardParams& params, const std::string& run) {
  std::string folder = params.save_dir.value_or(run + "/tensorboard");
  for (const auto& part : {params.name, params.version, params.sub_dir}) {
    if (part && !part->empty()) folder += "/" + *part;
  }
  return folder;
}

}  // namespace

TensorBoardLogger::TensorBoardLogger(const TensorBoardParams& params, const std::string& folder, int64_t every,
                                     const std::string& config, const model::Model& model)
    : file_(folder_of(params, folder)),
      prefix_(params.prefix.empty() ? "" : params.prefix + "-"),
      every_(every),
      model_(model) {
  file_.text(0, prefix_ + "config", "```yaml\n" + config + "```\n");
}

host::Next TensorBoardLogger::step_done(const host::Step& step) {
  if (step.at.step != logged_ && step.at.step % every_ == 0) {  // batches whose gradients accumulate share a step
    logged_ = step.at.step;
    scalars(logged_, {{"train_loss_step", step.loss}, {"lr", step.learning_rate}});
  }
  return host::Next::go_on;
}

host::Next TensorBoardLogger::validated(const host::Epoch& epoch) {
  scalars(epoch.at.step, epoch.metrics);
  return host::Next::go_on;
}

host::Next TensorBoardLogger::epoch_done(const host::Epoch& epoch) {
  scalars(epoch.at.step, epoch.metrics);
  for (const auto& picture : weight_pictures(model_)) {
    file_.image(epoch.at.step, prefix_ + picture.name, picture.png, picture.height, picture.width);
  }
  return host::Next::go_on;
}

void TensorBoardLogger::scalars(int64_t step, const host::Json& metrics) {
  std::vector<std::pair<std::string, double>> values;
  for (const auto& [name, value] : metrics.items()) {
    if (name != "step" && value.is_number()) values.emplace_back(prefix_ + name, value.get<double>());
  }
  file_.scalars(step, values);
}

}  // namespace plexiform::training
