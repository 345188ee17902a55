#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <files/atomic_file.h>
#include <fmt/format.h>
#include <plexiform/abilities.h>
#include <png.h>
#include <training/weight_pictures.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

namespace plexiform::training {
namespace {

constexpr int64_t most = 64, smallest_side = 32, gap = 2;  // pictures of a name; pixels

// Rows of red, green, blue bytes.
struct Canvas {
  int64_t height, width;
  std::vector<uint8_t> bytes;
  Canvas(int64_t h, int64_t w) : height(h), width(w), bytes(h * w * 3, 0xd0) {}  // the grey between pictures

  // value in [-1, 1]
  void set(int64_t y, int64_t x, double value) {
    const auto faded = static_cast<uint8_t>(std::lround(255 * (1 - std::abs(value))));
    uint8_t* pixel = &bytes[(y * width + x) * 3];
    pixel[0] = value < 0 ? faded : 255;
    pixel[1] = faded;
    pixel[2] = value > 0 ? faded : 255;
  }

  std::string png() const {
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    image.width = static_cast<png_uint_32>(width);
    image.height = static_cast<png_uint_32>(height);
    image.format = PNG_FORMAT_RGB;
    png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
    std::string file(size, '\0');
    if (!png_image_write_to_memory(&image, file.data(), &size, 0, bytes.data(), 0, nullptr)) {
      throw Error("weight pictures", fmt::format("libpng says: {}", image.message), "leave out the weight pictures");
    }
    file.resize(size);
    return file;
  }
};

// `tensor` (..., rows, columns), or (columns) as one row.
Picture drawn(const std::string& name, const at::Tensor& tensor) {
  const int64_t columns = tensor.size(-1), rows = tensor.dim() > 1 ? tensor.size(-2) : 1;
  const at::Tensor all = tensor.detach().to(at::kCPU, at::kFloat).reshape({-1, rows, columns}).contiguous();
  const int64_t count = std::min(all.size(0), most);
  const double scale = std::max(all.abs().max().item<double>(), 1e-30);
  const auto across = static_cast<int64_t>(std::ceil(std::sqrt(count)));
  const int64_t down = (count + across - 1) / across;
  const int64_t zoom = std::max<int64_t>(1, smallest_side / std::max(rows, columns));
  Canvas canvas(down * (rows * zoom + gap) + gap, across * (columns * zoom + gap) + gap);
  const float* values = all.const_data_ptr<float>();
  for (int64_t i = 0; i < count; ++i) {
    const int64_t top = gap + i / across * (rows * zoom + gap), left = gap + i % across * (columns * zoom + gap);
    for (int64_t y = 0; y < rows * zoom; ++y) {
      for (int64_t x = 0; x < columns * zoom; ++x) {
        canvas.set(top + y, left + x, values[(i * rows + y / zoom) * columns + x / zoom] / scale);
      }
    }
  }
  return {name, canvas.png(), canvas.height, canvas.width};
}

void add(std::vector<Picture>& all, const std::string& prefix, Component& component) {
  auto* drawable = ability<Pictures>(component);
  if (!drawable) return;
  for (const auto& [name, tensor] : drawable->pictures()) {
    if (tensor.defined() && tensor.dim() > 0 && tensor.numel() > 0) all.push_back(drawn(prefix + name, tensor));
  }
}

}  // namespace

std::vector<Picture> weight_pictures(const model::Model& model) {
  const at::NoGradGuard no_grad;
  std::vector<Picture> all;
  add(all, "core/", *model.core);
  for (const auto& head : model.heads) add(all, "readout/" + head.session + "/", *head.readout);
  return all;
}

void WeightPictures::epoch_begins(const host::Position& at) {
  if (at.epoch == 1 && at.batch == 0 && params_.start_epoch == 0) draw("epoch_init");
}

host::Next WeightPictures::epoch_done(const host::Epoch& epoch) {
  const int64_t n = epoch.at.epoch - 1;
  if (n >= params_.start_epoch && (n - params_.start_epoch) % params_.every_n_epochs == 0) {
    draw(fmt::format("epoch_{}", n));
  }
  return host::Next::go_on;
}

void WeightPictures::draw(const std::string& name) const {
  if (!params_.folder_path) return;
  try {
    for (const auto& picture : weight_pictures(model_)) {
      const std::filesystem::path file = *params_.folder_path + "/" + name + "/" + picture.name + ".png";
      std::filesystem::create_directories(file.parent_path());
      files::write_atomically(file, picture.png);
    }
  } catch (const std::exception& e) {
    for (auto* observer : told_) observer->note(std::string("note: a weight picture was not written: ") + e.what());
  }
}

}  // namespace plexiform::training
