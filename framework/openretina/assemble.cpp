#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <config/knobs.h>
#include <fmt/format.h>
#include <openretina/assemble.h>
#include <openretina/models.h>
#include <plugins/host/load.h>

#include <algorithm>
#include <map>

namespace plexiform::openretina {

using config::Node;

std::vector<config::Override> forced(const std::vector<std::string>& overrides) {
  std::vector<config::Override> given;
  for (size_t i = 0; i < overrides.size(); ++i) {
    given.push_back(config::parse_override(overrides[i], static_cast<int>(i) + 1));
    if (given.back().action == config::Override::Action::change) given.back().action = config::Override::Action::force;
  }
  return given;
}

std::string shape_text(const at::Tensor& tensor) { return fmt::format("({})", fmt::join(tensor.sizes(), ", ")); }

namespace {

void drop(Node& map, const std::string& key) {
  std::erase_if(map.entries, [&](const auto& entry) { return entry.first == key; });
}

// Takes out of a part what openretina's class takes and never uses, and what the host hands over itself.
void trim(Node& part, const std::string& kind, plugins::Catalogue& catalogue, std::vector<std::string>& notes) {
  for (const char* handed : {"in_shape", "n_neurons_dict", "mean_activity_dict"}) drop(part, handed);
  if (const Node* clone = part.find("clone_readout"); clone && clone->boolean) {
    throw Error("readout.clone_readout", "is true, with which openretina makes no model",
                "give clone_readout=false where it was not used");
  }
  drop(part, "clone_readout");
  const Node* target = part.find("_target_");
  if (!target || target->kind != config::Kind::string) return;  // the host says so
  const Names* names = names_of(target->string);
  if (!names || names->swallowed.empty()) return;
  std::vector<std::string> known;
  for (const auto& knob : plugins::list_knobs(catalogue, target->string, kind)) known.push_back(knob.at("name"));
  for (const auto& key : part.keys()) {
    if (key.starts_with('_') || std::find(known.begin(), known.end(), key) != known.end()) continue;
    const bool swallowed = std::any_of(names->swallowed.begin(), names->swallowed.end(),
                                       [&](const std::string& name) { return name == "*" || name == key; });
    if (!swallowed) continue;
    notes.push_back(kind + "." + key + ": openretina's class takes it and does not use it; left out");
    drop(part, key);
  }
}

// What a readout is built from and the checkpoint has as tensors.
void tell(const std::vector<Named>& state, const Layout& layout, std::vector<model::DataFacts::Session>& sessions) {
  for (const auto& theirs : state) {
    const auto [ours, tensor] = layout.ours(theirs);
    for (auto& session : sessions) {
      for (const char* fact : {"spatial_filters", "temporal_filters"}) {
        if (ours == "readout." + session.name + "." + fact) session.info.push_back({fact, tensor});
      }
    }
  }
}

// Goes through the checkpoint: what the model has is taken, constants and copies are checked and left.
void load(const std::string& file, const std::vector<Named>& state, const Layout& layout, const model::Model& model,
          std::vector<Fate>& fates) {
  std::map<std::string, at::Tensor> wanted;
  for (const auto& [name, tensor] : model.state()) wanted[name] = tensor;
  std::vector<Named> taken;
  std::vector<Named> rest;
  for (const auto& theirs : state) {
    auto [ours, tensor] = layout.ours(theirs);
    const auto found = wanted.find(ours);
    if (found == wanted.end()) {
      rest.push_back(theirs);
      const auto original = layout.copied(theirs.name);
      fates.push_back({theirs.name, Fate::left,
                       !original.empty()            ? "a copy of " + original
                       : layout.unused(theirs.name) ? "openretina does not read it"
                                                    : "a constant"});
      continue;
    }
    // A gain per channel was once made for maps of four axes.
    if (ours.ends_with(".scale.scale") && tensor.dim() == 4) tensor = tensor.unsqueeze(4);
    if (tensor.sizes() != found->second.sizes()) {
      throw Error(file,
                  fmt::format("'{}' is {}, the model of its arguments has {}", theirs.name, shape_text(tensor),
                              shape_text(found->second)),
                  correct_it);
    }
    taken.push_back({ours, tensor});
    const bool renamed = ours != theirs.name;
    fates.push_back({theirs.name, renamed ? Fate::renamed : Fate::taken, renamed ? ours : ""});
  }
  for (const auto& [name, tensor] : taken) wanted.erase(name);
  if (!wanted.empty()) {
    throw Error(file,
                fmt::format("has no tensor '{}' {}, which the model of its arguments has", wanted.begin()->first,
                            shape_text(wanted.begin()->second)),
                "use a whole checkpoint, or " + std::string(correct_it));
  }
  model.load_state(taken, file);
  // Constants and copies with other values than openretina gives them would change what the model computes.
  const auto beside = layout.beside(model);
  for (const auto& [name, tensor] : rest) {
    const auto known = beside.find(name);
    if (known == beside.end() && layout.constant(name)) continue;  // of an older version
    if (known == beside.end()) {
      throw Error(file, fmt::format("has '{}' {}, which the model of its arguments has not", name, shape_text(tensor)),
                  correct_it);
    }
    if (layout.unused(name) && known->second.sizes() == tensor.sizes()) continue;
    if (known->second.sizes() != tensor.sizes() || !at::allclose(known->second, tensor, 1e-5, 1e-6)) {
      throw Error(file, "'" + name + "' is not what openretina computes it to be",
                  "use the checkpoint as openretina wrote it");
    }
  }
}

}  // namespace

Parts take_apart(const Node& model, plugins::Catalogue& catalogue, std::vector<std::string>& notes) {
  Node made = openretina::parts(model);
  for (const char* part : {"core", "readout"}) trim(made[part], part, catalogue, notes);
  const auto target = [&](const char* part) {
    const Node* found = made[part].find("_target_");
    return found ? found->string : "";
  };
  return {made, Layout(target("core"), target("readout"))};
}

void assemble(const std::string& file, const std::vector<Named>& state, const Parts& parts, const Shape& window,
              const std::string& compat, plugins::Catalogue& catalogue, Imported& made) {
  tell(state, parts.layout, made.data.sessions);
  model::Spec spec{parts.node, compat, window, {}, true};
  for (const auto& session : made.data.sessions) {
    spec.sessions.push_back({session.name, session.neurons, {}, session.info});
  }
  made.model = model::build(spec, catalogue);
  load(file, state, parts.layout, made.model, made.tensors);
  if (compat.empty()) made.model.project();  // what openretina's classes do within forward
  made.model.train(false);
  made.config = Node::map();
  made.config["model"] = parts.node;
  if (!compat.empty()) made.config["compat"] = Node::text(compat);
}

}  // namespace plexiform::openretina
