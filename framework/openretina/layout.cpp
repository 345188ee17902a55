#include <fmt/format.h>
#include <openretina/layout.h>

namespace plexiform::openretina {

namespace {

const Names& table(const std::string& target) {
  static const Names none = {.target = ""};
  const auto* found = names_of(target);
  return found ? *found : none;
}

// "core.", "readout.<session>.", or "" of a name that has neither.
std::string prefix_of(const std::string& name) {
  if (name.starts_with("core.")) return "core.";
  const size_t end = name.find('.', 8);
  return name.starts_with("readout.") && end != std::string::npos ? name.substr(0, end + 1) : "";
}

// The tensors below a prefix, without it.
std::vector<Named> below(const std::vector<Named>& all, const std::string& prefix) {
  std::vector<Named> found;
  for (const auto& [name, tensor] : all) {
    if (name.starts_with(prefix)) found.push_back({name.substr(prefix.size()), tensor});
  }
  return found;
}

}  // namespace

Layout::Layout(const std::string& core, const std::string& readout) : core_(table(core)), readout_(table(readout)) {}

Named Layout::ours(const Named& theirs) const {
  const std::string prefix = single() ? "" : prefix_of(theirs.name);
  const Names& names = prefix == "core." ? core_ : readout_;
  const Name name = to_ours(names, theirs.name.substr(prefix.size()));
  return {(single() ? fmt::format("readout.{}.", only_session()) : prefix) + name.name,
          name.scalar ? theirs.tensor.unsqueeze(0) : theirs.tensor};
}

Named Layout::theirs(const Named& ours) const {
  const std::string prefix = prefix_of(ours.name);
  const Names& names = prefix == "core." ? core_ : readout_;
  const Name name = to_theirs(names, ours.name.substr(prefix.size()));
  return {(single() && prefix != "core." ? "" : prefix) + name.name,
          name.scalar ? ours.tensor.squeeze(0) : ours.tensor};
}

std::map<std::string, at::Tensor> Layout::beside(const model::Model& model) const {
  std::map<std::string, at::Tensor> all;
  const auto state = model.state();
  const auto add = [&](const Names& names, const std::string& prefix, const Facts& facts) {
    const auto own = below(state, prefix);
    const std::string shown = single() && prefix != "core." ? "" : prefix;
    for (const auto& [name, tensor] : constants(names, facts, own)) all[shown + name] = tensor;
    for (const auto& [name, tensor] : copies(names, own)) all[shown + name] = tensor;
  };
  const auto knobs = [&](const std::string& kind) {
    for (const auto& origin : model.origins) {
      if (origin.kind == kind) return origin.knobs;
    }
    return config::Json();
  };
  add(core_, "core.", {knobs("core"), model.window, 0});
  for (const auto& head : model.heads) {
    add(readout_, "readout." + head.session + ".", {knobs("readout"), model.features, head.neurons});
  }
  return all;
}

bool Layout::constant(const std::string& theirs) const {
  const std::string prefix = single() ? "" : prefix_of(theirs);
  return is_constant(prefix == "core." ? core_ : readout_, theirs.substr(prefix.size()));
}

bool Layout::unused(const std::string& theirs) const {
  const std::string prefix = single() ? "" : prefix_of(theirs);
  return is_unused(prefix == "core." ? core_ : readout_, theirs.substr(prefix.size()));
}

std::string Layout::copied(const std::string& theirs) const {
  if (!theirs.starts_with("core.")) return "";
  const std::string first = original(core_, theirs.substr(5));
  return first.empty() ? "" : "core." + first;
}

}  // namespace plexiform::openretina
