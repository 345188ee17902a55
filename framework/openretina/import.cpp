#include <ATen/ops/zeros.h>
#include <fmt/format.h>
#include <openretina/arguments.h>
#include <openretina/assemble.h>

#include <algorithm>
#include <map>

namespace plexiform::openretina {

using config::Node;

namespace {

// --- The config ---

Node arguments(const Checkpoint& checkpoint, const std::vector<std::string>& overrides) {
  const auto given = forced(overrides);
  std::vector<std::string> replaced;
  for (const auto& one : given) {
    if (one.key.find('.') == std::string::npos) replaced.push_back(one.key);
  }
  Node model = arguments_of(checkpoint, replaced);
  for (const auto& one : given) config::apply_override(model, one);
  return model;
}

// (C, T, H, W) of a training window: stated, or from what the checkpoint says of the data.
Shape window_of(const Checkpoint& checkpoint, const Node& model, std::vector<std::string>& notes) {
  const Node* stated = model.find("in_shape");
  std::vector<int64_t> sizes;
  if (stated) {
    for (const auto& item : stated->items) sizes.push_back(item.integer);
  } else if (const Node frame = checkpoint.value("data_info.input_shape"); frame.items.size() == 3) {
    // A whole core does not say how long a window was: one bin of features, and what the readout was made for.
    const Node features = checkpoint.attribute("readout", "", "_in_shape");
    const int64_t made = features.items.size() == 4 ? features.items[1].integer : 1;
    int64_t history = 0;
    if (const Node* bins = model.at_path("core.temporal_kernel_sizes")) {
      for (const auto& kernel : bins->items) history += kernel.integer - 1;
    }
    sizes = {frame.items[0].integer, made + history, frame.items[1].integer, frame.items[2].integer};
    notes.push_back(fmt::format("in_shape: the checkpoint does not say it; taken for [{}]", fmt::join(sizes, ", ")));
  }
  if (sizes.size() != 4 || std::any_of(sizes.begin(), sizes.end(), [](int64_t n) { return n < 1; })) {
    throw Error(checkpoint.file(), "does not say which stimuli its model takes",
                "say it: \"in_shape=[channels, time bins, height, width]\"");
  }
  return {sizes[0], sizes[1], sizes[2], sizes[3]};
}

// --- Models of one session ---

const Node* said(const Node& model, const std::string& argument) {
  const Node* found = model.find(argument);
  return found && !found->is_null() ? found : nullptr;
}

Node numbers(std::initializer_list<int64_t> values) {
  Node list = Node::list();
  for (const int64_t value : values) list.items.push_back(Node::number(value));
  return list;
}

// An autoencoder takes the activity of its neurons, bin by bin: here they are the channels of a movie of one pixel.
void say_stimulus(Node& model) {
  const Node* neurons = said(model, "input_dim");
  if (neurons && !said(model, "in_shape")) model["in_shape"] = numbers({neurons->integer, 1, 1, 1});
}

// SingleCellSeparatedLNP stores no arguments: sizes are those of its filters, the rest has to be said or is supposed.
void suppose_lnp(const std::vector<Named>& state, Node& model, std::vector<std::string>& notes) {
  const auto tensor = [&](const char* name) { return find(state, name); };
  const auto space = tensor("space_conv.weight"), time = tensor("time_conv.weight");
  if (space.dim() != 5 || time.dim() != 5) return;
  model["rank"] = Node::number(space.size(0));
  model["spat_kernel_size"] = numbers({space.size(3), space.size(4)});
  model["temporal_kernel_size"] = Node::number(time.size(2));
  if (!said(model, "in_shape")) {
    model["in_shape"] = numbers({space.size(1), time.size(2), space.size(3), space.size(4)});
    notes.push_back("in_shape: the checkpoint does not say it; the filter is taken for the whole frame");
  }
  if (tensor("nonlinearity.b").defined()) {
    model["nonlinearity"] = Node::text("parametrized_softplus");
  } else if (!said(model, "nonlinearity")) {
    model["nonlinearity"] = Node::text("softplus");
    notes.push_back(
        "nonlinearity: the checkpoint does not say it; taken for softplus, as openretina's configs have it");
  }
  if (!said(model, "normalize_weights")) {
    notes.push_back("normalize_weights: the checkpoint does not say it; taken for true, openretina's default");
  }
}

// SingleCellSpatialContrast may have cut the receptive field out of the frame: it is put back, among zeros.
void place_filter(const std::string& file, const Shape& window, const Node& model, std::vector<Named>& state,
                  std::vector<std::string>& notes) {
  for (auto& [name, tensor] : state) {
    if (name != "spatial_filter" || tensor.dim() != 2) continue;
    if (tensor.size(0) == window.height && tensor.size(1) == window.width) return;
    const Node* centre = said(model, "rf_location");
    if (!centre || centre->items.size() != 2) {
      throw Error(file,
                  fmt::format("its receptive field {} was cut out of the frame ({}, {}), and it does not say where",
                              shape_text(tensor), window.height, window.width),
                  "say where: \"rf_location=[row, column]\", which is rf_location of openretina's model");
    }
    const auto start = [&](size_t axis, int64_t frame) {
      const int64_t size = tensor.size(static_cast<int64_t>(axis));
      const int64_t first = std::max<int64_t>(0, centre->items[axis].integer - size / 2);
      return std::max<int64_t>(0, std::min(frame, first + size) - size);
    };
    const int64_t top = start(0, window.height), left = start(1, window.width);
    if (top + tensor.size(0) > window.height || left + tensor.size(1) > window.width) {
      throw Error(file, "its receptive field " + shape_text(tensor) + " is larger than the frame", correct_it);
    }
    const auto whole = at::zeros({window.height, window.width});
    whole.slice(0, top, top + tensor.size(0)).slice(1, left, left + tensor.size(1)).copy_(tensor);
    tensor = whole;
    notes.push_back("spatial_filter: put back into the frame, with zeros around it");
    return;
  }
}

// --- The sessions ---

// Of a session's tensors, by the first that has an axis of neurons.
int64_t neurons_in(const std::vector<Named>& state, const std::string& session) {
  constexpr std::pair<const char*, int> axes[] = {{"bias", 0},
                                                  {"mask_log_var", 0},
                                                  {"features", 3},
                                                  {"_features", 3},
                                                  {"w", 0},
                                                  {"feature_weights", 1},
                                                  {"inner_product_kernel.weight", 0}};
  for (const auto& [suffix, axis] : axes) {
    for (const auto& [name, tensor] : state) {
      if (name == "readout." + session + "." + suffix && tensor.dim() > axis) return tensor.size(axis);
    }
  }
  return 0;
}

std::vector<model::DataFacts::Session> sessions_of(const Checkpoint& checkpoint, const Layout& layout,
                                                   const Shape& window) {
  if (layout.single()) return {{layout.only_session(), layout.population() ? window.channels : 1, 0, {}}};
  std::map<std::string, int64_t> neurons;  // sorted, as the data are
  for (const char* path : {"n_neurons_dict", "data_info.n_neurons_dict"}) {
    if (!neurons.empty()) break;
    for (const auto& [session, count] : checkpoint.value(path).entries) neurons[session] = count.integer;
  }
  if (neurons.empty()) {
    for (const auto& [name, tensor] : checkpoint.state()) {
      const size_t end = name.find('.', 8);
      if (!name.starts_with("readout.") || end == std::string::npos) continue;
      const std::string session = name.substr(8, end - 8);
      neurons[session] = neurons_in(checkpoint.state(), session);
    }
  }
  std::vector<model::DataFacts::Session> sessions;
  for (const auto& [name, count] : neurons) sessions.push_back({name, count, 0, {}});
  return sessions;
}

// A number that the checkpoint says of the data, or `usual`.
double number(const Checkpoint& checkpoint, const std::string& name, double usual) {
  if (!checkpoint.has("data_info." + name)) return usual;
  const Node node = checkpoint.value("data_info." + name);
  if (node.kind == config::Kind::integer) return static_cast<double>(node.integer);
  return node.kind == config::Kind::real ? node.real : usual;
}

void say_what_data(const Checkpoint& checkpoint, model::DataFacts& data, std::vector<std::string>& notes) {
  const auto moment = [&](const char* name, double usual) {
    try {
      return number(checkpoint, name, usual);
    } catch (const Error&) {
      return usual;  // an array: one value per channel, which a bundle does not hold
    }
  };
  data.mean = moment("stim_mean", 0);
  data.std = moment("stim_std", 1);
  if (data.std <= 0) data.std = 1;
  if (data.mean == 0 && data.std == 1) {
    notes.push_back("normalisation: the checkpoint does not say it; the model takes stimuli as they are");
  }
  for (auto& session : data.sessions) session.frame_rate_hz = number(checkpoint, "response_rate_hz", 0);
}

}  // namespace

Imported import_checkpoint(const std::string& file, const std::vector<std::string>& overrides,
                           plugins::Catalogue& catalogue) {
  const Checkpoint checkpoint(file);
  return about(file, [&] {
    Imported made;
    Node model = arguments(checkpoint, overrides);
    made.model_class = model.find("_target_")->string;
    std::vector<Named> state = checkpoint.state();
    if (made.model_class.ends_with(".SingleCellSeparatedLNP")) suppose_lnp(state, model, made.notes);
    if (made.model_class.ends_with(".Autoencoder")) say_stimulus(model);
    const Shape window = window_of(checkpoint, model, made.notes);
    if (made.model_class.ends_with(".SingleCellSpatialContrast")) place_filter(file, window, model, state, made.notes);
    const Parts parts = take_apart(model, catalogue, made.notes);
    made.data.sessions = sessions_of(checkpoint, parts.layout, window);
    if (made.data.sessions.empty()) {
      throw Error("", "has no tensors of a readout", "use a whole checkpoint");
    }
    say_what_data(checkpoint, made.data, made.notes);
    assemble(file, state, parts, window, "openretina", catalogue, made);
    return made;
  });
}

}  // namespace plexiform::openretina
