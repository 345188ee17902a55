#include <model/safetensors.h>
#include <training/checkpoint.h>

#include <algorithm>
#include <filesystem>

namespace plexiform::training {
namespace {

constexpr const char* format = "plexiform.checkpoint/2";

void append(std::vector<Named>& all, const std::string& prefix, const std::vector<Named>& some) {
  for (const auto& [name, tensor] : some) all.push_back({prefix + name, tensor});
}

}  // namespace

Json TrainerState::write() const {
  return {{"epoch", epoch},     {"step", step},       {"batch", batch},
          {"stopped", stopped}, {"seconds", seconds}, {"history", history}};
}

void TrainerState::read(const Json& json) {
  json.at("epoch").get_to(epoch);
  json.at("step").get_to(step);
  json.at("batch").get_to(batch);
  json.at("stopped").get_to(stopped);
  json.at("seconds").get_to(seconds);
  history = json.at("history");
  pending = 0;
}

std::vector<Named> Checkpoint::predicting() const {
  auto all = model;
  for (auto& [name, tensor] : all) {
    for (const auto& averaged : average) {
      if (averaged.name == name) tensor = averaged.tensor;
    }
  }
  return all;
}

void write_checkpoint(const std::string& file, const Checkpoint& checkpoint) {
  model::TensorFile content;
  append(content.tensors, "model.", checkpoint.model);
  append(content.tensors, "average.", checkpoint.average);
  append(content.tensors, "optimizer.", checkpoint.optimizer.tensors);
  content.tensors.push_back({"generator", checkpoint.generator});
  content.metadata = {
      {"format", format}, {"loop", checkpoint.loop.dump()}, {"optimizer", checkpoint.optimizer.scalars.dump()}};
  std::filesystem::create_directories(std::filesystem::path(file).parent_path());
  model::write_safetensors(file, content);
}

Checkpoint read_checkpoint(const std::string& file) {
  auto content = model::read_safetensors(file, model::Checksum::required);
  if (content.metadata["format"] != format) {
    throw Error(file, "is not a checkpoint of this version", "continue it with the Plexiform that wrote it");
  }
  Checkpoint checkpoint;
  checkpoint.file = file;
  checkpoint.loop = Json::parse(content.metadata["loop"]);
  checkpoint.optimizer.scalars = Json::parse(content.metadata["optimizer"]);
  for (auto& [name, tensor] : content.tensors) {
    if (name.starts_with("model.")) checkpoint.model.push_back({name.substr(6), tensor});
    if (name.starts_with("average.")) checkpoint.average.push_back({name.substr(8), tensor});
    if (name.starts_with("optimizer.")) checkpoint.optimizer.tensors.push_back({name.substr(10), tensor});
    if (name == "generator") checkpoint.generator = tensor;
  }
  return checkpoint;
}

std::optional<Checkpoint> newest_checkpoint(const std::string& folder, std::vector<std::string>& skipped) {
  namespace fs = std::filesystem;
  std::vector<std::pair<fs::file_time_type, std::string>> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".safetensors") files.push_back({entry.last_write_time(), entry.path()});
  }
  std::sort(files.rbegin(), files.rend());
  for (const auto& [time, file] : files) {
    try {
      return read_checkpoint(file);
    } catch (const Error& e) {
      skipped.push_back(e.what());
    }
  }
  return {};
}

}  // namespace plexiform::training
