#include "data_example.h"

#include <ATen/ops/arange.h>
#include <fmt/format.h>

#include <random>

namespace example {

using plexiform::data::Recordings;
using plexiform::data::Session;
using plexiform::data::Stimulus;

at::Tensor movie(int64_t k, int64_t channels, int64_t frames, int64_t height, int64_t width) {
  return at::arange(channels * frames * height * width, at::kFloat)
      .reshape({channels, frames, height, width})
      .add(10000.0 * static_cast<double>(k));
}

at::Tensor responses(int64_t k, int64_t neurons, int64_t frames) {
  return at::arange(frames, at::kFloat)
      .unsqueeze(0)
      .add(at::arange(neurons, at::kFloat).unsqueeze(1).div(8))
      .add(1000.0 * static_cast<double>(k));
}

Session session(const std::string& name, const std::vector<int64_t>& frames, int64_t neurons, int64_t test_frames) {
  Session session;
  session.name = name;
  session.neurons = neurons;
  int64_t k = 0;
  auto trial = [&](int64_t length) -> plexiform::data::Trial {
    const auto stimulus = std::make_shared<Stimulus>(fmt::format("s{}", k), movie(k, 1, length, 2, 3));
    return {stimulus, responses(k++, neurons, length), {}};
  };
  for (const int64_t length : frames) session.train.push_back(trial(length));
  session.tests.push_back(trial(test_frames));
  return session;
}

Recordings recordings(std::vector<Session> sessions) {
  return {.sessions = std::move(sessions), .channels = 1, .height = 2, .width = 3};
}

Origin origin(float response) {
  const auto value = static_cast<int64_t>(response);
  return {value / 1000, value % 1000};
}

Folder::Folder() {
  std::random_device random;
  path_ = std::filesystem::temp_directory_path() / fmt::format("plexiform-test-{}", random());
  std::filesystem::create_directories(path_);
}

Folder::~Folder() { std::filesystem::remove_all(path_); }

}  // namespace example
