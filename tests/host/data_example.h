// Recordings in which every value tells where it is from, and folders for files.
// Only declarations: LibTorch's operator headers define a CHECK that would hide Catch's.
#pragma once

#include <data/recordings.h>

#include <filesystem>
#include <string>
#include <vector>

namespace example {

// (C, T, H, W) float32: pixel (c, t, h, w) of stimulus number k is 10000 k + ((c T + t) H + h) W + w.
at::Tensor movie(int64_t k, int64_t channels, int64_t frames, int64_t height, int64_t width);

// (N, T) float32: neuron n responds with 1000 k + t + n / 8 to frame t of stimulus number k.
at::Tensor responses(int64_t k, int64_t neurons, int64_t frames);

// Training trials of the given lengths, stimuli s0, s1, ..., and a test; one channel, 2 x 3 pixels.
plexiform::data::Session session(const std::string& name, const std::vector<int64_t>& frames, int64_t neurons = 2,
                                 int64_t test_frames = 40);

plexiform::data::Recordings recordings(std::vector<plexiform::data::Session> sessions);

// Where a response of neuron 0 is from.
struct Origin {
  int64_t trial, frame;
  bool operator==(const Origin&) const = default;
};
Origin origin(float response);

// A folder that goes with the test.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;

  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace example
