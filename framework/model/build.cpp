#include <config/knobs.h>
#include <fmt/format.h>
#include <model/build.h>
#include <plexiform/abilities.h>
#include <plugins/host/load.h>

#include <algorithm>

namespace plexiform::model {
namespace {

using config::Node;

// A component's node: its `_target_` and its knobs.
struct Choice {
  const Node* node;
  std::string path, target;
  config::Json knobs;
};

Choice choice(const Node& model, const std::string& name) {
  const std::string path = "model." + name;
  const std::string part = "session_losses.";  // the names of sessions may have dots
  const Node* losses = name.starts_with(part) ? model.find("session_losses") : nullptr;
  const Node* node = losses ? losses->find(name.substr(part.size())) : model.find(name);
  const Node* target = node ? node->find("_target_") : nullptr;
  if (!target || target->kind != config::Kind::string) {
    throw Error(config::where(node ? *node : model, path), "names no component",
                "give it a _target_; plexiform plugins list shows what there is");
  }
  return {node, path, target->string, config::own_knobs(*node)};
}

// Runs `body`, and gives an Error of a component its place in the config: a knob, the component's name, or both.
template <class F>
auto located(const Choice& chosen, F&& body) {
  try {
    return body();
  } catch (const Error& e) {
    const std::string& knob = e.where();
    if (knob.find('/') != std::string::npos) throw;  // a file
    if (knob.empty())
      throw Error(config::where(*chosen.node->find("_target_"), chosen.path + "._target_"), e.problem(), e.fix());
    throw Error(config::where_knob(*chosen.node, chosen.path, knob, e.problem() == "no such parameter"), e.problem(),
                e.fix());
  }
}

void record(Model& model, const std::string& kind, const Choice& chosen, const plugins::Provenance& from) {
  const std::string place = config::where(*chosen.node->find("_target_"), chosen.path + "._target_");
  model.origins.push_back(
      {kind, from.target, from.plugin, from.version, from.sha256, from.knobs, {place, from.label, from.plugin}});
  auto& all = model.warnings;
  for (const auto& warning : from.warnings) {
    if (std::find(all.begin(), all.end(), warning) == all.end()) all.push_back(warning);
  }
}

// The keys of a component are still those of the one that `_target_` named in the config's files, when a later override
// changed that name alone.
std::string left_behind(const Choice& chosen, const std::string& key) {
  const Node *target = chosen.node->find("_target_"), *left = chosen.node->find(key);
  const auto from_command_line = [](const Node& node) {
    return node.location.file && *node.location.file == "command line";
  };
  if (!left || !from_command_line(*target) || from_command_line(*left)) return "";
  const bool has_group = chosen.path == "model.core";
  return fmt::format(
      "{0}._target_ changes the name alone and leaves the keys of the {1} before; {2}'~{0}' '+{0}={{_target_: {3}}}'",
      chosen.path, chosen.path.substr(sizeof "model." - 1),
      has_group ? "switch with model/core=NAME (plexiform train --help lists them), or replace it all: "
                : "replace it all: ",
      chosen.target);
}

// model.hidden_channels, when given, is the core's channels behind the stimulus': channels = [C, *hidden_channels]. Of a core
// that has no such knob it says nothing: returns the sentence that says so.
std::string inject_channels(const Node& model, int64_t stimulus_channels, const config::Json& knobs, Choice& core) {
  const Node* hidden = model.find("hidden_channels");
  if (!hidden || hidden->is_null()) return "";
  const auto is_channels = [](const auto& knob) { return knob.at("name") == "channels"; };
  if (!core.node->find("channels") && std::none_of(knobs.begin(), knobs.end(), is_channels))
    return "model.hidden_channels is without effect: " + core.target + " has no knob channels";
  config::Json channels = {stimulus_channels};
  bool whole = hidden->kind == config::Kind::list;
  for (const auto& item : hidden->items) {
    whole = whole && item.kind == config::Kind::integer && item.integer > 0;
    channels.push_back(item.integer);
  }
  if (!whole || hidden->items.empty()) {
    throw Error(config::where(*hidden, "model.hidden_channels"), "is no list of whole numbers above 0",
                "write the channels of each layer, such as [16, 16]");
  }
  if (core.knobs.contains("channels") && core.knobs["channels"] != channels) {
    throw Error(
        config::where(*core.node->find("channels"), core.path + ".channels"),
        fmt::format("is {}, but model.hidden_channels makes it {}", core.knobs["channels"].dump(), channels.dump()),
        "give one of the two: leave channels out, or set model.hidden_channels=null");
  }
  core.knobs["channels"] = channels;
  return "";
}

std::vector<TraceChannels> trace_channels(const Node& model) {
  const Node* given = model.find("trace_channels");
  if (!given || given->is_null()) return {};
  std::vector<TraceChannels> all;
  bool whole = given->kind == config::Kind::map;
  for (const auto& [name, rows] : given->entries) {
    whole = whole && rows.kind == config::Kind::integer && rows.integer > 0;
    all.push_back({name, rows.integer});
  }
  if (whole) return all;
  throw Error(config::where(*given, "model.trace_channels"), "does not say how many rows each trace has",
              "write {pupil: 1}");
}

// C, H and W that the config states have to be the data's.
void check_in_shape(const Node& model, const Shape& window) {
  const Node* stated = model.find("in_shape");
  if (!stated || stated->kind != config::Kind::list) return;
  const std::string place = config::where(*stated, "model.in_shape");
  if (stated->items.size() != 4) throw Error(place, "is not [C, T, H, W]", "leave it out: it is taken from the data");
  const int64_t data[] = {window.channels, -1, window.height, window.width};
  for (int i : {0, 2, 3}) {
    if (stated->items[i].kind != config::Kind::integer || stated->items[i].integer != data[i]) {
      throw Error(place,
                  fmt::format("does not agree with the stimuli, which have C {}, H {}, W {}", window.channels,
                              window.height, window.width),
                  "leave it out, or correct it: it is taken from the data");
    }
  }
}

bool has_clone(const Node& model) {
  const Node* clone = model.find("clone");
  return clone && !clone->is_null();
}

// The sessions that have a loss of their own.
std::vector<std::string> session_losses(const Node& model) {
  const Node* losses = model.find("session_losses");
  if (!losses || losses->is_null()) return {};
  if (losses->is_map()) return losses->keys();
  throw Error(config::where(*losses, "model.session_losses"), "names no sessions",
              "write {SESSION: {_target_: plexiform.losses.Poisson}}");
}

// How many bins of the features come before the first that the readout predicts.
int64_t history(Readout& readout, const Shape& features) {
  const auto* looks_back = ability<LooksBack>(readout);
  const int64_t bins = looks_back ? looks_back->history() : 0;
  if (bins < features.time) return bins;
  throw Error(
      "",
      fmt::format("needs {} bins before each that it predicts, the features {} have no more", bins, features.text()),
      "use shorter temporal filters, or a longer dataloader.train_chunk_size");
}

}  // namespace

void check_components(const Node& model, plugins::Catalogue& catalogue) {
  std::vector<std::pair<std::string, const char*>> parts = {
      {"core", "core"}, {"readout", "readout"}, {"clone", "readout"}, {"loss", "loss"}, {"evaluation_loss", "loss"}};
  for (const auto& session : session_losses(model)) parts.push_back({"session_losses." + session, "loss"});
  for (const auto& [name, kind] : parts) {
    if (name == "clone" && !has_clone(model)) continue;
    const Choice chosen = choice(model, name);
    located(chosen, [&] {
      std::vector<std::string> known;
      for (const auto& knob : plugins::list_knobs(catalogue, chosen.target, kind)) known.push_back(knob.at("name"));
      for (const auto& [key, value] : chosen.knobs.items()) {
        if (std::find(known.begin(), known.end(), key) != known.end()) continue;
        const std::string left = left_behind(chosen, key);
        throw Error(key, "no such parameter", left.empty() ? did_you_mean(key, known) : left);
      }
      return 0;
    });
  }
}

Model build(const Spec& spec, plugins::Catalogue& catalogue) {
  check_in_shape(spec.node, spec.window);
  Model model;
  model.window = spec.window;
  model.core_is_told = spec.compat != "openretina";
  model.trace_channels = trace_channels(spec.node);
  const Shape shown = model.shown(spec.window);

  auto core = choice(spec.node, "core");
  const auto knobs = located(core, [&] { return plugins::list_knobs(catalogue, core.target, "core"); });
  const auto unused = inject_channels(spec.node, shown.channels, knobs, core);
  if (!unused.empty()) model.warnings.push_back(unused);
  std::vector<std::string> names;
  for (const auto& session : spec.sessions) names.push_back(session.name);
  model.features = located(core, [&] {
    auto made =
        plugins::create_core(catalogue, core.target, core.knobs, {shown, spec.compat, names, spec.state_follows});
    model.core = made.component;
    record(model, "core", core, made.provenance);
    const Shape features = model.core->output_shape(shown);
    if (features.time > spec.window.time) {
      throw Error("",
                  fmt::format("makes {} bins of features from {} bins of stimulus", features.time, spec.window.time),
                  "pad fewer bins in time: there is nothing recorded to compare them with");
    }
    if (features.empty()) {
      throw Error("", fmt::format("makes features {} of a window {}", features.text(), spec.window.text()),
                  "use smaller kernels, or a longer dataloader.train_chunk_size");
    }
    return features;
  });

  const auto readout = choice(spec.node, "readout"),
             clone = choice(spec.node, has_clone(spec.node) ? "clone" : "readout");
  for (const auto& session : spec.sessions) {
    const bool first = model.heads.empty();
    const auto& chosen = first ? readout : clone;
    located(chosen, [&] {
      auto made = plugins::create_readout(catalogue, chosen.target, chosen.knobs,
                                          {model.features, session.name, session.neurons, session.mean_activity,
                                           spec.compat, session.info, first ? nullptr : model.heads.front().readout});
      const int64_t looks_back = history(*made.component, model.features);
      model.heads.push_back({session.name, session.neurons, made.component, looks_back});
      if (first || (model.heads.size() == 2 && has_clone(spec.node))) {
        record(model, chosen.path.substr(sizeof "model." - 1), chosen, made.provenance);
      }
      return 0;
    });
  }

  LossContext of_losses{spec.compat};
  for (const auto& session : spec.sessions) of_losses.sessions.push_back({session.name, session.neurons, session.info});
  for (const auto& [name, loss] :
       {std::pair{"loss", &model.loss}, std::pair{"evaluation_loss", &model.evaluation_loss}}) {
    const auto chosen = choice(spec.node, name);
    located(chosen, [&] {
      auto made = plugins::create_loss(catalogue, chosen.target, chosen.knobs, of_losses);
      if (loss == &model.evaluation_loss && !made.component->parameters().empty()) {
        throw Error("", "has parameters of its own, but nothing trains those of an evaluation loss",
                    "evaluate by a loss without, such as a correlation");
      }
      *loss = made.component;
      record(model, name, chosen, made.provenance);
      return 0;
    });
  }
  for (const auto& session : session_losses(spec.node)) {
    const auto head =
        std::find_if(model.heads.begin(), model.heads.end(), [&](const Head& one) { return one.session == session; });
    const auto chosen = choice(spec.node, "session_losses." + session);
    if (head == model.heads.end()) {
      throw Error(config::where_key(*chosen.node, chosen.path), "the data have no such session",
                  did_you_mean(session, names));
    }
    located(chosen, [&] {
      auto made = plugins::create_loss(catalogue, chosen.target, chosen.knobs, of_losses);
      head->loss = made.component;
      head->loss_kind = "session_losses." + session;
      record(model, head->loss_kind, chosen, made.provenance);
      return 0;
    });
  }
  return model;
}

}  // namespace plexiform::model
