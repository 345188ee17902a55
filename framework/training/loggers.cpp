#include <training/loggers.h>
#include <training/metrics_log.h>
#include <training/weight_pictures.h>

#include <filesystem>

namespace plexiform::training {
namespace {

// "save_dir/name/version"
std::string joined(std::string folder, const std::vector<std::optional<std::string>>& parts) {
  for (const auto& part : parts) {
    if (part && !part->empty()) folder += "/" + *part;
  }
  return folder;
}

std::string with_prefix(const std::string& prefix) { return prefix.empty() ? "" : prefix + "-"; }

}  // namespace

void write_csv(const CsvParams& params, const host::Json& rows) {
  if (!params.save_dir) return;
  const std::string folder = joined(*params.save_dir, {params.name, params.version});
  std::filesystem::create_directories(folder);
  host::Json named = host::Json::array();
  for (const auto& row : rows) {
    host::Json& one = named.emplace_back(host::Json::object());
    for (const auto& [name, value] : row.items()) {
      const bool counts = name == "epoch" || name == "step";
      one[counts ? name : with_prefix(params.prefix) + name] = value;
    }
  }
  write_metrics_csv(folder + "/metrics.csv", named);
}

TensorBoardLogger::TensorBoardLogger(const TensorBoardParams& params, const std::string& folder, int64_t every,
                                     const std::string& config, const model::Model& model)
    : file_(joined(params.save_dir.value_or(folder + "/tensorboard"), {params.name, params.version, params.sub_dir})),
      prefix_(with_prefix(params.prefix)),
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
