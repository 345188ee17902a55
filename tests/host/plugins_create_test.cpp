#include <plugins/host/load.h>

#include <catch2/catch_test_macros.hpp>

using namespace plexiform;
using namespace plexiform::plugins;

TEST_CASE("a core is created by its name, and tells where it comes from") {
  auto catalogue = Catalogue::discover({{}, {PLUGIN_DIR}}, Cache(""));
  const auto made =
      create_core(catalogue, "plexiform.cores.Linear", {{"kernel", 5}}, {{1, 4, 8, 8}, ""});
  CHECK(made.component->output_shape({1, 4, 8, 8}) == Shape{16, 4, 4, 4});
  CHECK(made.provenance.name == "plexiform.cores.Linear");
  CHECK(made.provenance.plugin == "linear");
  CHECK(made.provenance.knobs == Json{{"features", 16}, {"kernel", 5}, {"smoothness", 0.0}});
  CHECK(made.provenance.sha256.size() == 64);
}
