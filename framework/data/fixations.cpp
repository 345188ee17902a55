#include <ATen/ops/empty.h>
#include <data/array_files.h>
#include <data/checks.h>
#include <data/fixations.h>
#include <data/input_file.h>
#include <data/session_files.h>
#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <fstream>

namespace plexiform::data {
namespace {

constexpr const char* store = "store in each line: image, 2 others, x, y, ..., 0 or 1";

// Numbers of a line; what is none ends it.
std::vector<double> numbers(const std::string& line) {
  std::vector<double> all;
  const char* at = line.c_str();
  for (char* after = nullptr;; at = after) {
    const double value = std::strtod(at, &after);
    if (after == at) return all;
    all.push_back(value);
  }
}

bool whole_greys(const at::Tensor& image) {
  return image.round().eq(image).logical_and(image.ge(0)).logical_and(image.le(255)).all().item<bool>();
}

}  // namespace

std::vector<Fixation> read_fixations(const std::string& file) {
  check_input_file(file);
  std::ifstream stream(file);
  std::vector<Fixation> all;
  for (std::string line; std::getline(stream, line);) {
    const auto values = numbers(line);
    bool good = values.size() >= 6;
    for (const double value : values) good = good && std::isfinite(value) && std::abs(value) < 1e9;
    if (!good) throw Error(fmt::format("{}: line {}", file, all.size() + 1), "is '" + line.substr(0, 60) + "'", store);
    all.push_back({static_cast<int64_t>(values[0]), static_cast<int64_t>(values[3]), static_cast<int64_t>(values[4]),
                   static_cast<int64_t>(values.back()) != 0});
  }
  return all;
}

at::Tensor read_still_images(const std::string& folder, const std::string& part, int64_t rows, int64_t columns) {
  std::vector<std::string> files;
  for (const auto& name : files_in(existing_folder(folder, "img_dir_name", "give the folder of the images"), ".npy")) {
    if (name.find(part) != std::string::npos) files.push_back(folder + "/" + name);
  }
  if (files.empty()) {
    throw Error(folder, fmt::format("holds no image (no .npy file with '{}' in its name)", part), "correct frame_file");
  }
  const Sizes expected = {columns, rows};
  at::Tensor images = at::empty({1, static_cast<int64_t>(files.size()), columns, rows}, at::kByte);
  for (size_t i = 0; i < files.size(); ++i) {
    const at::Tensor image = read_npy(files[i]);
    if (image.sizes().vec() != expected) {
      throw Error(files[i], fmt::format("has shape {}, not {}", text(image.sizes().vec()), text(expected)),
                  "store columns, rows, or correct full_img_w and full_img_h");
    }
    const bool byte = image.scalar_type() == at::kByte;
    const at::Tensor values = byte ? image : image.to(at::kFloat);
    if (!byte) {
      check_movie(files[i], values.contiguous().view({1, 1, columns, rows}));
      if (images.scalar_type() == at::kByte && !whole_greys(values)) images = images.to(at::kFloat);
    }
    images.select(1, static_cast<int64_t>(i)).copy_(values);
  }
  return images.transpose(2, 3);
}

}  // namespace plexiform::data
