#include <openretina/absent.h>
#include <openretina/legacy.h>
#include <openretina/models.h>
#include <plexiform/error.h>

#include <algorithm>

namespace plexiform::openretina {

using config::Node;

namespace {

// Where an argument of a whole model goes.
//   "core.x", "readout.x"   that knob of the part
//   "core.channels+"        the same with the stimulus' channels before it, which in_shape says
//   "model.x"               the model's own key x
//   "sta_filters.x"         that of the config's section of filters
//   ""                      nowhere: it changes nothing there, or is no part of a model here
struct Argument {
  const char* name;
  const char* place;
  Node usual = {};  // openretina's default where the part's differs
  bool required = false;
};

struct Composition {
  std::vector<const char*> names;
  const char *core, *readout;
  Node loss, evaluation_loss;  // what it uses when nothing is said
  std::vector<Argument> arguments;
  bool window_is_kernel = false;  // in_shape's bins are those of the readout's filter
};

Node component(const char* name, std::vector<std::pair<const char*, Node>> knobs = {}) {
  Node made = Node::map();
  made["_target_"] = Node::text(name);
  for (auto& [knob, value] : knobs) made[knob] = std::move(value);
  return made;
}

Node numbers(std::initializer_list<int64_t> values) {
  Node list = Node::list();
  for (const int64_t value : values) list.items.push_back(Node::number(value));
  return list;
}
Node yes() { return Node::truth(true); }
Node no() { return Node::truth(false); }

Node poisson(std::vector<std::pair<const char*, Node>> knobs = {}) {
  return component("openretina.modules.losses.poisson.PoissonLoss3d", std::move(knobs));
}
Node correlation() {
  return component("openretina.modules.losses.correlation.CorrelationLoss3d", {{"avg", yes()}, {"negate", no()}});
}

constexpr const char* simple_core = "openretina.modules.core.base_core.SimpleCoreWrapper";
constexpr const char* sparse_autoencoder = "openretina.models.sparse_autoencoder.Autoencoder";
constexpr const char* dummy_core = "openretina.modules.core.base_core.DummyCore";

const std::vector<Composition>& compositions() {
  // What all of them have, and what is the trainer's.
  static const std::vector<Argument> common = {
      {"in_shape", "model.in_shape"},
      {"n_neurons_dict", "model.n_neurons_dict"},
      {"loss", "model.loss"},
      {"evaluation_loss", "model.evaluation_loss"},
      {"optimizer", "model.optimizer"},
      {"lr_scheduler", "model.lr_scheduler"},
      {"trace_channels", "model.trace_channels"},
      {"data_info", ""},
  };
  static const auto with_common = [](std::vector<Argument> own) {
    own.insert(own.end(), common.begin(), common.end());
    return own;
  };
  static const std::vector<Composition> all = {
      {{"openretina.models.core_readout.UnifiedCoreReadout", "openretina.models.UnifiedCoreReadout",
        "openretina.models.core_readout.BaseCoreReadout", "openretina.legacy.models.LocalEncoder",
        "openretina.legacy.models.Encoder"},
       nullptr,
       nullptr,
       poisson(),
       correlation(),
       with_common({{"hidden_channels", "model.hidden_channels"},
                    {"learning_rate", "model.learning_rate", Node::number(0.001)},
                    {"core", "model.core", {}, true},
                    {"readout", "model.readout", {}, true}})},
      {{"openretina.models.core_readout.ExampleCoreReadout", "openretina.models.ExampleCoreReadout"},
       simple_core,
       "openretina.modules.readout.multi_readout.MultiGaussianMaskReadout",
       poisson(),
       correlation(),
       // Its two penalties of the readout change places on their way: the one called gamma is that of the masks.
       with_common({{"hidden_channels", "core.channels+", {}, true},
                    {"temporal_kernel_sizes", "core.temporal_kernel_sizes", {}, true},
                    {"spatial_kernel_sizes", "core.spatial_kernel_sizes", {}, true},
                    {"core_gamma_input", "core.gamma_input", Node::number(0.0)},
                    {"core_gamma_hidden", "core.gamma_hidden", Node::number(0.0)},
                    {"core_gamma_in_sparse", "core.gamma_in_sparse", Node::number(0.0)},
                    {"core_gamma_temporal", "core.gamma_temporal", Node::number(40.0)},
                    {"core_input_padding", "core.input_padding", no()},
                    {"core_hidden_padding", "core.hidden_padding", yes()},
                    {"cut_first_n_frames_in_core", "core.cut_first_n_frames", Node::number(int64_t{30})},
                    {"dropout_rate", "core.dropout_rate"},
                    {"maxpool_every_n_layers", "core.maxpool_every_n_layers"},
                    {"downsample_input_kernel_size", "core.downsample_input_kernel_size"},
                    {"convolution_type", "core.convolution_type"},
                    {"color_squashing_weights", "core.color_squashing_weights"},
                    {"readout_scale", "readout.scale", yes()},
                    {"readout_bias", "readout.bias", yes()},
                    {"readout_gaussian_masks", ""},
                    {"readout_gaussian_mean_scale", "readout.gaussian_mean_scale", Node::number(6.0)},
                    {"readout_gaussian_var_scale", "readout.gaussian_var_scale", Node::number(4.0)},
                    {"readout_positive", "readout.positive", yes()},
                    {"readout_gamma", "readout.mask_l1_reg", Node::number(0.4)},
                    {"readout_gamma_masks", "readout.feature_weights_l1_reg", Node::number(0.0)},
                    {"readout_reg_avg", "readout.readout_reg_avg", no()},
                    {"learning_rate", "model.learning_rate", Node::number(0.01)}})},
      {{"openretina.models.linear_nonlinear.SingleCellSeparatedLNP"},
       dummy_core,
       "openretina.models.linear_nonlinear.SingleCellSeparatedLNP",
       poisson(),
       correlation(),
       with_common({{"rf_location", "readout.rf_location"},
                    {"spat_kernel_size", "readout.spat_kernel_size"},
                    {"temporal_kernel_size", "readout.temporal_kernel_size"},
                    {"rank", "readout.rank"},
                    {"smooth_weight_spat", "readout.smooth_weight_spat"},
                    {"smooth_weight_temp", "readout.smooth_weight_temp"},
                    {"sparse_weight", "readout.sparse_weight"},
                    {"smooth_regularizer_spat", "readout.smooth_regularizer_spat"},
                    {"smooth_regularizer_temp", ""},
                    {"smooth_regularizer", ""},
                    {"laplace_padding", "readout.laplace_padding"},
                    {"nonlinearity", "readout.nonlinearity"},
                    {"normalize_weights", "readout.normalize_weights"},
                    {"fit_gaussian", ""},
                    {"learning_rate", "model.learning_rate", Node::number(0.001)}}),
       true},
      {{"openretina.models.spatial_contrast.SingleCellSpatialContrast", "openretina.models.SingleCellSpatialContrast"},
       dummy_core,
       "openretina.models.spatial_contrast.SingleCellSpatialContrast",
       poisson({{"per_neuron", yes()}, {"avg", yes()}}),
       correlation(),
       with_common({{"sta_dir", "sta_filters.folder"},
                    {"sta_file_name", "sta_filters.pattern"},
                    {"flip_sta", "sta_filters.flip"},
                    {"temporal_crop_frames", "sta_filters.last_bins"},
                    {"sigma_contour", "sta_filters.sigma_contour"},
                    {"rf_location", ""},
                    {"spat_crop_size", "sta_filters.crop"},
                    {"w_init", "readout.w_init"},
                    {"a_init", "readout.a_init"},
                    {"b_init", "readout.b_init"},
                    {"c_init", "readout.c_init"},
                    {"validation_loss", "model.evaluation_loss"},
                    {"learning_rate", "model.learning_rate", Node::number(0.001)}})},
      {{"openretina.models.spatial_contrast.SpatialContrastCoreReadout"},
       dummy_core,
       "openretina.modules.readout.spatial_contrast_model_readout.MultiSpatialContrastReadout",
       poisson({{"avg", yes()}}),
       correlation(),
       with_common({{"sta_dir", "sta_filters.folder"},
                    {"sta_file_pattern", "sta_filters.pattern"},
                    {"flip_sta", "sta_filters.flip"},
                    {"temporal_crop_frames", "sta_filters.last_bins"},
                    {"sigma_contour", "sta_filters.sigma_contour"},
                    {"cut_first_n_frames", "core.cut_first_n_frames"},
                    {"w_init", "readout.w_init"},
                    {"a_init", "readout.a_init"},
                    {"b_init", "readout.b_init"},
                    {"c_init", "readout.c_init"},
                    {"neuron_chunk_size", "readout.neuron_chunk_size"},
                    {"learning_rate", "model.learning_rate", Node::number(0.01)}})},
      {{sparse_autoencoder},
       dummy_core,
       sparse_autoencoder,
       Node(),
       correlation(),
       with_common({{"input_dim", "readout.input_dim"},
                    {"hidden_dim", "readout.hidden_dim", {}, true},
                    {"loss", "model.loss", {}, true},
                    {"unit_norm_loss_factor", ""},
                    {"learning_rate", "model.learning_rate", Node::number(0.0005)}})},
      {{"openretina.legacy.models.SFB3d_core_SxF3d_readout"},
       "openretina.legacy.models.ParametricFactorizedBatchConv3dCore",
       "openretina.legacy.models.SpatialXFeature3d",
       poisson(),
       correlation(),
       with_common({{"dataloaders", ""},
                    {"seed", ""},
                    {"hidden_channels", "core.channels+", numbers({8})},
                    {"temporal_kernel_size", "core.temporal_kernel_size", numbers({21})},
                    {"spatial_kernel_size", "core.spatial_kernel_size", numbers({11})},
                    {"layers", "core.layers", Node::number(int64_t{1})},
                    {"gamma_hidden", "core.gamma_hidden"},
                    {"gamma_input", "core.gamma_input", Node::number(0.1)},
                    {"gamma_temporal", "core.gamma_temporal", Node::number(0.1)},
                    {"gamma_in_sparse", "core.gamma_in_sparse"},
                    {"final_nonlinearity", "core.final_nonlinearity"},
                    {"core_bias", "core.bias", no()},
                    {"momentum", "core.momentum"},
                    {"input_padding", "core.input_padding"},
                    {"hidden_padding", "core.hidden_padding"},
                    {"batch_norm", "core.batch_norm"},
                    {"batch_norm_scale", "core.batch_norm_scale", no()},
                    {"laplace_padding", "core.laplace_padding", Node::number(int64_t{1})},  // None there: one
                    {"batch_adaptation", "core.batch_adaptation"},
                    {"stack", "core.stack"},
                    {"use_avg_reg", "core.use_avg_reg"},
                    {"nonlinearity", "core.nonlinearity"},
                    {"conv_type", "core.conv_type"},
                    {"readout_scale", "readout.scale", no()},
                    {"readout_bias", "readout.bias"},
                    {"gaussian_masks", "readout.gaussian_masks", no()},
                    {"gamma_readout", "readout.gamma_readout", Node::number(0.1)},
                    {"gamma_masks", "readout.gamma_masks", Node::number(0.0)},
                    {"gaussian_mean_scale", "readout.gaussian_mean_scale"},
                    {"gaussian_var_scale", "readout.gaussian_var_scale"},
                    {"initialize_from_roi_masks", ""},
                    {"readout_positive", "readout.positive"},
                    {"readout_reg_avg", "readout.readout_reg_avg"},
                    {"learning_rate", "model.learning_rate", Node::number(0.01)}})},
  };
  return all;
}

const Composition& find(const Node& target) {
  const std::string wanted = today(target.string);
  for (const auto& one : compositions()) {
    for (const char* name : one.names) {
      if (wanted == name) return one;
    }
  }
  refuse_absent(target, "model._target_");
  throw Error(config::where(target, "model._target_"), "'" + target.string + "' is no model that is known here",
              did_you_mean(target.string, whole_models()));
}

bool is_part(const std::string& key) {
  return key == "core" || key == "readout" || key == "loss" || key == "evaluation_loss";
}

bool is_said(const Node* node) { return node && !node->is_null() && node->kind != config::Kind::missing; }

// The stimulus' channels before the layers'.
Node with_stimulus(const Node& model, const Node& hidden) {
  const Node* shape = model.find("in_shape");
  if (!shape || !shape->is_list() || shape->items.empty()) {
    throw Error(config::where(model, "model.in_shape"), "is not given",
                "give it: [channels, time bins, height, width] of the stimulus");
  }
  Node all = Node::list();
  all.location = hidden.location;
  all.items.push_back(shape->items.front());
  if (hidden.is_list()) {
    all.items.insert(all.items.end(), hidden.items.begin(), hidden.items.end());
  } else {
    all.items.push_back(hidden);
  }
  return all;
}

void put(Node& made, const Node& model, const Argument& argument, const Node& value, Node* filters) {
  std::string place = argument.place;
  if (place.empty()) return;
  if (place.starts_with("sta_filters.")) {
    if (filters) (*filters)[place.substr(12)] = value;
    return;
  }
  if (place.starts_with("model.")) {
    made[place.substr(6)] = value;
    return;
  }
  const size_t dot = place.find('.');
  const bool after_stimulus = place.ends_with('+');
  if (after_stimulus) place.pop_back();
  made[place.substr(0, dot)][place.substr(dot + 1)] = after_stimulus ? with_stimulus(model, value) : value;
}

}  // namespace

const std::vector<std::string>& whole_models() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const auto& one : compositions()) all.insert(all.end(), one.names.begin(), one.names.end());
    return all;
  }();
  return names;
}

namespace {

// openretina has the weight of an autoencoder's sparsity in its loss, we have it beside the features that are to be few.
void move_sparsity(Node& parts) {
  const Node* target = parts.at_path("loss._target_");
  const Node* found = parts.at_path("loss.sparsity_factor");
  if (!found || !target || target->string != "openretina.models.sparse_autoencoder.SparsityMSELoss") return;
  const Node factor = *found;
  std::erase_if(parts["loss"].entries, [](const auto& entry) { return entry.first == "sparsity_factor"; });
  parts["readout"]["sparsity_factor"] = factor;
}

// What the parts are called here, and what their arguments are.
Node in_our_words(Node parts) {
  for (const char* part : {"core", "readout", "loss", "evaluation_loss"}) {
    const Node* target = parts.at_path(std::string(part) + "._target_");
    if (target) refuse_absent(*target, std::string("model.") + part + "._target_");
  }
  move_sparsity(parts);
  if (Node* core = parts.find("core")) modernise_core(*core);
  if (Node* readout = parts.find("readout")) {
    name_nonlinearity(*readout);
    modernise_readout(*readout);
  }
  return parts;
}

}  // namespace

Node parts(const Node& model, Node* filters) {
  const Node* target = model.find("_target_");
  if (!target) return in_our_words(model);
  const Composition& composition = find(*target);

  Node made = Node::map();
  made.location = model.location;
  for (const char* part : {"core", "readout"}) {
    const char* name = part == std::string("core") ? composition.core : composition.readout;
    if (!name) continue;
    made[part] = component(name);
    made[part].location = made[part]["_target_"].location = target->location;
  }
  for (const auto& argument : composition.arguments) {
    const Node* said = model.find(argument.name);
    if (is_part(argument.name) && said) continue;  // below
    if (is_said(said)) {
      put(made, model, argument, *said, filters);
    } else if (argument.required) {
      throw Error(config::where(said ? *said : model, std::string("model.") + argument.name), "is not given",
                  target->string + " needs it");
    } else if (!argument.usual.is_null()) {
      put(made, model, argument, argument.usual, filters);
    }
  }
  for (const auto& [key, value] : model.entries) {  // parts, which replace those of the composition
    if (is_part(key) && is_said(&value)) made[key] = value;
    if (is_part(key) || key.starts_with('_')) continue;
    std::vector<std::string> known = {"core", "readout"};
    for (const auto& argument : composition.arguments) known.push_back(argument.name);
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    throw Error(config::where_key(value, "model." + key), "no such argument of " + target->string,
                did_you_mean(key, known));
  }
  if (const Node* bins = model.at_path("in_shape.1");
      composition.window_is_kernel && is_said(bins) && !is_said(made.at_path("readout.temporal_kernel_size"))) {
    made["readout"]["temporal_kernel_size"] = *bins;
  }
  if (!is_said(made.find("loss"))) made["loss"] = composition.loss;
  if (!is_said(made.find("evaluation_loss"))) made["evaluation_loss"] = composition.evaluation_loss;
  return in_our_words(std::move(made));
}

namespace {

// What openretina's models train with where the config says nothing (models that a config names whole often leave it out).
void add_optimizer(Node& root, const Node& model) {
  const Node* rate = model.find("learning_rate");
  const bool plain = model.find("_target_")->string == sparse_autoencoder;  // Adam, at one rate
  if (!is_said(root.find("optimizer"))) {
    Node& optimizer = root["optimizer"] = Node::map();
    optimizer["_target_"] = Node::text(plain ? "torch.optim.Adam" : "torch.optim.AdamW");
    optimizer["lr"] = is_said(rate) ? *rate : Node::number(plain ? 0.0005 : 0.001);
  }
  if (!plain && !root.find("lr_scheduler")) {
    Node& scheduler = root["lr_scheduler"] = Node::map();
    scheduler["_target_"] = Node::text("torch.optim.lr_scheduler.ReduceLROnPlateau");
    scheduler["monitor"] = Node::text("val_correlation");
    scheduler["mode"] = Node::text("max");
    scheduler["threshold_mode"] = Node::text("abs");
    scheduler["factor"] = Node::number(0.3);
    scheduler["patience"] = Node::number(int64_t{5});
    scheduler["threshold"] = Node::number(5e-4);
  }
}

}  // namespace

void expand(Node& root) {
  Node* model = root.find("model");
  if (!model) return;
  if (model->find("_target_")) {
    const Node given = *model;  // root grows
    add_optimizer(root, given);
    model = root.find("model");
  }
  Node filters = Node::map();
  Node made = parts(*model, &filters);
  filters.location = model->location;
  *model = std::move(made);
  if (!filters.entries.empty() && !is_said(root.find("sta_filters"))) root["sta_filters"] = std::move(filters);
}

void name_nonlinearity(Node& readout) {
  Node* given = readout.find("nonlinearity_function");
  if (!given) return;
  const Node* target = given->find("_target_");
  Node name = target ? *target : *given;
  if (name.kind == config::Kind::string) {
    for (const std::string prefix : {"torch.nn.functional.", "torch._C._nn.", "torch."}) {
      if (name.string.starts_with(prefix)) name.string = name.string.substr(prefix.size());
    }
  }
  std::erase_if(readout.entries, [](const auto& entry) { return entry.first == "nonlinearity_function"; });
  readout["nonlinearity"] = name;
}

}  // namespace plexiform::openretina
