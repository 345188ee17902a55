// correlation: Pearson's correlation over the bins of a clip, per clip and neuron, negated to be minimised.
//   rho = cov(prediction, target) / sqrt((var(prediction) + eps) (var(target) + eps))     population statistics
//   loss = mean over batch and neurons of -weight[n] rho,  + gamma_l1 mean |prediction|
// A signal that does not vary counts as 0. With `scale`, rho is the mean over windows of that many bins, which starts with the
// first and leaves out an incomplete last one: what is slower than a window does not count. A shorter clip is one window.
// Source: scaled correlation, Nikolić et al. 2012, Eur J Neurosci 35:742-762; cell types and sparse rates as in
// openretina 1.1.1, whose L1 is on a second output of the model: here on the prediction.
#include <plexiform/abilities.h>
#include <plexiform/align.h>
#include <plexiform/layers/activity_costs.h>
#include <plexiform/layers/cell_types.h>
#include <plexiform/layers/reduction.h>
#include <plexiform/module.h>
#include <plexiform/plugin.h>

struct Correlation final : plexiform::LossModule, plexiform::SessionLoss {
  struct Params {
    double bias = 1e-16, gamma_l1 = 0;
    int64_t scale = 0;
    bool negate = true;
    plexiform::layers::ReductionKnobs reduce = {};
    std::string cell_types = "";
    std::optional<std::vector<int64_t>> group_counts = {};
    void describe(auto& knob) {
      knob("bias", bias, {.doc = "eps: added to each variance", .min = 0});
      knob("scale", scale, {.doc = "length of the windows that are correlated; 0: the clip", .unit = "bins", .min = 0});
      knob("gamma_l1", gamma_l1, {.doc = "weight of |prediction|: rates that are often 0", .min = 0});
      reduce.describe(knob);
      knob("negate", negate, {.doc = "-rho, a loss; false: rho, a score"});
      knob("cell_types", cell_types,
           {.doc = "the sessions' cell types by name: each counts the same; empty: each neuron"});
      knob("group_counts", group_counts,
           {.doc = "neurons of type 1, 2, ...; null: counted over all sessions", .min = 1});
    }
  };
  static Params openretina() { return {.reduce = {.avg = false}}; }
  static Params sparse() { return {.gamma_l1 = 2e-4, .reduce = {.avg = false}}; }
  static Params in_windows() { return {.scale = 30, .reduce = {.avg = false}}; }
  static Params by_cell_type() { return {.reduce = {.avg = false}, .cell_types = "group_assignment"}; }

  Correlation(const plexiform::LossContext& context, const Params& params)
      : p(params), weights(context, p.cell_types, p.group_counts) {}

  at::Tensor forward(const at::Tensor& prediction, const at::Tensor& target) override {
    return value(prediction, target, {});
  }
  at::Tensor forward(const at::Tensor& prediction, const at::Tensor& target, const plexiform::Given& given) override {
    return value(prediction, target, weights.of(given.session()));
  }
  plexiform::Reduction reduction() const override { return p.reduce.kind(); }
  void* ability(std::string_view name) override { return plexiform::offer<SessionLoss>(*this, name); }

 private:
  at::Tensor value(const at::Tensor& prediction, const at::Tensor& target, const at::Tensor& weight) const {
    const auto recorded = plexiform::aligned(prediction, target);
    auto score = plexiform::layers::correlation_over_bins(windows(prediction), windows(recorded), p.bias);
    if (p.scale > 0) score = score.unflatten(0, {prediction.size(0), window_count(prediction)}).mean(1);  // (B, N)
    if (weight.defined()) score = score * weight.to(score.options());
    if (p.negate) score = -score;
    return p.gamma_l1 > 0 ? p.reduce(score) + p.gamma_l1 * p.reduce(prediction.abs()) : p.reduce(score);
  }

  // (B, T', N) -> (B windows, bins, N)
  at::Tensor windows(const at::Tensor& x) const {
    if (p.scale == 0) return x;
    const int64_t count = window_count(x), bins = std::min(p.scale, x.size(1));
    return x.slice(1, 0, count * bins).reshape({x.size(0) * count, bins, x.size(2)});
  }
  int64_t window_count(const at::Tensor& x) const { return x.size(1) < p.scale ? 1 : x.size(1) / p.scale; }

  const Params p;
  const plexiform::layers::CellTypeWeights weights;
};
PLEXIFORM_LOSS(
    Correlation, "plexiform.losses.Correlation", "negative correlation over time, per clip and neuron",
    plexiform::Alias<&Correlation::openretina>{"openretina.modules.losses.correlation.CorrelationLoss3d"},
    plexiform::Alias<&Correlation::openretina>{"openretina.modules.losses.CorrelationLoss3d"},
    plexiform::Alias<&Correlation::openretina>{"openretina.modules.measures.CorrelationLoss3d"},
    plexiform::Alias<&Correlation::by_cell_type>{"openretina.modules.losses.correlation.CelltypeCorrelationLoss3d"},
    plexiform::Alias<&Correlation::by_cell_type>{"openretina.modules.measures.CelltypeCorrelationLoss3d"},
    plexiform::Alias<&Correlation::sparse>{"openretina.modules.losses.correlation.L1CorrelationLoss3d"},
    plexiform::Alias<&Correlation::sparse>{"openretina.modules.measures.L1CorrelationLoss3d"},
    plexiform::Alias<&Correlation::in_windows>{"openretina.modules.losses.correlation.ScaledCorrelationLoss3d"},
    plexiform::Alias<&Correlation::in_windows>{"openretina.modules.measures.ScaledCorrelationLoss3d"})
