#include <config/compose.h>
#include <files/atomic_file.h>
#include <fmt/format.h>
#include <model/bundle.h>
#include <model/denormals.h>
#include <model/safetensors.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace plexiform::model {
namespace {

using config::Json;

constexpr const char* format = "plexiform.bundle/1";

Json shape_json(const Shape& shape) { return {shape.channels, shape.time, shape.height, shape.width}; }

Json definitions() {
  return {{"val_correlation", "Pearson correlation over the session's whole validation trace, mean over neurons"},
          {"val_evaluation_loss", "model.evaluation_loss per validation batch, mean weighted by windows"},
          {"val_loss", "model.loss per validation batch, mean weighted by windows"}};
}

Json read_json(const std::string& file) {
  std::ifstream stream(file);
  if (!stream)
    throw Error(file, "cannot be read", "name the run folder, or the folder with model.json and model.safetensors");
  std::stringstream text;
  text << stream.rdbuf();
  try {
    return Json::parse(text.str());
  } catch (const Json::exception& e) {
    throw Error(file, "is not valid JSON", "the bundle is damaged: take it from a copy, or train again");
  }
}

const char* const info_file = "/session_info.safetensors";

void write_info(const std::string& folder, const DataFacts& data) {
  TensorFile content{{}, {{"format", format}}};
  for (const auto& session : data.sessions) {
    for (const auto& [name, tensor] : session.info) content.tensors.push_back({session.name + "." + name, tensor});
  }
  if (!content.tensors.empty()) write_safetensors(folder + info_file, content);
}

std::vector<Named> info_of(const std::vector<Named>& all, const std::string& session) {
  std::vector<Named> info;
  for (const auto& [name, tensor] : all) {
    if (name.starts_with(session + ".")) info.push_back({name.substr(session.size() + 1), tensor});
  }
  return info;
}

}  // namespace

DataFacts::DataFacts(const data::Recordings& recordings) {
  for (const auto& session : recordings.sessions) {
    sessions.push_back({session.name, session.neurons, session.frame_rate_hz, {}});
    for (const auto& [name, tensor] : session.info) sessions.back().info.push_back({name, tensor});
  }
  const auto& stimulus = *recordings.sessions.front().train.front().stimulus;
  mean = stimulus.mean;
  std = stimulus.std;
}

void write_bundle(const std::string& folder, const Model& model, const config::Node& composed,
                  const config::Node& config, const DataFacts& data, const Json& metrics) {
  std::filesystem::create_directories(folder);
  write_safetensors(folder + "/model.safetensors", {model.state(), {{"format", format}}});
  write_info(folder, data);
  Json sessions = Json::array();
  for (const auto& session : data.sessions) {
    Json entry = {{"name", session.name}, {"neurons", session.neurons}};
    if (session.frame_rate_hz > 0) entry["frame_rate_hz"] = session.frame_rate_hz;
    sessions.push_back(entry);
  }
  Json components = Json::array();
  for (const auto& origin : model.origins) {
    components.push_back({{"kind", origin.kind},
                          {"name", origin.name},
                          {"plugin", origin.plugin},
                          {"version", origin.version},
                          {"sha256", origin.sha256},
                          {"knobs", origin.knobs}});
  }
  const Json about = {{"format", format},
                      {"plexiform", PLEXIFORM_VERSION},
                      {"config", config::to_json(config)},
                      {"window", shape_json(model.window)},
                      {"features", shape_json(model.features)},
                      {"lag", model.lag()},
                      {"sessions", sessions},
                      {"normalisation", {{"mean", data.mean}, {"std", data.std}}},
                      {"components", components},
                      {"metrics", metrics},
                      {"definitions", definitions()}};
  files::write_atomically(folder + "/config.yaml", config::to_yaml(composed));
  files::write_atomically(folder + "/model.json", about.dump(2) + "\n");
}

std::string bundle_folder(const std::string& run_or_bundle) {
  const std::string of_run = run_or_bundle + "/model";
  const auto holds = [&](const char* file) { return std::filesystem::exists(of_run + file); };
  return holds("/model.json") || holds("/ensemble.json") ? of_run : run_or_bundle;
}

Bundle read_bundle(const std::string& folder, plugins::Catalogue& catalogue) {
  flush_denormals();
  const std::string file = folder + "/model.json";
  Bundle bundle;
  bundle.about = read_json(file);
  const Json& about = bundle.about;
  try {
    if (about.at("format") != format) {
      throw Error(file, "is of format " + about.at("format").dump(), std::string("this version reads ") + format);
    }
    bundle.config = config::from_json(about.at("config"));
    Spec spec;
    spec.state_follows = true;
    if (const auto* model = bundle.config.find("model")) spec.node = *model;
    if (const auto* compat = bundle.config.find("compat")) spec.compat = compat->string;
    const auto window = about.at("window").get<std::vector<int64_t>>();
    spec.window = {window.at(0), window.at(1), window.at(2), window.at(3)};
    std::vector<Named> info;
    if (std::filesystem::exists(folder + info_file)) info = read_safetensors(folder + info_file).tensors;
    for (const auto& session : about.at("sessions")) {
      const auto name = session.at("name").get<std::string>();
      spec.sessions.push_back({name, session.at("neurons"), {}, info_of(info, name)});
    }
    bundle.model = build(spec, catalogue);
    bundle.warnings = bundle.model.warnings;
    for (size_t i = 0; i < bundle.model.origins.size(); ++i) {
      const auto& origin = bundle.model.origins[i];
      const auto& trained = about.at("components").at(i);
      if (trained.at("sha256") != origin.sha256) {
        const plugins::Pin then{trained.at("plugin"), trained.at("version"), trained.at("sha256")};
        const plugins::Pin now{origin.plugin, origin.version, origin.sha256};
        bundle.warnings.push_back(origin.kind + " " + origin.name +
                                  ": its plugin is not what the model was trained with: " + then.text() + " then, " +
                                  now.text() + " now");
      }
    }
  } catch (const Json::exception& e) {
    throw Error(file, std::string("is incomplete: ") + e.what(),
                "the bundle is damaged: take it from a copy, or train again");
  } catch (const std::out_of_range&) {
    throw Error(file, "is incomplete", "the bundle is damaged: take it from a copy, or train again");
  }
  const std::string weights = folder + "/model.safetensors";
  bundle.model.load_state(read_safetensors(weights).tensors, weights);
  bundle.model.train(false);
  return bundle;
}

void check_data(const Bundle& bundle, const data::Recordings& recordings, const std::string& folder) {
  const Model& model = bundle.model;
  const char* const fix = "name the data that it was trained on (paths.data_dir=DIR)";
  if (recordings.sessions.size() != model.heads.size()) {
    throw Error(
        folder,
        fmt::format("was trained on {} sessions, the data have {}", model.heads.size(), recordings.sessions.size()),
        fix);
  }
  for (size_t i = 0; i < model.heads.size(); ++i) {
    const auto& head = model.heads[i];
    const auto& session = recordings.sessions[i];
    if (session.name != head.session || session.neurons != head.neurons) {
      throw Error(folder,
                  fmt::format("was trained on session '{}' with {} neurons, the data have '{}' with {}", head.session,
                              head.neurons, session.name, session.neurons),
                  fix);
    }
  }
  if (recordings.channels != model.window.channels || recordings.height != model.window.height ||
      recordings.width != model.window.width) {
    throw Error(
        folder,
        fmt::format("was trained on stimuli of C {}, H {}, W {}, the data have C {}, H {}, W {}", model.window.channels,
                    model.window.height, model.window.width, recordings.channels, recordings.height, recordings.width),
        fix);
  }
  const auto& trained = bundle.about.at("normalisation");
  const auto& stimulus = *recordings.sessions.front().train.front().stimulus;
  auto differ = [](double a, double b) { return std::abs(a - b) > 1e-6 * std::max(1.0, std::abs(a)); };
  if (differ(trained.at("mean"), stimulus.mean) || differ(trained.at("std"), stimulus.std)) {
    throw Error(folder,
                fmt::format("was trained on stimuli normalised by mean {} and deviation {}, the data's are {} and {}",
                            trained.at("mean").dump(), trained.at("std").dump(), stimulus.mean, stimulus.std),
                "set the data section's norm_mean and norm_std to the trained ones");
  }
}

}  // namespace plexiform::model
