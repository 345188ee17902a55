// What a plugin's test uses: build a component of the plugin by name, check its contract, compare it with golden
// numbers. A test is a Catch2 program that plexiform_add_plugin(name sources... TEST name_test.cpp) builds:
//
//   TEST_CASE("linear keeps the core contract") {
//     check_core_contract("plexiform.cores.Linear", "{kernel: 5}", {1, 4, 9, 8});
//   }
//
// Knobs are written as a config would have them, in YAML. A component that the plugin refuses to build throws the Error
// that the host would show. Float32, CPU.
#pragma once

#include <plexiform/core.h>
#include <plexiform/error.h>
#include <plexiform/loss.h>
#include <plexiform/readout.h>

#include <functional>
#include <memory>

#ifndef PLEXIFORM_PLUGIN_FILE  // both are set by plexiform_add_plugin
#define PLEXIFORM_PLUGIN_FILE ""
#endif
#ifndef PLEXIFORM_TEST_FOLDER
#define PLEXIFORM_TEST_FOLDER ""
#endif

namespace plexiform::testing {

// ---- Building

std::shared_ptr<Core> make_core(const std::string& name, const std::string& knobs, const Shape& stimulus,
                                const std::string& compat = "", const std::string& plugin = PLEXIFORM_PLUGIN_FILE);
// With all that a host may say of a model.
std::shared_ptr<Core> make_core(const CoreContext& context, const std::string& name, const std::string& knobs,
                                const std::string& plugin = PLEXIFORM_PLUGIN_FILE);
std::shared_ptr<Readout> make_readout(const std::string& name, const std::string& knobs, const ReadoutContext& context,
                                      const std::string& plugin = PLEXIFORM_PLUGIN_FILE);
std::shared_ptr<Loss> make_loss(const std::string& name, const std::string& knobs, const std::string& compat = "",
                                const std::string& plugin = PLEXIFORM_PLUGIN_FILE);
std::shared_ptr<Loss> make_loss(const std::string& name, const std::string& knobs, const LossContext& context,
                                const std::string& plugin = PLEXIFORM_PLUGIN_FILE);

// The parameter or buffer of that name; throws Error when there is none.
at::Tensor tensor(Component& component, const std::string& name);

// What `body` is refused with, as a user reads it, "kernel: is 14\n  fix: use 13 or 15 (filter side, px)"; "accepted" when it is not.
std::string refusal_of(const std::function<void()>& body);

// ---- Known numbers

// Element i of trainable parameter k becomes size sin(0.37 (i + 1) + k): every element different,
// none special.
void fill(Component& component, double size = 0.1);

// Element i is sin(0.11 i) + 0.5 cos(0.037 i).
at::Tensor wave(at::IntArrayRef sizes);

// Compares `actual` with an entry of a JSON file that golden.py wrote: shape, first three and last
// elements, sum, sum of squares, and a sum weighted by sin(0.37 (i + 1)), which notices a
// transposed axis. `tolerance` is relative.
void check_golden(const std::string& key, const at::Tensor& actual, double tolerance = 1e-5,
                  const std::string& file = PLEXIFORM_TEST_FOLDER "/golden.json");

// sum_i x_i sin(0.37 (i + 1)): a scalar that depends on every element, to differentiate.
at::Tensor weighted_sum(const at::Tensor& x);

// ---- Contracts
// Each runs the whole conformance kit (conformance/conformance.h: what it checks and where the contract says so) on the
// component with these knobs, and reports each check that fails: what was expected, what was seen, where to look. `plexiform
// plugins check` runs the same, each check in a process of its own.

void check_core_contract(const std::string& name, const std::string& knobs, const Shape& stimulus,
                         const std::string& compat = "", const std::string& plugin = PLEXIFORM_PLUGIN_FILE);
// Of `context`, the features and compat: the kit brings neurons of its own.
void check_readout_contract(const std::string& name, const std::string& knobs, const ReadoutContext& context,
                            const std::string& plugin = PLEXIFORM_PLUGIN_FILE);
void check_loss_contract(const std::string& name, const std::string& knobs, const std::string& compat = "",
                         const std::string& plugin = PLEXIFORM_PLUGIN_FILE);

// d value / d leaf for some elements of each leaf and along a random direction of all of them, by autograd and by central
// differences; leaves are float64.
void check_gradients(const std::function<at::Tensor()>& value, const std::vector<Named>& leaves);

}  // namespace plexiform::testing
