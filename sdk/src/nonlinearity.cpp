#include <ATen/TensorOperators.h>
#include <ATen/ops/softplus.h>
#include <plexiform/error.h>
#include <plexiform/layers/nonlinearity.h>

namespace plexiform::layers {

namespace {

struct Nonlinearity {
  const char* name;
  at::Tensor (*apply)(const at::Tensor& x);
  at::Tensor (*invert)(const at::Tensor& y);
};

constexpr double least_rate = 1e-3;

at::Tensor softplus(const at::Tensor& x) { return at::softplus(x); }
at::Tensor inverse_softplus(const at::Tensor& y) {  // ln(e^y - 1), without overflow
  const auto rate = y.clamp_min(least_rate);
  return rate + rate.neg().exp().neg().log1p();
}

constexpr Nonlinearity all[] = {
    {"softplus", softplus, inverse_softplus},
    {"parametrized_softplus", softplus, inverse_softplus},  // as it starts; what is learned is in readout.cpp
    {"exp", [](const at::Tensor& x) { return x.exp(); },
     [](const at::Tensor& y) { return y.clamp_min(least_rate).log(); }},
    {"relu", [](const at::Tensor& x) { return x.relu(); }, [](const at::Tensor& y) { return y.clamp_min(least_rate); }},
    {"identity", [](const at::Tensor& x) { return x; }, [](const at::Tensor& y) { return y; }},
};

const Nonlinearity& find(const std::string& name) {
  std::vector<std::string> known;
  for (const auto& f : all) {
    if (f.name == name) return f;
    known.push_back(f.name);
  }
  throw Error("nonlinearity", "is '" + name + "'", did_you_mean(name, known));
}

}  // namespace

std::vector<const char*> nonlinearities() {
  std::vector<const char*> names;
  for (const auto& f : all) names.push_back(f.name);
  return names;
}

at::Tensor apply_nonlinearity(const std::string& name, const at::Tensor& x) { return find(name).apply(x); }

at::Tensor invert_nonlinearity(const std::string& name, const at::Tensor& y) { return find(name).invert(y); }

}  // namespace plexiform::layers
