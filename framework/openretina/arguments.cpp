#include <openretina/arguments.h>

#include <algorithm>

namespace plexiform::openretina {

using config::Node;

namespace {

bool has_tensor(const Checkpoint& checkpoint, const std::string& name) {
  return std::any_of(checkpoint.state().begin(), checkpoint.state().end(),
                     [&](const Named& one) { return one.name == name; });
}

// By the arguments that only this class has. SingleCellSeparatedLNP stores none: it shows by its tensors.
std::string class_of(const Checkpoint& checkpoint) {
  if (checkpoint.has("temporal_kernel_sizes")) return "openretina.models.core_readout.ExampleCoreReadout";
  if (checkpoint.has("input_dim") && checkpoint.has("hidden_dim"))
    return "openretina.models.sparse_autoencoder.Autoencoder";
  if (checkpoint.has("sta_file_name")) return "openretina.models.spatial_contrast.SingleCellSpatialContrast";
  if (checkpoint.has("sta_dir")) return "openretina.models.spatial_contrast.SpatialContrastCoreReadout";
  if (checkpoint.has("core")) {
    return checkpoint.module_class("core").empty() ? "openretina.models.core_readout.UnifiedCoreReadout"
                                                   : "openretina.models.core_readout.BaseCoreReadout";
  }
  if (has_tensor(checkpoint, "space_conv.weight") && has_tensor(checkpoint, "time_conv.weight"))
    return "openretina.models.linear_nonlinear.SingleCellSeparatedLNP";
  std::string said;
  for (const auto& name : checkpoint.arguments()) said += (said.empty() ? "" : ", ") + name;
  throw Error(checkpoint.file(),
              "its model is of no class that is known: it was built from " + (said.empty() ? "nothing" : said),
              "give a checkpoint of openretina's core + readout, LNP, spatial contrast or sparse autoencoder models");
}

// --- Whole modules: what they were made from ---

class Modules {
 public:
  explicit Modules(const Checkpoint& checkpoint) : checkpoint_(checkpoint) {}

  Node core() const {
    const std::string name = checkpoint_.module_class("core");
    Node made = Node::map();
    made["_target_"] = Node::text(name);
    if (name == "openretina.modules.core.base_core.DummyCore") {
      made["cut_first_n_frames"] = of_core("", "_cut_first_n_frames");
      return made;
    }
    if (name == "openretina.modules.core.base_core.SimpleCoreWrapper") return simple(std::move(made));
    throw Error(checkpoint_.file(), "its core is a whole " + name + ", which does not say what it was built from",
                "say it: \"core={_target_: " + name + ", channels: [...], ...}\"");
  }

  Node readout() const {
    Node made = Node::map();
    made["_target_"] = Node::text(checkpoint_.module_class("readout"));
    const Node knobs = checkpoint_.attribute("readout", "", "_readout_kwargs");
    for (const auto& [key, value] : knobs.entries) made[key] = value;
    made["readout_reg_avg"] = checkpoint_.attribute("readout", "", "readout_reg_avg");
    return made;
  }

  Node loss(const std::string& argument) const {
    Node made = Node::map();
    made["_target_"] = Node::text(checkpoint_.module_class(argument));
    for (const char* knob : {"bias", "per_neuron", "avg", "negate", "gamma_l1", "scale", "sparsity_factor"}) {
      const Node value = checkpoint_.attribute(argument, "", knob);
      if (!value.is_null()) made[knob] = value;
    }
    return made;
  }

 private:
  Node of_core(const std::string& module, const std::string& name) const {
    return checkpoint_.attribute("core", module, name);
  }

  // Kernel sizes (time, height, width), channels and padding of a layer, whichever kind of convolution it has.
  struct Layer {
    Node inputs, outputs, bins, side, padding;
  };
  Layer layer(const std::string& name) const {
    const std::string conv = "features." + name + ".conv";
    if (const Node bins = of_core(conv, "temporal_kernel_size"); !bins.is_null()) {
      return {of_core(conv, "in_channels"), of_core(conv, "out_channels"), bins, of_core(conv, "spatial_kernel_size"),
              of_core(conv, "padding")};
    }
    const auto kernel = [&](const std::string& of, size_t axis) {
      const Node size = of_core(conv + of, "kernel_size");
      return axis < size.items.size() ? size.items[axis] : Node();
    };
    const bool two = !of_core(conv + ".space_conv", "kernel_size").is_null();
    const std::string space = two ? ".space_conv" : ".conv", time = two ? ".time_conv" : ".conv";
    return {of_core(conv + space, "in_channels"), of_core(conv + space, "out_channels"), kernel(time, 0),
            kernel(space, 1), of_core(conv + space, "padding")};
  }

  Node simple(Node made) const {
    for (const char* knob : {"gamma_input", "gamma_temporal", "gamma_in_sparse", "gamma_hidden", "convolution_type"}) {
      made[knob] = of_core("", knob);
    }
    made["cut_first_n_frames"] = of_core("", "_cut_first_n_frames");
    made["downsample_input_kernel_size"] = of_core("", "_downsample_input_kernel_size");
    made["color_squashing_weights"] = of_core("", "color_squashing_weights");
    Node channels = Node::list(), bins = Node::list(), sides = Node::list();
    std::vector<int64_t> pooled;
    const auto names = checkpoint_.modules("core", "features");
    for (size_t i = 0; i < names.size(); ++i) {
      const Layer one = layer(names[i]);
      if (i == 0) channels.items.push_back(one.inputs);
      channels.items.push_back(one.outputs);
      bins.items.push_back(one.bins);
      sides.items.push_back(one.side);
      made[i == 0 ? "input_padding" : "hidden_padding"] = one.padding;
      const auto parts = checkpoint_.modules("core", "features." + names[i]);
      const auto has = [&](const char* part) { return std::find(parts.begin(), parts.end(), part) != parts.end(); };
      if (has("pool")) pooled.push_back(static_cast<int64_t>(i));
      if (has("dropout")) made["dropout_rate"] = of_core("features." + names[i] + ".dropout", "p");
    }
    made["channels"] = channels;
    made["temporal_kernel_sizes"] = bins;
    made["spatial_kernel_sizes"] = sides;
    if (!pooled.empty()) {  // layers 0, n, 2n, ...
      made["maxpool_every_n_layers"] = Node::number(pooled.size() > 1 ? pooled[1] : std::ssize(names));
    }
    return made;
  }

  const Checkpoint& checkpoint_;
};

}  // namespace

Node arguments_of(const Checkpoint& checkpoint, const std::vector<std::string>& without) {
  Node model = Node::map();
  const bool named = std::find(without.begin(), without.end(), "_target_") != without.end();
  model["_target_"] = Node::text(named ? "" : class_of(checkpoint));
  const Modules modules(checkpoint);
  const bool whole_modules = model["_target_"].string == "openretina.models.core_readout.BaseCoreReadout";
  for (const auto& name : checkpoint.arguments()) {
    if (std::find(without.begin(), without.end(), name) != without.end()) continue;
    if (name == "data_info" || name == "optimizer" || name == "lr_scheduler" || name == "n_neurons_dict") continue;
    if (!checkpoint.has(name)) continue;
    const bool part = name == "core" || name == "readout", module = !checkpoint.module_class(name).empty();
    if (part && module) {  // of other classes than BaseCoreReadout they follow from the arguments
      if (whole_modules) model[name] = name == "core" ? modules.core() : modules.readout();
    } else if (module) {
      model[name] = modules.loss(name);
    } else {
      model[name] = checkpoint.value(name);
    }
  }
  return model;
}

}  // namespace plexiform::openretina
