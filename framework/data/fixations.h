// Still images, and where an eye looked at them: what a natural movie is cut out of (sridhar_2025.h).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace plexiform::data {

struct Fixation {
  int64_t image = 0, x = 0, y = 0;
  bool upright = false;
};

// One per line, numbers between single blanks: the image first, x and y fourth and fifth, 0 or 1 last.
// Throws Error("file: line n", ...).
std::vector<Fixation> read_fixations(const std::string& file);

// The files of `folder` with `part` in their name, sorted, (columns, rows) each -> (1, images, rows, columns), uint8
// when all are whole numbers from 0 to 255, else float32. Throws Error(file, ...).
at::Tensor read_still_images(const std::string& folder, const std::string& part, int64_t rows, int64_t columns);

}  // namespace plexiform::data
