// Source  the layout: the files published with Sridhar et al. 2025, doi:10.12751/g-node.3dfiti.
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>
#include <data/array_files.h>
#include <data/checks.h>
#include <data/fixations.h>
#include <data/pickled_arrays.h>
#include <data/session_files.h>
#include <data/sridhar_2025.h>
#include <data/trial_loader.h>
#include <fmt/format.h>

#include <algorithm>

namespace plexiform::data {
namespace {

constexpr double frame_rate_hz = 85;
constexpr int64_t test_lines = 5100;  // of a fixation file

template <class T>
const T& of_retina(const ByRetina<T>& values, const std::string& retina, const std::string& knob) {
  const auto found = values.find(retina);
  if (found != values.end()) return found->second;
  std::vector<std::string> known;
  for (const auto& [name, value] : values) known.push_back(name);
  throw Error(knob, fmt::format("names none for retina '{}'", retina), did_you_mean(retina, known));
}

Borders crop_of(const Sridhar2025Params& params, const std::string& retina) {
  return params.retina_specific_crops ? of_retina(params.big_crops, retina, "big_crops") : params.crop;
}

void check_crop(const std::string& place, const Borders& crop, int64_t height, int64_t width) {
  if (crop.top + crop.bottom < height && crop.left + crop.right < width) return;
  throw Error(place,
              fmt::format("has {} x {} px, from which {}, {}, {} and {} are cut off at top, bottom, left and right",
                          height, width, crop.top, crop.bottom, crop.left, crop.right),
              "correct big_crops, or crop");
}

// Where the stimuli of a retina come from: a stimulus per training trial, and one for the test.
struct Shown {
  std::vector<std::shared_ptr<const Stimulus>> trials;
  std::shared_ptr<const Stimulus> test;
};

class NaturalMovie {
 public:
  explicit NaturalMovie(const Sridhar2025Params& params)
      : params_(params),
        height_(params.img_h.value_or(params.full_img_h - 3 * params.padding)),
        width_(params.img_w.value_or(params.full_img_w - 3 * params.padding)),
        images_(read_still_images(params.path + "/" + params.img_dir_name, params.frame_file, params.full_img_h,
                                  params.full_img_w)) {}

  Shown shown(const std::string& retina, int64_t trials, int64_t frames, int64_t test_frames) {
    const std::string file = params_.path + "/" + of_retina(params_.fixation_files, retina, "fixation_files");
    const auto& fixations = read_once(file);
    const int64_t needed = std::max(test_frames, trials > 0 ? test_lines + trials * frames : 0);
    if (test_frames > test_lines || static_cast<int64_t>(fixations.size()) < needed) {
      throw Error(
          file,
          fmt::format("has {} lines, {} of them of the test, but the responses are to {} frames of the test and "
                      "{} trials of {}",
                      fixations.size(), test_lines, test_frames, trials, frames),
          "give the fixations that belong to these responses");
    }
    Shown all;
    for (int64_t k = 0; k < trials; ++k) {
      all.trials.push_back(movie("natural_movie", retina, file, fixations, test_lines + k * frames, frames));
    }
    all.test = movie("test", retina, file, fixations, 0, test_frames);
    return all;
  }

 private:
  const std::vector<Fixation>& read_once(const std::string& file) {
    auto [found, added] = fixations_.try_emplace(file);
    if (added) found->second = read_fixations(file);
    return found->second;
  }

  std::shared_ptr<const Stimulus> movie(const std::string& name, const std::string& retina, const std::string& file,
                                        const std::vector<Fixation>& fixations, int64_t begin, int64_t frames) const {
    const Borders crop = crop_of(params_, retina);
    check_crop("crop", crop, height_, width_);
    auto cuts = std::make_shared<Cuts>();
    auto kept = [&](int64_t pixels) { return (pixels + params_.subsample - 1) / params_.subsample; };
    cuts->height = kept(height_ - crop.top - crop.bottom);
    cuts->width = kept(width_ - crop.left - crop.right);
    cuts->step = params_.subsample;
    for (int64_t line = begin; line < begin + frames; ++line) {
      const Fixation& eye = fixations[line];
      // The screen's first row and column in the image.
      const int64_t top = params_.padding == 0 ? 0 : eye.y + params_.padding - height_ / 2;
      const int64_t left = params_.padding == 0 ? 0 : eye.x + params_.padding - width_ / 2;
      if (eye.image < 0 || eye.image >= images_.size(1)) {
        throw Error(fmt::format("{}: line {}", file, line + 1),
                    fmt::format("names image {}, but there are {}", eye.image, images_.size(1)),
                    fmt::format("use 0 to {}, or complete {}", images_.size(1) - 1, params_.img_dir_name));
      }
      if (top < 0 || left < 0 || top + height_ > images_.size(2) || left + width_ > images_.size(3)) {
        throw Error(fmt::format("{}: line {}", file, line + 1),
                    fmt::format("looks at ({}, {}), where the screen does not lie in the image", eye.x, eye.y),
                    "correct it, or the sizes: full_img_h, full_img_w, img_h, img_w, padding");
      }
      const bool upside_down = eye.upright == params_.flip_imgs;
      const int64_t row = upside_down ? top + height_ - 1 - crop.top : top + crop.top;
      cuts->frames.push_back({static_cast<int32_t>(eye.image), static_cast<int32_t>(row),
                              static_cast<int32_t>(left + crop.left), upside_down});
    }
    auto stimulus = std::make_shared<Stimulus>(Stimulus{name, images_});
    stimulus->std = 255;
    stimulus->cuts = std::move(cuts);
    return stimulus;
  }

  const Sridhar2025Params& params_;
  const int64_t height_, width_;
  const at::Tensor images_;  // (1, images, rows, columns)
  std::map<std::string, std::vector<Fixation>> fixations_;
};

class WhiteNoise {
 public:
  explicit WhiteNoise(const Sridhar2025Params& params) : params_(params) {}

  Shown shown(const std::string& retina, int64_t trials, int64_t frames, int64_t test_frames) {
    const std::string train = of_retina(params_.train_image_path, retina, "train_image_path"),
                      test = of_retina(params_.test_image_path, retina, "test_image_path");
    Shown all;
    for (int64_t k = 0; k < trials; ++k) {
      all.trials.push_back(
          movie("white_noise", retina, fmt::format("{}/trial_{:03}/all_images.npy", train, k), frames));
    }
    all.test = movie("test", retina, test + "/all_images.npy", test_frames);
    return all;
  }

 private:
  std::shared_ptr<const Stimulus> movie(const std::string& name, const std::string& retina, const std::string& file,
                                        int64_t frames) {
    const Borders crop = crop_of(params_, retina);
    const std::string place = params_.path + "/" + file,
                      key = fmt::format("{} {} {} {} {}", file, crop.top, crop.bottom, crop.left, crop.right);
    auto& known = movies_[key];
    if (!known) known = std::make_shared<const Stimulus>(Stimulus{name, read(place, crop)});
    if (known->frames() != frames) {
      throw Error(place, fmt::format("has {} frames, but the responses have {}", known->frames(), frames),
                  "give the stimulus that belongs to these responses");
    }
    if (params_.extra_frame == 0) return known;
    auto shorter = std::make_shared<Stimulus>(*known);
    shorter->movie = known->movie.slice(1, 0, frames - params_.extra_frame);
    return shorter;
  }

  // (1, T, H, W), a view of the file where its numbers can stay as they are.
  at::Tensor read(const std::string& file, const Borders& crop) const {
    at::Tensor all = map_npy(file);
    const Sizes shape = all.sizes().vec();
    if (shape.size() != 3 || std::count(shape.begin(), shape.end(), 0) > 0) {
      throw Error(file, fmt::format("has shape {}, not (rows, columns, T)", text(shape)),
                  "store rows, columns, frames");
    }
    check_crop(file, crop, shape[0], shape[1]);
    all = all.slice(0, crop.top, shape[0] - crop.bottom, params_.subsample)
              .slice(1, crop.left, shape[1] - crop.right, params_.subsample)
              .permute({2, 0, 1})
              .unsqueeze(0);
    if (all.scalar_type() == at::kBool) return all.view(at::kByte);
    if (all.is_floating_point()) {
      if (!all.sum().isfinite().item<bool>()) check_movie(file, all.to(at::kFloat).contiguous());
      return all;
    }
    const bool small =
        all.scalar_type() == at::kByte || all.scalar_type() == at::kChar || all.scalar_type() == at::kShort;
    return small ? all : all.to(at::kFloat);
  }

  const Sridhar2025Params& params_;
  std::map<std::string, std::shared_ptr<const Stimulus>> movies_;  // by file and crop
};

class Retina {
 public:
  Retina(const Sridhar2025Params& params, std::string retina)
      : params_(params),
        retina_(std::move(retina)),
        file_(params.path + "/" + of_retina(params.files, retina_, "files")) {
    train_ = responses("train_responses");
    test_ = responses("test_responses");
    if (test_.size(0) != train_.size(0)) {
      throw Error(file_.place("test_responses"),
                  fmt::format("has {} cells, but train_responses has {}", test_.size(0), train_.size(0)),
                  "store the same cells in both");
    }
    choose_cells();
    choose_trials();
  }

  template <class Movies>
  Session session(Movies& movies) const {
    const int64_t trials = train_.size(2), frames = train_.size(1), test_frames = test_.size(1),
                  later = params_.extra_frame;
    if (later >= std::min(frames, test_frames)) {
      throw Error("extra_frame", fmt::format("is {}, but a trial has {} frames", later, std::min(frames, test_frames)),
                  "use fewer");
    }
    const Shown shown = movies.shown(retina_, trials, frames, test_frames);
    Session session;
    session.name = retina_;
    session.neurons = static_cast<int64_t>(cells_.size());
    session.frame_rate_hz = frame_rate_hz;
    const at::Tensor kept = at::tensor(cells_, at::kLong);
    for (int64_t k = 0; k < trials; ++k) {
      const auto own = train_.select(2, k).index_select(0, kept).to(at::kFloat).slice(1, later).contiguous();
      check_responses(file_.place(fmt::format("train_responses, trial {}", k)), own, /*allow_negative=*/false);
      session.train.push_back({.stimulus = shown.trials[k], .responses = own, .repeats = {}});
    }
    const auto repeats = test_.index_select(0, kept).permute({2, 0, 1}).to(at::kFloat).slice(2, later).contiguous();
    check_responses(file_.place("test_responses"), repeats, /*allow_negative=*/false);
    session.tests.push_back({.stimulus = shown.test, .responses = repeats.mean(0), .repeats = {}});
    if (repeats.size(0) > 1) session.tests.back().repeats = repeats;
    session.info["cell_indices"] = kept;
    if (params_.get_locations) add_locations(session);
    return session;
  }

 private:
  // (N, T, trials); one that is an average already has one trial.
  at::Tensor responses(const std::string& key) const {
    at::Tensor all = file_.array(key);
    if (all.dim() == 2 && key == "test_responses") all = all.unsqueeze(2);
    if (all.dim() != 3 || all.numel() == 0) {
      throw Error(file_.place(key), fmt::format("has shape {}, not (N, T, trials)", text(all.sizes().vec())),
                  "store cells, frames, trials");
    }
    return all;
  }

  void choose_cells() {
    const int64_t all = train_.size(0);
    if (params_.cell_index) {
      if (*params_.cell_index >= all) {
        throw Error("cell_index", fmt::format("is {}, but retina '{}' has {} cells", *params_.cell_index, retina_, all),
                    fmt::format("use 0 to {}", all - 1));
      }
      cells_ = {*params_.cell_index};
      return;
    }
    std::vector<bool> kept(all, true);
    const auto excluded = params_.excluded_cells.value_or(ByRetina<std::vector<int64_t>>());
    if (const auto own = excluded.find(retina_); own != excluded.end()) {
      for (const int64_t cell : own->second) {
        if (cell < 0 || cell >= all) {
          throw Error("excluded_cells", fmt::format("names cell {} of retina '{}', which has {}", cell, retina_, all),
                      fmt::format("use 0 to {}", all - 1));
        }
        kept[cell] = false;
      }
    }
    for (int64_t cell = 0; cell < all; ++cell) {
      if (kept[cell]) cells_.push_back(cell);
    }
    if (cells_.empty())
      throw Error("excluded_cells", fmt::format("leaves no cell of retina '{}'", retina_), "keep some");
  }

  void choose_trials() {
    if (!file_.has("seeds")) return;
    const auto seeds = file_.integers("seeds");
    const bool stored = std::find(seeds.begin(), seeds.end(), params_.stimulus_seed) != seeds.end();
    if (!stored) {
      // The test differs between the seeds of this retina: the first ten repeats are of the first.
      if (retina_ == "01") test_ = test_.slice(2, 0, 10);
      return;
    }
    const std::string key = fmt::format("trial_separation/{}", params_.stimulus_seed);
    const auto trials = file_.integers(key);
    for (const int64_t trial : trials) {
      if (trial < 0 || trial >= std::min(train_.size(2), test_.size(2))) {
        throw Error(file_.place(key),
                    fmt::format("names trial {}, but there are {} and {}", trial, train_.size(2), test_.size(2)),
                    "store trials that train_responses and test_responses have");
      }
    }
    const at::Tensor chosen = at::tensor(trials, at::kLong);
    train_ = train_.index_select(2, chosen);
    test_ = test_.index_select(2, chosen);
  }

  void add_locations(Session& session) const {
    const Borders crop = crop_of(params_, retina_);
    at::Tensor locations = at::empty({session.neurons, 2}, at::kLong), positions = at::empty({session.neurons, 2});
    for (int64_t n = 0; n < session.neurons; ++n) {
      const std::string file =
          fmt::format("{}/{}/cell_data_{}_WN_stas_cell_{}.npy", params_.path, params_.sta_dir, retina_, cells_[n]);
      at::Tensor average = read_npy(file).to(at::kDouble);
      if (average.dim() != 3) {
        throw Error(file, fmt::format("has shape {}, not (lags, rows, columns)", text(average.sizes().vec())),
                    "store lags, rows, columns");
      }
      check_crop(file, crop, average.size(1), average.size(2));
      if (params_.stimulus == "natural_movie") average = average.flip(1);
      average =
          average.slice(1, crop.top, average.size(1) - crop.bottom).slice(2, crop.left, average.size(2) - crop.right);
      const int64_t rows = average.size(1), columns = average.size(2);
      const int64_t most = average.var(at::IntArrayRef{0}, /*unbiased=*/false).argmax().item<int64_t>();
      const int64_t at[] = {most / columns, most % columns}, size[] = {rows, columns};
      for (int64_t axis = 0; axis < 2; ++axis) {
        locations[n][axis] = at[axis];
        positions[n][axis] =
            size[axis] == 1 ? 0.0 : 2.0 * static_cast<double>(at[axis]) / static_cast<double>(size[axis] - 1) - 1;
      }
    }
    session.info["locations"] = locations;
    session.info["positions"] = positions;
  }

  const Sridhar2025Params& params_;
  const std::string retina_;
  const PickledArrays file_;
  at::Tensor train_, test_;     // (N, T, trials), (N, T', R)
  std::vector<int64_t> cells_;  // that are kept
};

template <class Movies>
Recordings read(const Sridhar2025Params& params, Movies movies) {
  Recordings recordings;
  std::vector<std::string> retinas;
  for (const auto& [retina, file] : params.files) retinas.push_back(retina);
  if (params.retina_index) retinas = {*params.retina_index};
  for (const auto& retina : retinas) recordings.sessions.push_back(Retina(params, retina).session(movies));
  demand_sessions(recordings, params.path, "files, one per retina");
  set_size(recordings, params.path);
  const std::pair<const char*, std::pair<std::optional<int64_t>, int64_t>> sizes[] = {
      {"channels", {params.channels, recordings.channels}},
      {"height", {params.height, recordings.height}},
      {"width", {params.width, recordings.width}}};
  for (const auto& [knob, values] : sizes) {
    if (!values.first || *values.first == values.second) continue;
    throw Error(knob, fmt::format("is {}, but frames have {} after cropping", *values.first, values.second),
                fmt::format("use {}, or correct big_crops or subsample", values.second));
  }
  return recordings;
}

}  // namespace

Recordings read_sridhar_2025(const Sridhar2025Params& params) {
  existing_folder(params.path, "path", "give the folder that holds responses/ and the stimuli");
  return params.stimulus == "white_noise" ? read(params, WhiteNoise(params)) : read(params, NaturalMovie(params));
}

void from_json(const Json& json, Borders& borders) {
  const auto values = json.is_array() ? json.get<std::vector<int64_t>>() : std::vector<int64_t>(4, json.get<int64_t>());
  if (values.size() != 4 || *std::min_element(values.begin(), values.end()) < 0) throw std::invalid_argument("");
  borders = {values[0], values[1], values[2], values[3]};
}

void to_json(Json& json, const Borders& b) { json = {b.top, b.bottom, b.left, b.right}; }

std::vector<std::string> sridhar_2025_knobs() {
  knobs::Names<Sridhar2025Params> known;
  Sridhar2025Params().describe(known);
  known.names.push_back("basepath");
  return known.names;
}

config::Node join_sridhar(const config::Node& stimuli, const config::Node& responses) {
  config::Node joined = config::Node::map();
  joined.location = stimuli.location;
  for (const config::Node* node : {&stimuli, &responses}) {
    for (const auto& [key, value] : node->entries) {
      if (key.starts_with("_") || key == "stim_id_prefix" || key == "norm_mean" || key == "norm_std") continue;
      joined[key == "base_path" ? "path" : key == "response_files" ? "files" : key] = value;
    }
  }
  return joined;
}

config::Node with_loader_knobs(const config::Node& data_io, const config::Node& root) {
  config::Node joined = data_io;
  const std::string loader = trial_loader(root);
  if (!joined.find("stimulus") && !loader.empty()) {
    joined["stimulus"] = config::Node::text(loader.ends_with("white_noise_loader") ? "white_noise" : "natural_movie");
  }
  const config::Node* node = root.find("dataloader");
  for (const auto& knob : sridhar_2025_knobs()) {
    const config::Node* value = node ? node->find(knob) : nullptr;
    if (!value || (joined.find(knob) && !joined.find(knob)->is_null()) || knob == "basepath") continue;
    joined[knob] = *value;
  }
  return joined;
}

}  // namespace plexiform::data
