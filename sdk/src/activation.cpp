#include <ATen/TensorOperators.h>
#include <ATen/ops/celu.h>
#include <ATen/ops/elu.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/hardtanh.h>
#include <ATen/ops/leaky_relu.h>
#include <ATen/ops/log_sigmoid.h>
#include <ATen/ops/mish.h>
#include <ATen/ops/relu6.h>
#include <ATen/ops/selu.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/softplus.h>
#include <plexiform/error.h>
#include <plexiform/layers/activation.h>

namespace plexiform::layers {

namespace {

struct Activation {
  const char* name;
  at::Tensor (*apply)(const at::Tensor& x);
};

constexpr Activation all[] = {
    {"ELU", [](const at::Tensor& x) { return at::elu(x); }},
    {"ReLU", [](const at::Tensor& x) { return x.relu(); }},
    {"LeakyReLU", [](const at::Tensor& x) { return at::leaky_relu(x); }},
    {"ReLU6", [](const at::Tensor& x) { return at::relu6(x); }},
    {"SELU", [](const at::Tensor& x) { return at::selu(x); }},
    {"CELU", [](const at::Tensor& x) { return at::celu(x); }},
    {"GELU", [](const at::Tensor& x) { return at::gelu(x); }},
    {"SiLU", [](const at::Tensor& x) { return at::silu(x); }},
    {"Mish", [](const at::Tensor& x) { return at::mish(x); }},
    {"Softplus", [](const at::Tensor& x) { return at::softplus(x); }},
    {"Softsign", [](const at::Tensor& x) { return x / (x.abs() + 1); }},
    {"Sigmoid", [](const at::Tensor& x) { return x.sigmoid(); }},
    {"LogSigmoid", [](const at::Tensor& x) { return at::log_sigmoid(x); }},
    {"Tanh", [](const at::Tensor& x) { return x.tanh(); }},
    {"Hardtanh", [](const at::Tensor& x) { return at::hardtanh(x); }},
    {"Identity", [](const at::Tensor& x) { return x; }},
};

}  // namespace

std::vector<const char*> activations() {
  std::vector<const char*> names;
  for (const auto& f : all) names.push_back(f.name);
  return names;
}

at::Tensor activate(const std::string& name, const at::Tensor& x) {
  std::vector<std::string> known;
  for (const auto& f : all) {
    if (f.name == name) return f.apply(x);
    known.push_back(f.name);
  }
  throw Error("nonlinearity", "is '" + name + "'", did_you_mean(name, known));
}

}  // namespace plexiform::layers
