// A recording of one session in the generic layout, of random numbers, and the overrides with which a published config is
// trained on it as a bench needs it.
#pragma once

#include <ATen/Context.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>
#include <data/array_files.h>
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

namespace bench {

// `batch` trials of `bins` frames, stimuli/train_*.npy, one for validation and one for the test.
//   shape  "C,H,W" of the stimulus
inline void write_data(const std::string& folder, const std::string& shape, int64_t neurons, int64_t batch,
                       int64_t bins) {
  long long c = 0, h = 0, w = 0;
  if (std::sscanf(shape.c_str(), "%lld,%lld,%lld", &c, &h, &w) != 3) {
    throw plexiform::Error(shape, "is no shape", "C,H,W");
  }
  at::manual_seed(1);  // LibTorch's own seed is another each time
  std::filesystem::create_directories(folder + "/stimuli");
  plexiform::data::Hdf5File session(folder + "/session.h5", plexiform::data::Hdf5File::Mode::create);
  auto write = [&](const std::string& name) {
    plexiform::data::write_npy(folder + "/stimuli/" + name + ".npy", at::randn({c, bins, h, w}));
    session.write("responses_" + name, at::rand({neurons, bins}));
  };
  for (int64_t i = 0; i < batch; ++i) write(fmt::format("train_{:04}", i));
  write("validation");  // after them: the last clip
  write("test");
  session.close();
}

// Every batch holds all training trials, so an epoch is one step; nothing is validated before the last of `epochs`.
inline std::vector<std::string> overrides(const std::string& data, int64_t batch, int64_t bins, int64_t epochs) {
  return {"data_io=hdf5_folder",
          "dataloader=clips",
          "++data_io.test_names=[test]",
          "++data_io.norm_mean=0",
          "++data_io.norm_std=1",
          fmt::format("++dataloader.batch_size={}", batch),
          fmt::format("++dataloader.train_chunk_size={}", bins),
          fmt::format("++dataloader.clip_length={}", bins),
          "++dataloader.num_val_clips=1",
          fmt::format("++dataloader.val_clip_indices=[{}]", batch),
          fmt::format("++trainer.max_epochs={}", epochs),
          fmt::format("++trainer.check_val_every_n_epoch={}", epochs),
          "++trainer.num_sanity_val_steps=0",
          "++trainer.precision=32-true",
          "++trainer.accumulate_grad_batches=1",
          "++trainer.gradient_clip_val=1",
          "paths.data_dir=" + data};
}

}  // namespace bench
