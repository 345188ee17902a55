#include <openretina/absent.h>

#include <utility>
#include <vector>

namespace plexiform::openretina {

namespace {

struct Absent {
  std::string problem, fix;  // "is an abstract class", "choose ..."
};
using Reasons = std::vector<std::pair<std::string, Absent>>;

// A name that ends in '.' stands for all that begin so; the first that fits counts.
const Reasons& reasons() {
  static const Absent abstract = {"is an abstract class, from which openretina derives the others",
                                  "choose one of those: plexiform plugins list"};
  static const Absent layer = {"is a layer, which is an option of cores and readouts here, not a part of its own",
                               "plugins/README.md says which option: convolution_type, nonlinearity, gamma_..."};
  static const Absent ensemble = {"is made of models that are trained already",
                                  "train its members, then join them: plexiform ensemble RUN RUN ..."};
  static const Reasons all = {
      {"openretina.modules.core.base_core.Core", abstract},
      {"openretina.modules.core.base_core.Core3d", abstract},
      {"openretina.modules.readout.base.Readout", abstract},
      {"openretina.modules.readout.multi_readout.MultiReadoutBase", abstract},
      {"openretina.modules.layers.ensemble.EnsembleModel", ensemble},
      {"openretina.modules.layers.EnsembleModel", ensemble},
      {"openretina.modules.layers.", layer},
      {"openretina.modules.nonlinearities.", layer},
      {"openretina.models.dev.",
       {"is unfinished, and does not run in openretina either",
        "use openretina.models.core_readout.UnifiedCoreReadout"}},
      {"openretina.models.sparse_autoencoder.ActivationsDataset",
       {"is how a script hands activity to openretina's trainer", "plexiform predict RUN MOVIE.npy -o DIR writes it"}},
      {"openretina.models.sparse_autoencoder.AutoencoderWithModel",
       {"is two trained models, one behind the other",
        "plexiform predict RUN MOVIE.npy -o DIR, then plexiform predict AUTOENCODER DIR/stimuli/MOVIE.npy --tap code"}},
      {"openretina.legacy.dev_models.",
       {"is unfinished, and needs another package in openretina",
        "use openretina.modules.core.gru_core.ConvGRUCore and "
        "openretina.modules.readout.multi_readout.MultiSampledGaussianReadout"}},
  };
  return all;
}

}  // namespace

void refuse_absent(const config::Node& target, const std::string& path) {
  for (const auto& [name, reason] : reasons()) {
    if (name.ends_with('.') ? !target.string.starts_with(name) : target.string != name) continue;
    throw Error(config::where(target, path), "'" + target.string + "' " + reason.problem, reason.fix);
  }
}

}  // namespace plexiform::openretina
