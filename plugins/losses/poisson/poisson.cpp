// poisson: negative log-likelihood of spike counts, up to a constant of the data.
//   loss = weight[n] (prediction - target ln(prediction + eps)) + gamma_l1 |prediction|   the mean over batch, bins and neurons
// weight: 1, or such that each cell type counts the same (`cell_types`).
// Source: Poisson likelihood without ln(target!), e.g. Paninski 2004, Network 15:243-262; cell types and the sparse rates as in
// openretina 1.1.1.
#include <plexiform/abilities.h>
#include <plexiform/align.h>
#include <plexiform/layers/activity_costs.h>
#include <plexiform/layers/cell_types.h>
#include <plexiform/layers/reduction.h>
#include <plexiform/module.h>
#include <plexiform/plugin.h>

struct Poisson final : plexiform::LossModule, plexiform::SessionLoss {
  struct Params {
    double bias = 1e-8, gamma_l1 = 0;
    plexiform::layers::ReductionKnobs reduce = {};
    std::string cell_types = "";
    std::optional<std::vector<int64_t>> group_counts = {};
    void describe(auto& knob) {
      knob("bias", bias, {.doc = "eps: keeps the logarithm finite where the prediction is 0", .min = 0});
      knob("gamma_l1", gamma_l1, {.doc = "weight of |prediction|: rates that are often 0", .min = 0});
      reduce.describe(knob);
      knob("cell_types", cell_types,
           {.doc = "the sessions' cell types by name: each counts the same; empty: each neuron"});
      knob("group_counts", group_counts,
           {.doc = "neurons of type 1, 2, ...; null: counted over all sessions", .min = 1});
    }
  };
  static Params openretina() { return {.bias = 1e-16, .reduce = {.avg = false}}; }
  static Params sparse() { return {.bias = 1e-16, .gamma_l1 = 1e-3, .reduce = {.avg = false}}; }
  static Params by_cell_type() { return {.bias = 1e-16, .reduce = {.avg = false}, .cell_types = "group_assignment"}; }

  Poisson(const plexiform::LossContext& context, const Params& params)
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
    if (!weight.defined() && p.gamma_l1 == 0 && !p.reduce.per_neuron)
      return p.reduce.of_sum(plexiform::layers::poisson_sum(prediction, recorded, p.bias), prediction.numel());
    auto loss = prediction - recorded * (prediction + p.bias).log();
    if (weight.defined()) loss = loss * weight.to(loss.options());
    if (p.gamma_l1 > 0) loss = loss + p.gamma_l1 * prediction.abs();
    return p.reduce(loss);
  }

  const Params p;
  const plexiform::layers::CellTypeWeights weights;
};
PLEXIFORM_LOSS(Poisson, "plexiform.losses.Poisson", "negative log-likelihood of spike counts",
               plexiform::Alias<&Poisson::openretina>{"openretina.modules.losses.poisson.PoissonLoss3d"},
               plexiform::Alias<&Poisson::openretina>{"openretina.modules.losses.PoissonLoss3d"},
               plexiform::Alias<&Poisson::openretina>{"openretina.modules.measures.PoissonLoss3d"},
               plexiform::Alias<&Poisson::openretina>{"openretina.modules.measures.StandardPoissonLoss3d"},
               plexiform::Alias<&Poisson::sparse>{"openretina.modules.losses.poisson.L1PoissonLoss3d"},
               plexiform::Alias<&Poisson::by_cell_type>{"openretina.modules.losses.poisson.CelltypePoissonLoss3d"},
               plexiform::Alias<&Poisson::by_cell_type>{"openretina.modules.measures.CelltypePoissonLoss3d"})
