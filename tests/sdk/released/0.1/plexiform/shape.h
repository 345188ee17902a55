// The shape of a movie or of feature maps without its batch axis: (C, T, H, W), row 0 on top.
#pragma once

#include <cstdint>
#include <string>

namespace plexiform {

struct Shape {
  int64_t channels = 0;  // C of a stimulus, F of feature maps
  int64_t time = 0;      // T, bins
  int64_t height = 0;    // H, rows in px
  int64_t width = 0;     // W, columns in px

  bool operator==(const Shape&) const = default;
  int64_t numel() const { return channels * time * height * width; }
  bool empty() const { return channels <= 0 || time <= 0 || height <= 0 || width <= 0; }
  std::string text() const {
    return "(C " + std::to_string(channels) + ", T " + std::to_string(time) + ", H " + std::to_string(height) + ", W " +
           std::to_string(width) + ")";
  }
};

}  // namespace plexiform
