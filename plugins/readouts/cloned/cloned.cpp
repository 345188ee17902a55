// cloned: the same neurons in another session: the first session's readout, rescaled.
//   rate[b,t,n] = alpha[n] first[b,t,n] + beta[n]
// Of the parameters only alpha and beta are its own; the first session's are trained by the batches of both. openretina's
// ClonedReadout by another name: there alpha and beta may make a rate negative (`positive: false`).
#include <plexiform/abilities.h>
#include <plexiform/module.h>
#include <plexiform/plugin.h>
#include <torch/types.h>

using plexiform::Error;
using plexiform::Inputs, plexiform::LinearDrive, plexiform::LooksBack, plexiform::Penalties, plexiform::Pictures,
    plexiform::Streaming, plexiform::Taps;

struct Cloned final : plexiform::ReadoutModule, Streaming, Taps, LinearDrive {
  struct Params {
    bool positive = true;
    void describe(auto& knob) { knob("positive", positive, {.doc = "no negative alpha or beta"}); }
  };
  static Params openretina() { return {.positive = false}; }

  Cloned(const plexiform::ReadoutContext& context, const Params& params) : p(params), first(context.first) {
    if (!first) {
      throw Error("", "has no readout to take over",
                  "name it under model.clone: the first session then has the readout of model.readout");
    }
    alpha = register_parameter("alpha", torch::ones({context.neurons}));
    beta = register_parameter("beta", torch::zeros({context.neurons}));
  }

  at::Tensor forward(const at::Tensor& x, const plexiform::Given& given) override {
    return rescaled(first->forward(x, given));
  }

  at::Tensor penalty() override { return first->penalty(); }

  void project() override {
    if (!p.positive) return;
    alpha.clamp_min_(0);
    beta.clamp_min_(0);
  }

  // The first's, but for those that tell its rates: these are rescaled.
  void* ability(std::string_view name) override {
    for (const auto same : {LooksBack::name, Inputs::name, Penalties::name, Pictures::name}) {
      if (name == same) return first->ability(name);
    }
    return first->ability(name) ? plexiform::offer<Streaming, Taps, LinearDrive>(*this, name) : nullptr;
  }

  void start(int64_t batch) override { of_first<Streaming>().start(batch); }
  at::Tensor step(const at::Tensor& frame, const plexiform::Given& given) override {
    const auto rate = of_first<Streaming>().step(frame, given);
    return rate.defined() ? rescaled(rate) : rate;
  }

  std::vector<plexiform::Named> taps(const at::Tensor& x, const plexiform::Given& given) override {
    auto all = of_first<Taps>().taps(x, given);
    all.push_back({"rescaled", rescaled(all.back().tensor)});
    return all;
  }

  at::Tensor weights() override {
    const auto all = of_first<LinearDrive>().weights();
    check_neurons(all.size(0));
    return all;
  }
  at::Tensor offsets() override { return of_first<LinearDrive>().offsets(); }
  at::Tensor rates(const at::Tensor& drive, const plexiform::Given& given) override {
    return rescaled(of_first<LinearDrive>().rates(drive, given));
  }

 private:
  template <class Ability>
  Ability& of_first() const {
    return *plexiform::ability<Ability>(*first);
  }

  void check_neurons(int64_t count) const {
    if (count == alpha.size(0)) return;
    throw Error("",
                "takes over " + std::to_string(count) + " neurons for a session of " + std::to_string(alpha.size(0)),
                "clone only between recordings of the same neurons, in the same order");
  }

  at::Tensor rescaled(const at::Tensor& rate) const {  // (.., N)
    check_neurons(rate.size(-1));
    return rate * alpha + beta;
  }

  const Params p;
  const std::shared_ptr<plexiform::Readout> first;  // the host's: its parameters are listed there
  torch::Tensor alpha, beta;
};
PLEXIFORM_READOUT(Cloned, "plexiform.readouts.Cloned", "the first session's readout, rescaled for each neuron",
                  plexiform::Alias<&Cloned::openretina>{"openretina.modules.readout.base.ClonedReadout"})
