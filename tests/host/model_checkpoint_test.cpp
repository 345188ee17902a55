// Which checkpoints are kept, and under which names.
#include <training/model_checkpoint.h>

#include <catch2/catch_test_macros.hpp>
#include <limits>

using namespace plexiform;
using namespace plexiform::training;

namespace {

CheckpointParams params(int64_t k, const std::string& mode = "min") {
  CheckpointParams all;
  all.save_top_k = k;
  all.mode = mode;
  all.filename = "{epoch:02d}_{val_loss:.2f}";
  return all;
}

Json row(int64_t epoch, double loss) { return {{"epoch", epoch}, {"val_loss", loss}}; }

}  // namespace

TEST_CASE("a template is filled in as Lightning does") {
  CHECK(checkpoint_name(params(1), row(7, 0.3124)) == "epoch=07_val_loss=0.31.safetensors");
  auto bare = params(1);
  bare.auto_insert_metric_name = false;
  CHECK(checkpoint_name(bare, row(7, 0.3124)) == "07_0.31.safetensors");
  bare.filename.reset();
  CHECK(checkpoint_name(bare, row(7, 0.3124)) == "best.safetensors");
}

TEST_CASE("the best k are kept, the worst of them makes room") {
  KeptCheckpoints kept(params(2));
  std::vector<std::string> lost;
  for (const auto& [epoch, loss] : {std::pair{0, 0.5}, {1, 0.4}}) {
    REQUIRE(kept.earns_a_place(loss));
    kept.add(row(epoch, loss), loss, lost);
  }
  CHECK(lost.empty());
  CHECK(kept.best() == "epoch=01_val_loss=0.40.safetensors");
  CHECK_FALSE(kept.earns_a_place(0.6));
  CHECK_FALSE(kept.earns_a_place(std::numeric_limits<double>::quiet_NaN()));
  CHECK(kept.earns_a_place(0.45));
  CHECK_FALSE(kept.is_best(0.45));
  kept.add(row(2, 0.45), 0.45, lost);
  CHECK(lost == std::vector<std::string>{"epoch=00_val_loss=0.50.safetensors"});
  CHECK(kept.best() == "epoch=01_val_loss=0.40.safetensors");
  KeptCheckpoints restored(params(2));
  restored.restore(kept.state());
  CHECK(restored.state() == kept.state());
  CHECK_FALSE(restored.earns_a_place(0.5));
}

TEST_CASE("two checkpoints never share a file") {
  auto same = params(-1, "max");
  same.filename = "model";
  KeptCheckpoints kept(same);
  std::vector<std::string> lost;
  CHECK(kept.add(row(0, 1), 1, lost) == "model.safetensors");
  CHECK(kept.add(row(1, 2), 2, lost) == "model-v1.safetensors");
  CHECK(kept.add(row(2, 3), 3, lost) == "model-v2.safetensors");
  CHECK(lost.empty());
  CHECK(kept.best() == "model-v2.safetensors");
  same.save_top_k = 1;
  KeptCheckpoints one(same);
  one.add(row(0, 1), 1, lost);
  CHECK(one.add(row(1, 2), 2, lost) == "model.safetensors");
  CHECK(lost.empty());  // it was replaced, and must not be removed
}
