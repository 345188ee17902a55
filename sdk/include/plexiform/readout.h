// A Readout maps a core's features to the predicted activity of the neurons of one session. The host owns the map
// session -> readout; a readout never reaches into its siblings.
// Notation  B batch, F features, T' time bins, H' x W' pixels, N neurons of the session.
#pragma once

#include <plexiform/component.h>
#include <plexiform/shape.h>

#include <memory>
#include <string>

namespace plexiform {

class Readout;

// What the host tells a readout that is being built. Fields are only ever added at the end.
struct ReadoutContext {
  Shape features;            // of a training window, after the core
  std::string session;       // the session's name
  int64_t neurons = 0;       // N >= 1
  at::Tensor mean_activity;  // (N) float32, mean training response per bin; undefined when unknown
  std::string compat;        // see CoreContext
  // What else the data say of the session, by name and as stored: positions, receptive fields, cell types.
  std::vector<Named> info = {};
  // The readout of the model's first session, for one that shares its parameters; null while that is built.
  std::shared_ptr<Readout> first = nullptr;
};

class Readout : public Component {
 public:
  // Predicted activity, in the units of the responses.
  //   features  (B, F, T', H', W')
  //   returns   (B, T', N); a readout that LooksBack (abilities.h): the last T' - history() bins
  virtual at::Tensor forward(const at::Tensor& features, const Given& given) = 0;
};

}  // namespace plexiform
