// conv_gru: space-time convolutions with batch norm, and behind them a convolutional GRU; conditioned, each layer is
// scaled and shifted by what else is known of each bin (behaviour, pupil).
//   x[l] = f(norm(W[l] (*) x[l-1])),  conditioned x[l] = gamma[l] x[l] + beta[l];  features = GRU(x[L])
// Sources: the layers Höfling et al. 2024, eLife 13:e86860, as in openretina 1.1.1; GRU layers/gru.h; conditioning
// layers/film.h. State has openretina's names, without its constant filters, and each speed once. Sound where that package
// is not; with compat "openretina": padding as layer.h says, no penalties but for custom_separable, none of the GRU,
// sparsity without a guard against zeros, no conditioning without batch norm, and the statistics its shape probe leaves.
// Its legacy core is the same without the GRU and without these quirks.
#include <ATen/ops/zeros.h>
#include <plexiform/abilities.h>
#include <plexiform/layers/film.h>
#include <plexiform/layers/gru.h>
#include <plexiform/layers/regularisers.h>
#include <plexiform/layers/shape_checks.h>
#include <plexiform/module.h>
#include <plexiform/plugin.h>
#include <torch/nn/init.h>

#include "layer.h"

namespace conv_gru {

using plexiform::Error;
using plexiform::Given;
using plexiform::Shape;
using std::to_string;

struct ConvGRU : plexiform::CoreModule, plexiform::Streaming {
  using Params = conv_gru::Params;

  ConvGRU(const plexiform::CoreContext& context, const Params& params)
      : p(params), openretina_(context.compat == "openretina" && !params.legacy) {
    if (p.batch_adaptation) add_speeds(context.sessions);
    auto features = register_module("features", std::make_shared<torch::nn::Module>("features"));
    for (size_t i = 0; i < p.layer_count(); ++i) {
      stack.push_back(features->register_module("layer" + to_string(i), std::make_shared<Layer>(p, i, openretina_)));
      if (i > 0 || !p.use_projections) continue;
      auto named = features->register_module("projection", std::make_shared<torch::nn::Module>("projection"));
      projection = named->register_module(
          "0", layers::make_convolution("full", {.inputs = p.channels[1], .outputs = p.channels[1]}, openretina_));
    }
    for (auto& [name, weight] : parameters()) {  // the plain kernels; those of custom_separable keep their start
      if (weight.dim() == 5 && name.ends_with(".weight")) torch::nn::init::xavier_normal_(weight);
    }
    if (p.use_gru) {
      const GruParams q = p.gru();
      gru = features->register_module(
          "gru", std::make_shared<layers::ConvGru>(layers::GruSize{p.channels.back(), q.rec_channels, q.input_kern,
                                                                   q.rec_kern, q.groups, q.pad_input}));
    }
    output_shape(context.stimulus);
    if (openretina_) imitate_shape_probe();
  }

  at::Tensor forward(const at::Tensor& stimulus, const Given& given) override {
    const auto speed = log_speed(given.session());
    auto x = stimulus;
    for (size_t i = 0; i < stack.size(); ++i) {
      x = conditioned(i, stack[i]->forward(x, speed), given);
      if (i == 0 && projection) x = layers::activate(p.nonlinearity, projection->forward(x));
    }
    return gru ? gru->forward(x) : x;
  }

  void* ability(std::string_view name) override {
    const bool streams = !p.batch_adaptation && std::all_of(stack.begin(), stack.end(),
                                                            [](const auto& layer) { return layer->conv->streams(); });
    return streams ? plexiform::offer<plexiform::Streaming>(*this, name) : nullptr;
  }
  void start(int64_t) override {
    for (const auto& layer : stack) layer->conv->start();
    if (projection) projection->start();
    if (gru) gru->start();
  }
  at::Tensor step(const at::Tensor& frame, const Given& given) override {
    auto x = frame;
    for (size_t i = 0; i < stack.size(); ++i) {
      x = stack[i]->step(x);
      if (!x.defined()) return x;
      x = conditioned(i, x, given);
      if (i == 0 && projection) x = layers::activate(p.nonlinearity, projection->step(x));
    }
    return gru ? gru->step(x) : x;
  }

  Shape output_shape(const Shape& stimulus) const override {
    layers::check_channels(p.channels[0], stimulus);
    Shape x = stimulus;
    for (const auto& layer : stack) {
      const Shape out = layer->conv->output_shape(x);
      if (out.time < 1) {
        throw Error("temporal_kernel_sizes", "has a kernel longer than what reaches it, " + to_string(x.time) + " bins",
                    "shorten the kernels, lengthen the training window, or pad");
      }
      layers::check_frame(out, x, "spatial_kernel_sizes");
      x = out;
    }
    if (!gru) return x;
    layers::check_frame(gru->output_shape(x), x, "gru_kwargs.input_kern");
    return gru->output_shape(x);
  }

  plexiform::Temporal temporal() const override {
    plexiform::Temporal all;
    for (const auto& layer : stack) {
      const auto one = layer->conv->temporal();
      all = {all.history + one.history, all.causal && one.causal};
    }
    if (gru) all.history = INT64_MAX;
    return all;
  }

  at::Tensor penalty() override {
    const bool separable = p.convolution_type == "custom_separable";
    if (openretina_ && !separable) return {};
    const double eps = openretina_ ? 0 : 1e-10, below = openretina_ ? 0 : 1e-8;
    at::Tensor total;
    auto add = [&](double gamma, bool applies, auto&& term) {
      if (gamma > 0 && applies) total = total.defined() ? total + gamma * term() : gamma * term();
    };
    for (size_t i = 0; i < stack.size(); ++i) {
      const auto& conv = *stack[i]->conv;
      add(p.gamma_hidden, i > 0 || !p.legacy,
          [&] { return layers::group_sparsity(conv.spatial_kernel(), eps, below); });
      add(p.gamma_temporal, true, [&] { return conv.temporal_roughness(); });
      add(p.gamma_input, i == 0, [&] {
        return layers::spatial_roughness(conv.spatial_kernel(), {p.laplace_padding.value_or(1), p.use_avg_reg});
      });
      add(p.gamma_in_sparse, i == 0, [&] {
        const auto spatial = conv.spatial_kernel();
        const auto kernel = separable ? conv.temporal_kernel().unsqueeze(3).unsqueeze(4) * spatial : spatial;
        return layers::group_sparsity(kernel, eps);
      });
    }
    if (gru) add(p.gru().gamma_rec, !openretina_, [&] { return gru->cell().bias_size(); });
    return total;
  }

 protected:
  // What the conditioned core does behind layer `index` to its maps, (B, C', T', H', W') or of one bin.
  virtual at::Tensor conditioned(size_t, const at::Tensor& maps, const Given&) { return maps; }

  const Params p;
  const bool openretina_;
  std::vector<std::shared_ptr<Layer>> stack;
  std::shared_ptr<layers::Convolution> projection;
  std::shared_ptr<layers::ConvGru> gru;

 private:
  void add_speeds(const std::vector<std::string>& sessions) {
    const bool stretched = p.convolution_type == "custom_separable";
    if (!stretched && !(openretina_ && p.convolution_type == "separable")) {
      throw Error("batch_adaptation",
                  "is true, but the kernels of " + p.convolution_type + " cannot be stretched in time",
                  "use convolution_type: custom_separable, or batch_adaptation: false");
    }
    for (const auto& session : sessions)
      speeds[session] = register_parameter("log_speed_" + session, torch::zeros({1}));
  }

  at::Tensor log_speed(const std::string& session) const {
    if (session.empty() || !p.batch_adaptation) return {};
    const auto found = speeds.find(session);
    if (found != speeds.end()) return found->second;
    throw Error("", "knows no speed for session '" + session + "'",
                "build the core with that session among the model's");
  }

  // openretina learns its output shape from a blank clip in training mode: the statistics move once towards mean 0,
  // variance 0.
  void imitate_shape_probe() {
    for (auto& layer : stack) {
      if (!layer->norm) continue;
      layer->norm->running_var.fill_(1 - p.batch_norm_momentum);
      layer->norm->num_batches_tracked.fill_(1);
    }
  }

  std::map<std::string, at::Tensor> speeds;  // log_speed_<session>, (1)
};

struct ConditionedGRU final : ConvGRU, plexiform::Inputs {
  using Params = ConditionedParams;

  ConditionedGRU(const plexiform::CoreContext& context, const Params& params) : ConvGRU(context, params), q(params) {
    if (openretina_ && !p.batch_norm) return;
    for (size_t i = 0; i < p.layer_count(); ++i) {  // numbered as the children of `features`
      const size_t child = i + (i > 0 && p.use_projections ? 1 : 0);
      films.push_back(
          register_module("film_" + to_string(child), std::make_shared<layers::FiLM>(p.channels[i + 1], q.cond_dim)));
    }
  }

  void* ability(std::string_view name) override {
    void* inputs = plexiform::offer<plexiform::Inputs>(*this, name);
    return inputs ? inputs : ConvGRU::ability(name);
  }
  std::vector<plexiform::Input> inputs() override {
    return {{q.conditioning, "B T " + to_string(q.cond_dim), !openretina_, "what modulates the layers"}};
  }

 private:
  // Known of each bin, (B, T, cond_dim); of the clip, or of one bin of a stream: (B, cond_dim).
  at::Tensor conditioned(size_t index, const at::Tensor& maps, const Given& given) override {
    if (films.empty()) return maps;
    auto known = given.find(q.conditioning);
    if (!known.defined() && openretina_) known = torch::zeros({maps.size(0), q.cond_dim}, maps.options());
    if (!known.defined()) {
      throw Error("conditioning", "names '" + q.conditioning + "', which the data lack",
                  "give it: (batch, bins, cond_dim)");
    }
    const bool bins = known.dim() == 3 && maps.dim() == 5 && known.size(1) >= maps.size(2);
    if (known.size(0) != maps.size(0) || known.size(-1) != q.cond_dim || !(bins || known.dim() == 2)) {
      throw Error("cond_dim",
                  "is " + to_string(q.cond_dim) + ", but '" + q.conditioning + "' is not (batch, bins, cond_dim)",
                  "give that many numbers for each bin of the movie, or for each clip");
    }
    return films[index]->forward(maps, known);
  }

  const Params q;
  std::vector<std::shared_ptr<layers::FiLM>> films;
};

}  // namespace conv_gru

PLEXIFORM_PLUGIN(plexiform::core<conv_gru::ConvGRU>(
                     "plexiform.cores.ConvGRU", "space-time convolutions, and a recurrent layer behind them",
                     plexiform::Alias<&conv_gru::openretina>{"openretina.modules.core.gru_core.ConvGRUCore"},
                     plexiform::Alias<&conv_gru::legacy>{
                         "openretina.legacy.models.ParametricFactorizedBatchConv3dCore"}),
                 plexiform::core<conv_gru::ConditionedGRU>("plexiform.cores.ConditionedGRU",
                                                           "the same, modulated by what else is known of a clip",
                                                           plexiform::Alias<&conv_gru::openretina_conditioned>{
                                                               "openretina.modules.core.gru_core.ConditionedGRUCore"}))
