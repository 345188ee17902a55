// What a screen shows while the gaze of an eye wanders over still images, at the size of a model's movie. An image lies
// on a screen of 600 x 800 px, grey value 0 around it, so that the fixated pixel is in the middle; frames are resized
// bilinearly with antialiasing (a triangle of the width of a pixel of the result).
//   screen row r, column c of a frame with gaze (x, y) is the image's row r - 300 + y, column c - 400 + x
// Source  the data's own routine: Karamanlis et al. 2024, Nature 634:415, github.com/dimokaramanlis/subunit_grid_model;
//         the resizing is that of torchvision's Resize.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace plexiform::data {

constexpr int64_t gaze_screen_height = 600, gaze_screen_width = 800;

class GazeMovie {
 public:
  //   images   (n, rows, columns) uint8 or float32
  //   wrapped  openretina's: the row above an image and the column left of it are those of its other end
  GazeMovie(const at::Tensor& images, int64_t height, int64_t width, bool wrapped = false);

  // fixations (T, 3) int64: image, counted from 1, x, y -> (T, height, width) float32.
  at::Tensor frames(const at::Tensor& fixations) const;

 private:
  // Weights of the screen's rows or columns in one of the result's.
  struct Taps {
    int64_t first;
    std::vector<float> weights;
  };
  static std::vector<Taps> triangle(int64_t from, int64_t to);
  template <class T>
  void frame(const T* image, int64_t x, int64_t y, float* to) const;

  const at::Tensor images_;
  const std::vector<Taps> rows_, columns_;
  const int64_t wrapped_;
};

}  // namespace plexiform::data
