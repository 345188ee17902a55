#include <caffe2/serialize/inline_container.h>
#include <files/atomic_file.h>
#include <fmt/format.h>
#include <openretina/export.h>
#include <openretina/layout.h>
#include <torch/csrc/jit/serialization/pickler.h>

#include <algorithm>

namespace plexiform::openretina {

namespace {

// openretina's name of a component: the one that the config said, or an alias of it.
std::string openretina_name(const std::string& named, const std::string& kind, const std::string& folder,
                            plugins::Catalogue& catalogue) {
  const auto [file, component] = catalogue.find(named, kind);
  if (component.name.starts_with("openretina.") && names_of(component.name)) return names_of(component.name)->target;
  const std::string own = component.alias_of.empty() ? component.name : component.alias_of;
  const Names* found = nullptr;
  for (const auto& one : file->note->components) {
    const Names* names = one.kind == kind && one.alias_of == own ? names_of(one.name) : nullptr;
    if (names && (!found || (found->whole && !names->whole))) found = names;
  }
  if (found) return found->target;
  throw Error(folder, "its " + kind + " is " + named + ", which openretina does not have",
              "export a model of openretina's parts; Python reads the others' weights from model.safetensors");
}

// What the tensors of an option are called that openretina has not.
constexpr std::pair<const char*, const char*> own_options[] = {
    {"output.log_slopes", "spline_knots"},
    {"output.nonlinearity.", "nonlinearity: parametrized_softplus"},
    {"shifter.", "eye_position"},
    {"gain.", "gain_from"},
};

void check_options(const std::string& folder, const std::string& name, bool renamed) {
  if (renamed) return;
  for (const auto& [tensor, option] : own_options) {
    if (name.find(std::string(".") + tensor) == std::string::npos) continue;
    throw Error(folder, "has '" + name + "', of " + option + ", which openretina's readouts do not have",
                "train it without, or read model.safetensors from Python");
  }
}

}  // namespace

Exported export_state(const model::Bundle& bundle, const std::string& folder, plugins::Catalogue& catalogue) {
  const auto& model = bundle.model;
  const auto origin = [&](const std::string& kind) {
    return std::find_if(model.origins.begin(), model.origins.end(), [&](const auto& one) { return one.kind == kind; });
  };
  if (origin("clone") != model.origins.end()) {
    throw Error(folder, "its sessions share a readout (model.clone), for which openretina makes no model",
                "read model.safetensors from Python");
  }
  Exported made;
  made.core = openretina_name(origin("core")->name, "core", folder, catalogue);
  made.readout = openretina_name(origin("readout")->name, "readout", folder, catalogue);
  const Layout layout(made.core, made.readout);
  const bool population = layout.population();
  if (layout.single() && (model.heads.size() != 1 || (model.heads[0].neurons != 1 && !population))) {
    throw Error(folder,
                made.readout + (population ? " is a model of one session" : " is a model of one neuron") +
                    " there, this one has more",
                "train one for each, or read model.safetensors from Python");
  }
  if (origin("readout")->knobs.value("temporal_kernel_size", int64_t{1}) != 1 && !layout.single()) {
    throw Error(folder, "its readout spans several bins (temporal_kernel_size), openretina's only one",
                "read model.safetensors from Python");
  }
  for (const auto& ours : model.state()) {
    if (ours.name.starts_with("loss.")) {
      made.notes.push_back(ours.name + ": left out; a loss of openretina's has no tensors");
      continue;
    }
    const auto theirs = layout.theirs(ours);
    check_options(folder, ours.name, layout.single() && theirs.name.find("nonlinearity") != std::string::npos);
    made.state.push_back(theirs);
  }
  for (const auto& [name, tensor] : layout.beside(model)) made.state.push_back({name, tensor});
  const auto* compat = bundle.config.find("compat");
  const bool legacy = made.core.starts_with("openretina.legacy.");  // without those quirks
  if (!legacy && (!compat || compat->string != "openretina")) {
    made.notes.push_back(
        "the model was trained without compat: openretina; there the same weights compute something else where the "
        "README's table says so (padding in time, pooling, clamped masks)");
  }
  return made;
}

void write_state_dict(const std::string& file, const std::vector<Named>& state) {
  c10::Dict<std::string, at::Tensor> dict;
  for (const auto& [name, tensor] : state) dict.insert(name, tensor.detach().cpu().contiguous().clone());
  std::string pickle, archive;
  // Without tags of TorchScript's types, which torch.load refuses where only weights are asked for.
  torch::jit::Pickler pickler([&](const char* bytes, size_t size) { pickle.append(bytes, size); }, nullptr, nullptr,
                              nullptr, {}, /*tag_aggregates=*/false);
  pickler.protocol();
  pickler.pushIValue(dict);
  pickler.stop();
  {
    caffe2::serialize::PyTorchStreamWriter writer([&](const void* bytes, size_t size) {
      archive.append(static_cast<const char*>(bytes), size);
      return size;
    });
    writer.writeRecord("data.pkl", pickle.data(), pickle.size());
    size_t number = 0;
    for (const auto& tensor : pickler.tensorData()) {
      writer.writeRecord("data/" + std::to_string(number++), tensor.const_data_ptr(), tensor.nbytes());
    }
    writer.writeEndOfFile();
  }
  files::write_atomically(file, archive);
}

}  // namespace plexiform::openretina
