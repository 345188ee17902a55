#include <conformance/conformance.h>
#include <conformance/gradient.h>

#include <catch2/catch_test_macros.hpp>

#include "plugin_file.h"
#include "testing.h"

namespace plexiform::testing {

namespace {

void check_contract(const std::string& name, const std::string& knobs, const Shape& input, const std::string& compat,
                    const std::string& plugin) {
  INFO(name << " " << knobs);
  const conformance::Subject subject = {&find_component(plugin, name), knobs_from_yaml(knobs), input, compat};
  for (const auto& check : conformance::checks(subject.component->kind)) {
    const auto result = conformance::run(check, subject);
    INFO(result.check << "\n  expected: " << result.expected << "\n  seen:     " << result.seen
                      << "\n  look at:  " << result.look_at);
    CHECK(result.status != conformance::Status::failed);
  }
}

}  // namespace

void check_core_contract(const std::string& name, const std::string& knobs, const Shape& stimulus,
                         const std::string& compat, const std::string& plugin) {
  check_contract(name, knobs, stimulus, compat, plugin);
}

void check_readout_contract(const std::string& name, const std::string& knobs, const ReadoutContext& context,
                            const std::string& plugin) {
  check_contract(name, knobs, context.features, context.compat, plugin);
}

void check_loss_contract(const std::string& name, const std::string& knobs, const std::string& compat,
                         const std::string& plugin) {
  check_contract(name, knobs, {}, compat, plugin);
}

void check_gradients(const std::function<at::Tensor()>& value, const std::vector<Named>& leaves) {
  const auto report = conformance::compare_gradients(value, leaves);
  for (const auto& wrong : report.wrong) {
    INFO(wrong);
    CHECK(report.wrong.empty());
  }
  INFO(report.kinks << " of " << report.smooth + report.kinks << " differences straddle a kink");
  CHECK(report.smooth > report.kinks);
}

}  // namespace plexiform::testing
