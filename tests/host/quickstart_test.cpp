// The quickstart, whole: what a newcomer's first command promises.
#include <config/compose.h>
#include <config/resolve.h>
#include <data/array_files.h>
#include <data/batches.h>
#include <insilico/receptive_fields.h>
#include <model/bundle.h>

#include <catch2/catch_test_macros.hpp>

#include "../command.h"
#include "../folder.h"
#include "needed_plugins.h"

using namespace plexiform;

TEST_CASE("the quickstart reaches 0.8 of the noise ceiling, and finds receptive fields where they are") {
  need_quickstart_plugins();
  const Folder folder;
  const std::string data = folder / "data", trained = folder / "run";
  REQUIRE(run({"create-data", data}, folder / "log").code == 0);
  const auto ran =
      run({"train", "--config-name=quickstart", "paths.data_dir=" + data, "hydra.run.dir=" + trained}, folder / "log");
  INFO(ran.output);
  REQUIRE(ran.code == 0);

  const auto scores = config::Json::parse(content(trained + "/scores.json"));
  CHECK(scores.at("summary").at("normalized_correlation").at("median").get<double>() > 0.8);

  config::Request request{{trained + "/model"}, "config", {}};
  auto composition = config::compose(request);
  config::set_output_folder(composition, trained);
  const auto resolved = config::resolve(composition.job, {composition.hydra});
  auto catalogue = plugins::Catalogue::discover(plugins::search_order());
  const auto bundle = model::read_bundle(trained + "/model", catalogue);
  const auto recordings = data::read_recordings(resolved);
  const auto split = data::split(recordings, data::read_loader(resolved), bundle.model.lag());
  int64_t close = 0, cells = 0;
  for (const auto& part : split.validation) {
    const auto& windows = part.windows;
    const auto stimuli = data::gather(recordings, part, windows).stimulus.slice(2, 0, bundle.model.lag() + 1);
    const auto fields = insilico::receptive_fields(
        [&](const at::Tensor& stimulus) { return bundle.model.forward(stimulus, part.session); }, stimuli);
    const data::Hdf5File truth(data + "/ground_truth/" + recordings.sessions[part.session].name + ".h5");
    const auto distance =
        insilico::receptive_field_centers(fields).to(at::kDouble).sub(truth.read("centers").to(at::kDouble)).norm(2, 1);
    close += distance.le(1.5).sum().item<int64_t>();  // px; not a number counts as far
    cells += distance.numel();
  }
  INFO(close << " of " << cells << " cells within 1.5 px");
  CHECK(close >= 0.8 * static_cast<double>(cells));
}
