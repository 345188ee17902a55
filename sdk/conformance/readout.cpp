// What readout.h promises.
#include <ATen/TensorOperators.h>
#include <plexiform/abilities.h>

#include "specimen.h"
#include "topics.h"

namespace plexiform::conformance {

namespace {

void shapes(const Subject& subject) {
  const Specimen specimen(subject);
  const auto check = [&](const Specimen& one, const Shape& shape, int64_t batch) {
    const auto y = one.run_or_break(one.input(batch, shape), str("for features ", shape.text()));
    const auto* looks_back = ability<LooksBack>(*one);
    const std::vector<int64_t> promised = {batch, shape.time - (looks_back ? looks_back->history() : 0), neurons};
    expect(y.sizes() == promised, str("features ", shape.text(), ", batch ", batch, " and ", neurons,
                                      " neurons make a prediction of shape ", y.sizes()));
  };
  const Shape& s = subject.input;
  for (const int64_t batch : {1, 3}) check(specimen, s, batch);
  for (const int64_t more : {1, 17}) check(specimen, {s.channels, s.time + more, s.height, s.width}, 2);
  Subject other = subject;  // a readout takes the maps that it was built for
  other.input = {s.channels + 1, s.time, s.height + 2, s.width + 3};
  if (const auto built = build(other)) check(*built, other.input, 2);  // a knob may say its size
}

}  // namespace

Checks readout_checks() {
  return {{"output shape", "forward makes (B, T', N), less what it says it looks back",
           "plexiform/readout.h, Readout::forward", &shapes}};
}

}  // namespace plexiform::conformance
