#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <openretina/names.h>

#include <algorithm>

namespace plexiform::openretina {

namespace {

// --- The constants ---

at::Tensor laplace_2d(const Facts&) {
  return at::tensor({0.f, -1.f, 0.f, -1.f, 4.f, -1.f, 0.f, -1.f, 0.f}).view({1, 1, 3, 3});
}
at::Tensor laplace_1d(const Facts&) { return at::tensor({-1.f, 2.f, -1.f}).view({1, 1, 3}); }
at::Tensor no_speed(const Facts&) { return at::zeros({1}); }
at::Tensor ones(const Facts& facts) { return at::ones({facts.neurons}); }
at::Tensor zeros(const Facts& facts) { return at::zeros({facts.neurons}); }

// Pixels as (row, column), the longer side from -1 to 1; the same for all neurons.
at::Tensor grid(const Facts& facts) {
  const int64_t H = facts.features.height, W = facts.features.width;
  const auto longer = static_cast<double>(std::max(H, W));
  const double bottom = static_cast<double>(H) / longer, right = static_cast<double>(W) / longer;
  const auto rows = at::linspace(-bottom, bottom, H).unsqueeze(1).expand({H, W});
  const auto columns = at::linspace(-right, right, W).expand({H, W});
  return at::stack({rows, columns}, 2).expand({facts.neurons, H, W, 2}).contiguous();
}

bool knob(const Facts& facts, const char* name) { return facts.knobs.value(name, false); }
bool has_time(const Facts& facts) {
  return facts.knobs.value("convolution_type", "") != std::string("time_independent");
}

// --- The tables ---

const Constant spatial_filter = {"_input_weights_regularizer_spatial.laplace.filter", laplace_2d};
const Constant temporal_filter = {"_input_weights_regularizer_temporal.laplace.filter", laplace_1d};

std::vector<Names> all_names() {
  const std::vector<Constant> of_gru = {
      spatial_filter,
      temporal_filter,
      {"features.*.conv._log_speed_default", no_speed, has_time},
      {"features.projection.0._log_speed_default", no_speed, [](const Facts& f) { return knob(f, "use_projections"); }},
  };
  const std::vector<Copied> speeds = {{"features.*.conv.log_speed_*"}, {"features.projection.0.log_speed_*"}};
  return {
      {.target = "openretina.modules.core.base_core.SimpleCoreWrapper",
       .constants = {spatial_filter, {"features.*.conv._log_speed_default", no_speed, has_time}},
       .swallowed = {"n_neurons_dict"}},
      {.target = "openretina.modules.core.base_core.DummyCore", .swallowed = {"*"}},
      {.target = "openretina.modules.core.gru_core.ConvGRUCore",
       .constants = of_gru,
       .copied = speeds,
       .swallowed = {"*"}},
      {.target = "openretina.modules.core.gru_core.ConditionedGRUCore",
       .constants = of_gru,
       .copied = speeds,
       .swallowed = {"*"}},
      {.target = "openretina.legacy.models.ParametricFactorizedBatchConv3dCore", .constants = of_gru, .copied = speeds},
      {.target = "openretina.legacy.models.SpatialXFeature3d",
       .renamed = {{"scale", "scale_param"}},
       .constants = {{"grid", grid}}},
      {.target = "openretina.modules.readout.multi_readout.MultiGaussianMaskReadout",
       .renamed = {{"bias_param", "bias"}},
       .constants = {{"grid", grid},
                     {"scale_param", ones, [](const Facts& f) { return !knob(f, "scale"); }},
                     {"bias", zeros, [](const Facts& f) { return !knob(f, "bias"); }}}},
      {.target = "openretina.models.sparse_autoencoder.Autoencoder", .whole = true, .population = true},
      {.target = "openretina.modules.readout.multi_readout.MultiSampledGaussianReadout"},
      {.target = "openretina.modules.readout.multi_readout.MultiFactorizedReadout",
       .constants = {spatial_filter, {"bias", zeros, [](const Facts& f) { return !knob(f, "readout_bias"); }, true}}},
      {.target = "openretina.modules.readout.multi_readout.MultipleLNPReadout",
       .constants = {{"_smooth_reg_fn.laplace.filter", laplace_2d}},
       .swallowed = {"*"}},
      {.target = "openretina.modules.readout.spatial_contrast_model_readout.MultiSpatialContrastReadout",
       .constants = {{"bias", zeros, nullptr, true}}},
      {.target = "openretina.models.linear_nonlinear.SingleCellSeparatedLNP",
       .renamed = {{"nonlinearity.a", "output.nonlinearity.a"},
                   {"nonlinearity.b", "output.nonlinearity.b"},
                   {"nonlinearity.w", "output.nonlinearity.w"}},
       .constants = {{"_smooth_reg_fn_spat.laplace.filter", laplace_2d},
                     {"_smooth_reg_fn_temp.laplace.filter", laplace_1d}},
       .whole = true},
      {.target = "openretina.models.spatial_contrast.SingleCellSpatialContrast",
       .renamed = {{"nl_a", "nl_a", true},
                   {"nl_b", "nl_b", true},
                   {"nl_c", "nl_c", true},
                   {"w", "w", true},
                   {"spatial_filter", "spatial_filters", true},
                   {"temporal_filter", "temporal_filters", true},
                   {"spatial_filter_sum", "sf_sums", true}},
       .whole = true},
  };
}

// Other names of the same classes, and classes of one session, whose tensors are called the same.
constexpr std::pair<const char*, const char*> same[] = {
    {"openretina.modules.readout.multi_readout.MultiGaussianReadoutWrapper",
     "openretina.modules.readout.multi_readout.MultiGaussianMaskReadout"},
    {"openretina.modules.readout.factorized_gaussian.GaussianMaskReadout",
     "openretina.modules.readout.multi_readout.MultiGaussianMaskReadout"},
    {"openretina.modules.readout.gaussian.PointGaussianReadout",
     "openretina.modules.readout.multi_readout.MultiSampledGaussianReadout"},
    {"openretina.modules.readout.gaussian.FullGaussian2d",
     "openretina.modules.readout.multi_readout.MultiSampledGaussianReadout"},
    {"openretina.modules.readout.factorized.FactorizedReadout",
     "openretina.modules.readout.multi_readout.MultiFactorizedReadout"},
    {"openretina.modules.readout.factorized.KlindtReadoutWrapper3D",
     "openretina.modules.readout.multi_readout.MultiFactorizedReadout"},
    {"openretina.modules.readout.linear_nonlinear_poison.LNPReadout",
     "openretina.modules.readout.multi_readout.MultipleLNPReadout"},
    {"openretina.modules.readout.spatial_contrast_model_readout.SpatialContrastReadout",
     "openretina.modules.readout.spatial_contrast_model_readout.MultiSpatialContrastReadout"},
    {"openretina.legacy.models.SpatialXFeature3dReadout", "openretina.legacy.models.SpatialXFeature3d"},
    {"openretina.models.SingleCellSpatialContrast", "openretina.models.spatial_contrast.SingleCellSpatialContrast"},
};

// --- Patterns ---

std::vector<std::string> pieces(const std::string& name) {
  std::vector<std::string> all(1);
  for (const char c : name) {
    if (c == '.') {
      all.emplace_back();
    } else {
      all.back() += c;
    }
  }
  return all;
}

// Whether `name` is of the pattern: '*' at the end of a piece stands for any ending of it.
bool matches(const std::string& pattern, const std::string& name) {
  const auto p = pieces(pattern), n = pieces(name);
  if (p.size() != n.size()) return false;
  for (size_t i = 0; i < p.size(); ++i) {
    const bool open = p[i].ends_with('*');
    if (open ? !n[i].starts_with(p[i].substr(0, p[i].size() - 1)) : n[i] != p[i]) return false;
  }
  return true;
}

// The names that a pattern with one '*' as its second piece ("features.*.conv.x") has in a model: one for each child of
// `features` that has a `conv`. A name without '*' is itself.
std::vector<std::string> spread(const std::string& pattern, const std::vector<Named>& ours) {
  const size_t star = pattern.find(".*.");
  if (star == std::string::npos) return {pattern};
  std::vector<std::string> found;
  const std::string before = pattern.substr(0, star + 1), after = pattern.substr(star + 2);
  for (const auto& [name, tensor] : ours) {
    const auto n = pieces(name);
    if (n.size() < 4 || !name.starts_with(before) || n[2] != "conv") continue;
    const std::string one = before + n[1] + after;
    if (std::find(found.begin(), found.end(), one) == found.end()) found.push_back(one);
  }
  return found;
}

at::Tensor tensor_of(const std::vector<Named>& all, const std::string& name) {
  for (const auto& one : all) {
    if (one.name == name) return one.tensor;
  }
  return {};
}

}  // namespace

const Names* names_of(const std::string& target) {
  static const auto all = all_names();
  std::string name = target;
  for (const auto& [alias, of] : same) {
    if (name == alias) name = of;
  }
  const auto found = std::find_if(all.begin(), all.end(), [&](const Names& one) { return one.target == name; });
  return found == all.end() ? nullptr : &*found;
}

bool is_constant(const Names& names, const std::string& theirs) {
  // Before July 2026 a filter was a buffer of its module's own.
  if (theirs.ends_with("laplace.filter") || theirs.ends_with("_smooth_reg_fn_temp.filter")) return true;
  return std::any_of(names.constants.begin(), names.constants.end(),
                     [&](const Constant& constant) { return matches(constant.theirs, theirs); });
}

bool is_unused(const Names& names, const std::string& theirs) {
  return std::any_of(names.constants.begin(), names.constants.end(),
                     [&](const Constant& constant) { return constant.unused && matches(constant.theirs, theirs); });
}

Name to_ours(const Names& names, const std::string& theirs) {
  for (const auto& row : names.renamed) {
    if (theirs == row.theirs) return {row.ours, true, row.scalar};
  }
  return {theirs};
}

Name to_theirs(const Names& names, const std::string& ours) {
  for (const auto& row : names.renamed) {
    if (ours == row.ours && std::string(row.theirs) != "bias_param") return {row.theirs, true, row.scalar};
  }
  return {ours};
}

std::vector<Named> constants(const Names& names, const Facts& facts, const std::vector<Named>& ours) {
  std::vector<Named> made;
  for (const auto& constant : names.constants) {
    if (constant.exists && !constant.exists(facts)) continue;
    for (const auto& name : spread(constant.theirs, ours)) {
      if (!tensor_of(ours, name).defined()) made.push_back({name, constant.value(facts)});
    }
  }
  return made;
}

std::string original(const Names& names, const std::string& theirs) {
  for (const auto& row : names.copied) {
    if (matches(row.theirs, theirs)) return theirs.substr(theirs.find_last_of('.') + 1);
  }
  return "";
}

std::vector<Named> copies(const Names& names, const std::vector<Named>& ours) {
  std::vector<Named> made;
  for (const auto& row : names.copied) {
    for (const auto& pattern : spread(row.theirs, ours)) {
      const std::string last = pattern.substr(pattern.find_last_of('.') + 1);
      const bool there = !pattern.starts_with("features.projection.") ||
                         tensor_of(ours, "features.projection.0.conv.weight").defined();
      for (const auto& [name, tensor] : ours) {
        if (!there || name.find('.') != std::string::npos || !name.starts_with(last.substr(0, last.size() - 1)))
          continue;
        made.push_back({pattern.substr(0, pattern.size() - last.size()) + name, tensor});
      }
    }
  }
  return made;
}

}  // namespace plexiform::openretina
