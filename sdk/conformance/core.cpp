// What core.h promises: shapes, and what an output bin sees.
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>

#include "specimen.h"
#include "topics.h"

namespace plexiform::conformance {

namespace {

void shapes(const Subject& subject) {
  const Shape& s = subject.input;
  const auto check = [&](const Specimen& specimen, const Shape& shape, int64_t batch) {
    const auto promised = sizes(batch, specimen.core().output_shape(shape));
    const auto y = specimen.run_or_break(specimen.input(batch, shape), str("for a stimulus ", shape.text()));
    expect(y.sizes() == promised, str("for a stimulus ", shape.text(), " and batch ", batch, ", output_shape says ",
                                      c10::IntArrayRef(promised), ", forward makes ", y.sizes()));
  };
  const auto takes = [](const Specimen& specimen, const Shape& shape) {
    try {
      specimen.core().output_shape(shape);
      return true;
    } catch (const Error&) {  // it does not have to take every size, but has to say so before forward
      return false;
    }
  };
  const Specimen specimen(subject);
  check(specimen, s, 1);
  check(specimen, s, 3);
  for (const auto& [bins, rows, columns] :
       {std::tuple{1, 0, 0}, {3, 0, 0}, {17, 0, 0}, {0, 2, 0}, {0, 0, 3}, {1, 7, 4}}) {
    Subject other = subject;  // a core may refuse frames that it was not built for, so it is built for them
    other.input = {s.channels, s.time + bins, s.height + rows, s.width + columns};
    if (const auto built = build(other); built && takes(*built, other.input)) check(*built, other.input, 2);
    if (rows == 0 && columns == 0 && takes(specimen, other.input)) check(specimen, other.input, 2);
  }
}

void wrong_channels(const Subject& subject) {
  const Specimen specimen(subject);
  Shape other = subject.input;
  ++other.channels;
  try {
    const Shape shape = specimen.core().output_shape(other);
    throw Broken{str("a core for ", subject.input.channels, " channels says ", shape.text(), " for a stimulus of ",
                     other.channels)};
  } catch (const Error&) {
  }
}

// Changes one bin of the stimulus and looks which output bins move. Output bin j belongs to stimulus bin j + T - T'.
struct Sight {
  std::vector<int64_t> ages;  // of changed bins that moved an output bin: 0 its own, 1 the one before, -1 the next
  int64_t newest_output = 0;  // the oldest age that moved the last output bin
};
Sight look(const Specimen& specimen, const Shape& shape) {
  at::NoGradGuard no_grad;
  specimen->train(false);
  specimen->to(at::kCPU, at::kDouble);  // new weights can be tiny
  const auto x = specimen.input(1, shape).to(at::kDouble);
  const auto y = specimen.run(x);
  const int64_t before = shape.time - y.size(2);
  const double noise = 1e-12 * y.abs().max().item<double>();
  Sight sight;
  for (int64_t bin = 0; bin < shape.time; ++bin) {
    auto changed = x.clone();
    changed.select(2, bin).add_(1);
    const auto moved = (specimen.run(changed) - y).abs().amax({0, 1, 3, 4});  // (T')
    for (int64_t j = 0; j < moved.size(0); ++j) {
      if (!(moved[j].item<double>() > noise)) continue;
      const int64_t age = j + before - bin;
      sight.ages.push_back(age);
      if (j + 1 == moved.size(0)) sight.newest_output = std::max(sight.newest_output, age);
    }
  }
  return sight;
}

void causality(const Subject& subject) {
  const Specimen specimen(subject);
  const bool causal = specimen.core().temporal().causal;
  int64_t later = 0;
  for (const int64_t age : look(specimen, subject.input).ages) later = std::min(later, age);
  if (causal) {
    expect(later == 0, str("declared causal, but an output bin moves when the bin ", -later, " after it changes"));
  } else {
    expect(later < 0, "declared acausal, but no output bin moves when a later bin changes");
  }
}

void history(const Subject& subject) {
  const Specimen specimen(subject);
  const int64_t declared = specimen.core().temporal().history;
  expect(declared >= 0, str("a history of ", declared, " bins"));
  const auto sight = look(specimen, subject.input);
  int64_t oldest = 0;
  for (const int64_t age : sight.ages) oldest = std::max(oldest, age);
  expect(!sight.ages.empty(), "no output bin moves, whatever bin changes");
  expect(oldest <= declared,
         str("declared ", declared, " bins, but an output bin moves when the bin ", oldest, " before it changes"));
  // A longer history than the clip (a recurrent core) cannot be seen to its end.
  if (declared < subject.input.time) {
    expect(sight.newest_output == declared,
           str("declared ", declared, " bins, but the last output bin sees only ", sight.newest_output, " back"));
  }
}

}  // namespace

Checks core_checks() {
  return {
      {"output shape", "forward makes (B, F, T', H', W') as output_shape says", "plexiform/core.h, Core::output_shape",
       &shapes},
      {"wrong channels", "output_shape throws Error for a stimulus with other channels",
       "plexiform/core.h, Core::output_shape", &wrong_channels},
      {"causality", "an output bin sees later bins exactly if temporal().causal is false",
       "plexiform/core.h, Temporal::causal", &causality},
      {"history", "temporal().history is how many bins before its own an output bin sees",
       "plexiform/core.h, Temporal::history", &history},
  };
}

}  // namespace plexiform::conformance
