// torch::nn::Module made a component: write a module as usual, derive from CoreModule,
// ReadoutModule or LossModule, and its registered parameters and buffers are what is trained and
// saved. Costs 16 s of compile time: for plugin sources only.
#pragma once

#include <plexiform/core.h>
#include <plexiform/loss.h>
#include <plexiform/readout.h>
#include <torch/nn/module.h>

#include <unordered_set>

namespace plexiform {

template <class Interface>
class AsModule : public torch::nn::Module, public Interface {
 public:
  // In registration order; a tensor registered twice is listed once, under its first name.
  std::vector<Named> parameters() override { return once(this->named_parameters()); }
  std::vector<Named> buffers() override {
    auto all = once(this->named_buffers());
    std::erase_if(all, [&](const Named& b) { return transient_.contains(b.name); });
    return all;
  }
  void train(bool on = true) override { torch::nn::Module::train(on); }
  void to(at::Device device, at::ScalarType dtype) override {
    auto move = [&](at::Tensor& x) {  // integers, such as counts of batches, keep their type
      x.set_data(x.is_floating_point() ? x.to(device, dtype) : x.to(device));
    };
    for (auto& parameter : torch::nn::Module::parameters()) move(parameter);
    for (auto& buffer : torch::nn::Module::buffers()) move(buffer);
  }

 protected:
  // A buffer that moves with the module but is not saved, because it follows from the
  // hyperparameters.
  at::Tensor register_transient(const std::string& name, at::Tensor tensor) {
    transient_.insert(name);
    return this->register_buffer(name, std::move(tensor));
  }

 private:
  static std::vector<Named> once(const torch::OrderedDict<std::string, at::Tensor>& all) {
    std::vector<Named> result;
    std::unordered_set<const void*> seen;
    for (const auto& item : all) {
      if (item.value().defined() && seen.insert(item.value().unsafeGetTensorImpl()).second) {
        result.push_back({item.key(), item.value()});
      }
    }
    return result;
  }

  std::unordered_set<std::string> transient_;
};

using CoreModule = AsModule<Core>;
using ReadoutModule = AsModule<Readout>;
using LossModule = AsModule<Loss>;

}  // namespace plexiform
