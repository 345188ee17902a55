// The conformance kit against a plugin that breaks the contract in one known way at a time (fixtures/faults.cpp).
#include <conformance/conformance.h>
#include <conformance/specimen.h>
#include <plugins/isolated.h>

#include <catch2/catch_test_macros.hpp>

#include "plugin_file.h"

using namespace plexiform;
using conformance::Status;

namespace {

struct Fault {
  const char* knobs;
  const char* check;  // that notices it
  const char* seen;   // part of what it says
};

// One check, in a child process: LibTorch runs no operator in this one.
conformance::Result checked(const std::string& name, const std::string& knobs, const std::string& check) {
  const auto ended = plugins::run_isolated(
      [&] {
        conformance::Subject subject;
        subject.component = &testing::find_component(FAULTS, name);
        subject.knobs = testing::knobs_from_yaml(knobs);
        if (subject.component->kind != PLEXIFORM_LOSS_KIND) subject.input = {2, 8, 5, 4};
        for (const auto& one : conformance::checks(subject.component->kind)) {
          if (one.name != check) continue;
          const auto result = conformance::run(one, subject);
          return Json{{"status", text(result.status)}, {"seen", result.seen}}.dump();
        }
        return Json{{"status", "no such check"}, {"seen", ""}}.dump();
      },
      std::chrono::seconds(2));
  if (!ended.problem.empty()) return {check, Status::failed, "", ended.problem, ""};
  const Json answer = Json::parse(ended.answer);
  INFO(answer.dump());
  CHECK(answer["status"] != "no such check");
  const auto status = answer["status"] == "failed"   ? Status::failed
                      : answer["status"] == "passed" ? Status::passed
                                                     : Status::not_run;
  return {check, status, "", answer["seen"], ""};
}

void expect_caught(const std::string& name, const std::vector<Fault>& faults) {
  for (const auto& fault : faults) {
    const auto result = checked(name, fault.knobs, fault.check);
    INFO(fault.knobs << " seen by '" << fault.check << "': " << result.seen);
    CHECK(result.status == Status::failed);
    CHECK(result.seen.find(fault.seen) != std::string::npos);
  }
}

}  // namespace

TEST_CASE("a component without a fault passes every check") {
  for (const auto& [name, kind] :
       {std::pair{"fixtures.cores.Faulty", PLEXIFORM_CORE_KIND}, {"fixtures.losses.Faulty", PLEXIFORM_LOSS_KIND}}) {
    for (const auto& check : conformance::checks(kind)) {
      const auto result = checked(name, "{}", check.name);
      INFO(name << ", " << check.name << ": " << result.seen);
      // The fault-free loss offers no ability, nor has any of them a linear drive; nobody asks for a GPU.
      const bool may_not_run = std::string(check.name) == "CUDA" || std::string(check.name) == "linear drive" ||
                               (kind == PLEXIFORM_LOSS_KIND && result.seen == "not offered");
      const bool not_offered = result.status == Status::not_run && may_not_run;
      CHECK((result.status == Status::passed || not_offered));
    }
  }
}

TEST_CASE("the kit catches a core that breaks its contract") {
  expect_caught(
      "fixtures.cores.Faulty",
      {
          {"{fault: wrong_shape}", "output shape", "output_shape says [1, 2, 6, 5, 4], forward makes [1, 2, 6, 5, 3]"},
          {"{fault: any_channels}", "wrong channels", "says (C 2, T 6, H 5, W 4) for a stimulus of 3"},
          {"{fault: sees_the_future}", "causality", "declared causal, but an output bin moves when the bin 1 after it"},
          {"{fault: claims_acausal}", "causality", "declared acausal, but no output bin moves"},
          {"{fault: understates_history}", "history",
           "declared 1 bins, but an output bin moves when the bin 2 before it"},
          {"{fault: overstates_history}", "history", "declared 3 bins, but the last output bin sees only 2 back"},
          {"{fault: nan}", "finite output", "NaN or infinity in the output"},
          {"{fault: zeros}", "finite output", "an output of zeros"},
          {"{fault: writes_to_input}", "input unchanged", "forward changed its input"},
          {"{fault: ignores_strides}", "non-contiguous input", "channels-last tensor give another output"},
          {"{fault: keeps_inference_tensor}", "inference mode", "Inference tensors cannot be saved for backward"},
          {"{fault: draws_in_evaluation}", "deterministic evaluation", "pass 2 differs from pass 1"},
          {"{fault: shares_a_static}", "two threads", "two instances that run side by side give other outputs"},
          {"{fault: mixes_samples}", "samples apart", "two samples in one batch give another output than one by one"},
          {"{fault: no_gradient}", "gradients", "input has no gradient"},
          {"{fault: wrong_gradient}", "gradient check", "autograd "},
          {"{fault: throws_in_backward}", "gradients", "no backward today"},
          {"{fault: needs_itself}", "graph outlives component", "read of a core that is gone"},
          {"{fault: same_name_twice}", "names", "two tensors are called weight"},
          {"{fault: draws_elsewhere}", "same seed, same bits", "weight has other values the second time"},
          {"{fault: forgets_a_buffer}", "save and load", "something that forward uses is not among them"},
          {"{fault: wanders}", "project settles", "a second call moves weight by 0.1"},
          {"{fault: stays_float}", "float64", "after to(float64), level is Float"},
          {"{fault: never_learns}", "learns", "the loss went from "},
      });
}

TEST_CASE("a core that refuses in forward what it took before is caught") {
  expect_caught(
      "fixtures.cores.Faulty",
      {
          {"{fault: refuses_long_clips}", "output shape",
           "for a stimulus (C 2, T 9, H 5, W 4) it is created, but forward throws the clip is long"},
          {"{fault: refuses_large_frames}", "output shape",
           "for a stimulus (C 2, T 8, H 7, W 4) it is created, but forward throws the frame is large"},
          {"{fault: refuses_in_forward}", "200 settings", "it is created, but forward throws features: is not 2"},
      });
}

TEST_CASE("settings that are all refused do not pass for settings that run") {
  expect_caught("fixtures.cores.Faulty", {{"{fault: refuses_all}", "200 settings",
                                           "200 of 200 are refused, so that few have run; the last with "}});
}

TEST_CASE("the kit catches components that serve one session only") {
  expect_caught("fixtures.cores.Faulty",
                {
                    {"{fault: counts_sessions}", "sessions", "built for a further session, it saves no 'weight_1'"},
                    {"{fault: prefers_a_session}", "sessions", "a further session has other features than a movie"},
                });
  expect_caught("fixtures.readouts.Careless",
                {{"{shared: true}", "sessions", "for 5 neurons a prediction of shape [2, 8, 3]"}});
  expect_caught("fixtures.losses.Faulty",
                {{"{fault: knows_one_session}", "sessions", "The expanded size of the tensor"}});
}

TEST_CASE("the kit catches a core that touches its surroundings") {
  expect_caught(
      "fixtures.cores.Faulty",
      {
          {"{fault: leaks}", "no growth", "each 25 instances leave at least "},
          {"{fault: leaves_a_thread}", "settings untouched", "the number of threads went from "},
          {"{fault: leaves_a_file}", "settings untouched", "the number of open files went from "},
          {"{fault: changes_dtype}", "settings untouched", "LibTorch's default dtype went from float to double"},
          {"{fault: changes_threads}", "settings untouched", "LibTorch's number of threads went from "},
          {"{fault: seeds}", "settings untouched", "LibTorch's random seed went from "},
          {"{fault: sets_environment}", "settings untouched", "the environment variables changed"},
          {"{fault: sets_locale}", "settings untouched", "the C locale went from C to "},
          {"{fault: prints}", "silent", "create and forward print \"hello\n"},
      });
}

TEST_CASE("a core that ends the process ends one check") {
  expect_caught("fixtures.cores.Faulty", {
                                             {"{fault: segfaults}", "finite output", "crashed (SIGSEGV)"},
                                             {"{fault: hangs}", "finite output", "hung for 2 s"},
                                             {"{fault: exits}", "finite output", "ended the process (exit status 0)"},
                                             {"{fault: throws_in_forward}", "finite output", "no forward today"},
                                         });
}

TEST_CASE("the kit catches an ability that does not do what it says") {
  expect_caught("fixtures.cores.Faulty",
                {
                    {"{fault: step_differs}", "streaming", "step() and forward differ by "},
                    {"{fault: start_remembers}", "streaming", "step() made "},
                    {"{fault: nan_picture}", "pictures", "NaN or infinity in kernel"},
                    {"{fault: other_last_tap}", "taps", "the last, output, is not what forward returns"},
                    {"{fault: penalties_differ}", "penalties", "they add up to "},
                    {"{fault: needs_unlisted_input}", "inputs", "no pupil"},
                    {"{fault: knows_every_ability}", "unknown ability", "is not null"},
                });
  CHECK(checked("fixtures.readouts.Careless", "{}", "linear drive").status == Status::passed);
  expect_caught(
      "fixtures.readouts.Careless",
      {{"{detached: true}", "linear drive", "the gradient of 'weight' through rates() and through forward differ by "},
       {"{drops: true}", "linear drive", "while training, rates() and forward differ by "}});
}

TEST_CASE("the kit catches knobs that do not do what they say") {
  expect_caught("fixtures.readouts.Careless",
                {
                    {"{}", "knobs described", "undocumented has no doc"},
                    {"{}", "range", "width: 0 is accepted, though its min is 1"},
                    {"{}", "range", "width: 5 is accepted, though its max is 4"},
                    {"{}", "wrong type", "width: {\"not\":\"a value\"} is accepted"},
                    {"{misshapen: true}", "output shape", "make a prediction of shape [1, 3, 8]"},
                    {"{picky: true}", "output shape", "it is created, but forward throws the maps are large"},
                });
  expect_caught("fixtures.cores.Faulty", {{"{fault: asserts}", "200 settings", "features was 4"}});
}

TEST_CASE("the kit catches a loss that breaks its contract") {
  expect_caught(
      "fixtures.losses.Faulty",
      {
          {"{fault: sum_as_mean}", "reduction", "declared a mean, but the same batch twice turns the loss from "},
          {"{fault: broadcasts}", "misfits", "is accepted: a broadcast hides wrong data"},
          {"{fault: aligned_at_the_start}", "alignment", "bin 0 of the target changes the loss"},
          {"{fault: weighs_neurons}", "neuron order", "neurons in another order change the loss by "},
          {"{fault: rises}", "learns", "the loss went from "},
          {"{fault: wrong_shape}", "output shape", "for 3 neurons, a loss of shape [2, 5]"},
          {"{fault: writes_to_target}", "input unchanged", "forward wrote to the target"},
      });
}

TEST_CASE("a loss of sessions is held to what it promises for a batch of a session") {
  expect_caught(
      "fixtures.losses.Faulty",
      {
          {"{fault: session_aligned_at_the_start}", "alignment", "for a batch of a session, bin 0 of the target"},
          {"{fault: session_broadcasts}", "misfits", "for a batch of a session, a prediction "},
          {"{fault: session_sum_as_mean}", "reduction", "for a batch of a session, declared a mean"},
      });
}
