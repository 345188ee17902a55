#include <openretina/legacy.h>

#include <algorithm>

namespace plexiform::openretina {

using config::Node;

namespace {

constexpr const char* the_core = "openretina.legacy.models.ParametricFactorizedBatchConv3dCore";
constexpr const char* one_readout = "openretina.legacy.models.SpatialXFeature3d";
constexpr const char* all_readouts = "openretina.legacy.models.SpatialXFeature3dReadout";

void drop(Node& map, const std::string& key) {
  std::erase_if(map.entries, [&](const auto& entry) { return entry.first == key; });
}

void rename(Node& map, const std::string& from, const std::string& to) {
  const Node* found = map.find(from);
  if (!found) return;
  const Node value = *found;  // the map grows
  drop(map, from);
  if (!map.find(to)) map[to] = value;
}

bool is_said(const Node* node) { return node && !node->is_null() && node->kind != config::Kind::missing; }

bool truth(const Node& map, const char* key, bool usual) {
  const Node* found = map.find(key);
  return is_said(found) && found->kind == config::Kind::boolean ? found->boolean : usual;
}

// One of the classes, under the name that the plugins know; false: it is of another.
bool name_class(Node& part, std::initializer_list<const char*> classes) {
  Node* target = part.find("_target_");
  if (!target || target->kind != config::Kind::string) return false;
  const std::string name = today(target->string);
  if (std::find(classes.begin(), classes.end(), name) == classes.end()) return false;
  target->string = name;
  return true;
}

Node list_of(const Node& value, size_t count) {
  if (value.is_list()) return value;
  Node list = Node::list();
  list.location = value.location;
  list.items.assign(count, value);
  return list;
}

// The number of layers up to the one whose maps the readouts get.
size_t layers_up_to(const Node& core, size_t layers) {
  const Node* stack = core.find("stack");
  const auto several = [&](const Node& at, const std::string& problem) {
    throw Error(config::where(at, "model.core.stack"),
                problem + ": they have different numbers of bins, unless kernels span one",
                "name the one layer whose maps the readouts get: stack: -1 is the last");
  };
  if (!is_said(stack)) {
    if (layers > 1) several(stack ? *stack : core, "asks for the maps of all " + std::to_string(layers) + " layers");
    return layers;
  }
  if (stack->is_list() && stack->items.size() != 1) several(*stack, "names several layers");
  const Node& index = stack->is_list() ? stack->items[0] : *stack;
  const auto count = static_cast<int64_t>(layers);
  if (index.kind != config::Kind::integer || index.integer < -count || index.integer >= count) {
    throw Error(config::where(index, "model.core.stack"), "names no layer", "count them from 0, or from the last: -1");
  }
  return static_cast<size_t>(index.integer < 0 ? index.integer + count : index.integer) + 1;
}

// [0, k / 2, k / 2] for a kernel of k px: an even one lets the map grow by a pixel.
Node half(const Node& kernel) {
  Node sides = Node::list();
  sides.location = kernel.location;
  for (const int64_t zeros : {int64_t{0}, kernel.integer / 2, kernel.integer / 2})
    sides.items.push_back(Node::number(zeros));
  return sides;
}

void pad(Node& core) {
  const Node* found = core.find("spatial_kernel_sizes");
  if (!found || !found->is_list() || found->items.empty()) return;
  const Node kernels = *found;
  const auto asked = [&](const char* key, bool usual) {
    const Node* padding = core.find(key);
    return is_said(padding) && padding->kind != config::Kind::boolean ? false : truth(core, key, usual);
  };
  if (asked("input_padding", false)) core["input_padding"] = half(kernels.items[0]);
  if (kernels.items.size() < 2 || !asked("hidden_padding", true)) return;
  Node all = Node::list();
  for (size_t i = 1; i < kernels.items.size(); ++i) all.items.push_back(half(kernels.items[i]));
  core["hidden_padding"] = all;
}

}  // namespace

std::string today(const std::string& target) {
  const std::string name = target.substr(target.find_last_of('.') + 1);
  const bool before = target.starts_with("openretina.hoefling_2024.models.") || target.starts_with("nnfabrik_euler.");
  return before ? "openretina.legacy.models." + name : target;
}

void modernise_core(Node& core) {
  if (!name_class(core, {the_core})) return;
  rename(core, "temporal_kernel_size", "temporal_kernel_sizes");
  rename(core, "spatial_kernel_size", "spatial_kernel_sizes");
  rename(core, "momentum", "batch_norm_momentum");
  rename(core, "conv_type", "convolution_type");
  for (const char* unused : {"n_neurons_dict", "num_scans"}) drop(core, unused);

  const Node counted = core.find("layers") ? *core.find("layers") : Node();  // the map grows
  const int64_t said = counted.kind == config::Kind::integer ? counted.integer : 0;
  if (const Node* hidden = core.find("hidden_channels"); is_said(hidden)) {  // as the class has it, the input apart
    Node channels = list_of(*hidden, static_cast<size_t>(std::max<int64_t>(said, 1)));
    const Node* inputs = core.find("input_channels");
    const Node first = is_said(inputs) ? *inputs : Node::number(int64_t{2});
    channels.items.insert(channels.items.begin(), first);
    core["channels"] = channels;
  }
  drop(core, "hidden_channels");
  drop(core, "input_channels");
  const Node* channels = core.find("channels");
  if (!channels || !channels->is_list() || channels->items.size() < 2) return;  // the core says so
  const size_t given = channels->items.size() - 1;
  if (said < 0 || static_cast<size_t>(said) > given) {
    throw Error(config::where(counted, "model.core.layers"), "is not the number of hidden channels",
                "give as many hidden_channels as there are layers");
  }
  const size_t layers = said > 0 ? static_cast<size_t>(said) : given;
  const bool decided = core.find("layers") || core.find("stack");
  const size_t kept = decided ? layers_up_to(core, layers) : layers;
  drop(core, "layers");
  drop(core, "stack");
  core["channels"].items.resize(kept + 1);
  for (const char* key : {"temporal_kernel_sizes", "spatial_kernel_sizes"}) {
    if (!is_said(core.find(key))) continue;
    core[key] = list_of(core[key], kept);
    if (core[key].items.size() > kept) core[key].items.resize(kept);
  }
  if (kept > 1 && truth(core, "batch_norm_scale", true) && !truth(core, "bias", true)) {
    throw Error(
        config::where(*core.find("_target_"), "model.core.bias"),
        "is false beside batch_norm_scale, with which openretina scales bins of hidden layers instead of channels",
        "use bias: true, or batch_norm_scale: false");
  }
  if (kept > 1 && !truth(core, "final_nonlinearity", true)) {
    throw Error(config::where(*core.find("final_nonlinearity"), "model.core.final_nonlinearity"),
                "is false, which this class takes for layer 0 too", "use true, or one layer");
  }
  pad(core);
}

void modernise_readout(Node& readout) {
  if (!name_class(readout, {one_readout, all_readouts})) return;
  rename(readout, "gamma_readout", "feature_weights_l1_reg");
  rename(readout, "gamma_masks", "mask_l1_reg");
  if (const Node* masks = readout.find("gaussian_masks"); is_said(masks) && !truth(readout, "gaussian_masks", false)) {
    throw Error(config::where(*masks, "model.readout.gaussian_masks"),
                "is false: free masks, with which openretina 1.1.1 cannot run this readout",
                "use gaussian_masks: true, or openretina.modules.readout.multi_readout.MultiFactorizedReadout");
  }
  for (const char* unused : {"gaussian_masks", "initialize_from_roi_masks", "roi_mask", "roi_masks", "core",
                             "in_shape_dict", "n_neurons_dict", "outdims"}) {
    drop(readout, unused);
  }
  if (const Node* f = readout.find("nonlinearity"); f && f->kind == config::Kind::boolean) {
    readout["nonlinearity"] = Node::text(f->boolean ? "softplus" : "identity");
  }
}

}  // namespace plexiform::openretina
