// sparse_autoencoder: which few of many features make up the activity of a population at each bin. Trained on what another
// model predicts (`plexiform predict`), one channel for each neuron, to say the same again:
//   code[b,t] = relu(E (x[b,t] - b) + e),   rate[b,t] = D code[b,t] + b,   |D[:,h]| = 1
// x: the N channels, their mean over the frame. Penalty: sparsity_factor / N times the sum of a bin's code, mean over bins, of
// the batch that forward saw last while training; with a squared error that is a mean over neurons that is openretina's loss,
// divided by N. D's columns are normalised within forward, so that no gradient goes into their length, and after every step.
// Source: Bricken et al. 2023, transformer-circuits.pub/2023/monosemantic-features, appendix on autoencoders; state names and
// knobs are those of openretina 1.1.1. With compat "openretina": D's rows have length 1, which bounds no feature, and evaluation
// takes D as it is: a checkpoint of its was written between a step and that normalisation.
#include <ATen/ops/linear.h>
#include <plexiform/abilities.h>
#include <plexiform/module.h>
#include <plexiform/plugin.h>
#include <torch/types.h>

struct SparseAutoencoder final : plexiform::ReadoutModule, plexiform::Taps {
  struct Params {
    int64_t hidden_dim = 0;
    std::optional<int64_t> input_dim = {};
    double sparsity_factor = 1e-3;
    bool sparsity_avg = true;
    void describe(auto& knob) {
      knob("hidden_dim", hidden_dim, {.doc = "features, as a rule more than neurons", .min = 1, .required = true});
      knob("input_dim", input_dim,
           {.doc = "neurons, which are the stimulus' channels; null: as the data say", .min = 1});
      knob("sparsity_factor", sparsity_factor,
           {.doc = "weight of the penalty for active features, beside the squared errors of all neurons", .min = 0});
      knob("sparsity_avg", sparsity_avg, {.doc = "it is the mean over bins; false: the sum over all of a batch"});
    }
  };
  static Params openretina() { return {.sparsity_avg = false}; }

  SparseAutoencoder(const plexiform::ReadoutContext& context, const Params& params)
      : p(params), compat_(context.compat == "openretina") {
    const int64_t N = context.neurons, C = context.features.channels;
    if (C != N || p.input_dim.value_or(N) != N) {
      throw plexiform::Error("input_dim",
                             "is " + std::to_string(p.input_dim.value_or(N)) + ", but there are " + std::to_string(N) +
                                 " neurons and " + std::to_string(C) + " channels to make them of",
                             "train it on activity, a channel for each neuron: plexiform predict writes such data");
    }
    const auto drawn = [](at::IntArrayRef sizes, int64_t inputs) {
      const double bound = 1 / std::sqrt(static_cast<double>(inputs));
      return torch::empty(sizes).uniform_(-bound, bound);
    };
    bias = register_parameter("bias", torch::zeros({N}));
    const auto encoder = register_module("encoder", std::make_shared<torch::nn::Module>("encoder"));
    encode_weight = encoder->register_parameter("weight", drawn({p.hidden_dim, N}, N));
    encode_bias = encoder->register_parameter("bias", drawn({p.hidden_dim}, N));
    const auto decoder = register_module("decoder", std::make_shared<torch::nn::Module>("decoder"));
    decode_weight = decoder->register_parameter("weight", drawn({N, p.hidden_dim}, p.hidden_dim));
  }

  at::Tensor forward(const at::Tensor& features, const plexiform::Given&) override {
    const auto code = encode(features);
    if (is_training()) code_ = code;
    return decode(code);
  }

  at::Tensor penalty() override {
    if (!code_.defined() || p.sparsity_factor == 0) return {};
    const auto active = p.sparsity_avg ? code_.sum(2).mean() : code_.sum();  // no feature is negative
    return p.sparsity_factor / static_cast<double>(bias.size(0)) * active;
  }

  void project() override { decode_weight.variable_data().copy_(dictionary().detach()); }

  void* ability(std::string_view name) override { return plexiform::offer<Taps>(*this, name); }
  std::vector<plexiform::Named> taps(const at::Tensor& features, const plexiform::Given&) override {
    const auto code = encode(features);
    return {{"code", code}, {"rate", decode(code)}};
  }

 private:
  at::Tensor encode(const at::Tensor& features) const {  // (B, N, T, H, W) -> (B, T, hidden)
    TORCH_CHECK_VALUE(features.size(1) == bias.size(0), "features of ", features.size(1), " channels for ",
                      bias.size(0));
    const auto x = features.mean(at::IntArrayRef{3, 4}).transpose(1, 2);
    return at::linear(x - bias, encode_weight, encode_bias).relu();
  }
  at::Tensor decode(const at::Tensor& code) const {
    return at::linear(code, compat_ && !is_training() ? decode_weight : dictionary()) + bias;
  }
  at::Tensor dictionary() const {  // (N, hidden)
    return decode_weight / decode_weight.norm(2, compat_ ? 1 : 0, /*keepdim=*/true).clamp_min(1e-12);
  }

  const Params p;
  const bool compat_;
  torch::Tensor bias, encode_weight, encode_bias, decode_weight;
  at::Tensor code_;  // of the last batch
};
PLEXIFORM_READOUT(SparseAutoencoder, "plexiform.readouts.SparseAutoencoder",
                  "few of many features that make up a population's activity",
                  plexiform::Alias<&SparseAutoencoder::openretina>{"openretina.models.sparse_autoencoder.Autoencoder"})
