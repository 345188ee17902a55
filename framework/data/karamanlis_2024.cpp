// Source  the layout: the files published with Karamanlis et al. 2024, Nature 634:415, doi:10.12751/g-node.ejk8kx.
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <data/array_files.h>
#include <data/checks.h>
#include <data/gaze_movie.h>
#include <data/karamanlis_2024.h>
#include <data/session_files.h>
#include <data/shared_movies.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace plexiform::data {
namespace {

namespace fs = std::filesystem;

constexpr double levels_per_grey = 128;  // of a stored movie: 255 grey values need 15 bits then
constexpr int64_t block = 1024;          // frames that are drawn at a time

// (T, H, W) as it is stored, of images that are uint8 or not.
at::Tensor stored(const at::Tensor& frames, bool grey) {
  return grey ? frames.mul(levels_per_grey).round().to(at::kShort) : frames;
}

class File {
 public:
  File(const std::string& file, const Karamanlis2024Params& params) : params_(params), file_(file) {}

  Session read(const std::string& name, SharedMovies& movies) {
    const at::Tensor running = fixations("running", 3), frozen = fixations("frozen", 2);
    Stimulus train{params_.stim_type, movie("running", running.flatten(0, 1))}, test{"test", movie("frozen", frozen)};
    const bool grey = train.movie.scalar_type() == at::kShort;
    const auto [shown, tested] =
        movies.stimuli(place("runningImages"), train, test, params_.normalize_stimuli, grey ? levels_per_grey : 1);

    const int64_t trials = running.size(0), frames = running.size(1);
    const at::Tensor counts = responses("runningbin", {trials, frames}),
                     repeats = responses("frozenbin", {-1, frozen.size(0)});
    if (counts.size(1) != repeats.size(1)) {
      throw Error(place("frozenbin"),
                  fmt::format("has {} neurons, but runningbin has {}", repeats.size(1), counts.size(1)),
                  "store the same neurons in both");
    }
    Session session;
    session.name = name;
    session.neurons = counts.size(1);
    session.frame_rate_hz = 75;
    for (int64_t k = 0; k < trials; ++k) {
      auto part = std::make_shared<Stimulus>(*shown);
      part->movie = shown->movie.slice(1, k * frames, (k + 1) * frames);
      session.train.push_back({.stimulus = part, .responses = counts[k], .repeats = {}});
    }
    session.tests.push_back({.stimulus = tested, .responses = repeats.mean(0), .repeats = repeats});
    return session;
  }

 private:
  std::string place(const std::string& data_set) const { return file_.file() + ": /" + data_set; }

  // (trials, T, 3) or (T, 3) int64, of images that are there.
  at::Tensor fixations(const std::string& kind, int64_t axes) const {
    const std::string name = kind + "fixations", images = kind + "Images";
    const Sizes shape = file_.shape(name), there = file_.shape(images);
    if (static_cast<int64_t>(shape.size()) != axes || shape.back() != 3 ||
        std::count(shape.begin(), shape.end(), 0) > 0) {
      throw Error(place(name),
                  fmt::format("has shape {}, not {}", text(shape), axes == 3 ? "(trials, T, 3)" : "(T, 3)"),
                  "store image, x and y of every frame");
    }
    if (there.size() != 3 || std::count(there.begin(), there.end(), 0) > 0) {
      throw Error(place(images), fmt::format("has shape {}, not (images, columns, rows)", text(there)),
                  "store images as MATLAB does: rows, columns, images, the first axis fastest");
    }
    const at::Tensor read = file_.read(name);
    if (const auto values = read.to(at::kDouble); !values.abs().lt(1e9).all().item<bool>()) {  // NaN is not either
      throw Error(place(name), "holds numbers that are no places of an image", "correct them: image, x and y in px");
    }
    const at::Tensor rows = read.to(at::kLong).contiguous();
    const at::Tensor flat = rows.view({-1, 3});
    const at::Tensor bad = flat.select(1, 0).lt(1).logical_or(flat.select(1, 0).gt(there[0])).nonzero();
    if (bad.numel() > 0) {
      const int64_t frame = bad[0].item<int64_t>();
      throw Error(place(name),
                  fmt::format("names image {} at {}frame {}, but {} holds {}", flat[frame][0].item<int64_t>(),
                              axes == 3 ? fmt::format("trial {}, ", frame / shape[1]) : "",
                              axes == 3 ? frame % shape[1] : frame, images, there[0]),
                  fmt::format("count images from 1 to {}", there[0]));
    }
    return rows;
  }

  // (n, rows, columns) uint8 or float32.
  at::Tensor images(const std::string& kind) const {
    const std::string name = kind + "Images";
    at::Tensor all = file_.read(name).transpose(1, 2);
    all = all.scalar_type() == at::kByte ? all.contiguous() : all.to(at::kFloat).contiguous();
    check_movie(place(name), all.unsqueeze(0));
    return all;
  }

  // (1, T, H, W), from the cache or drawn.
  at::Tensor movie(const std::string& kind, const at::Tensor& fixations) const {
    const std::string cache = cache_file(kind, fixations);
    if (const auto cached = from_cache(cache, fixations.size(0))) return *cached;
    const at::Tensor all = images(kind);
    const bool grey = all.scalar_type() == at::kByte;
    const int64_t height = params_.downsampled_size[0], width = params_.downsampled_size[1], frames = fixations.size(0);
    const GazeMovie gaze(all, height, width, params_.wrapped);
    std::unique_ptr<NpyWriter> writer;
    try {
      writer = std::make_unique<NpyWriter>(cache, grey ? at::kShort : at::kFloat, Sizes{frames, height, width});
    } catch (const Error&) {
      // A folder that is read-only, or full: the movie is kept in memory.
    }
    std::vector<at::Tensor> parts;
    for (int64_t from = 0; from < frames; from += block) {
      const auto part = stored(gaze.frames(fixations.slice(0, from, std::min(from + block, frames))), grey);
      writer ? writer->append(part) : parts.push_back(part);
    }
    if (!writer) return at::cat(parts).unsqueeze(0);
    writer->close();
    return map_npy(cache).unsqueeze(0);
  }

  std::optional<at::Tensor> from_cache(const std::string& cache, int64_t frames) const {
    std::error_code none;
    if (!fs::exists(cache, none) || fs::last_write_time(cache, none) < fs::last_write_time(file_.file(), none))
      return {};
    try {
      const auto movie = map_npy(cache);
      const Sizes expected = {frames, params_.downsampled_size[0], params_.downsampled_size[1]};
      const bool known = movie.scalar_type() == at::kShort || movie.scalar_type() == at::kFloat;
      if (known && movie.sizes().vec() == expected) return movie.unsqueeze(0);
    } catch (const Error&) {
      // Damaged: it is drawn anew and replaced.
    }
    return {};
  }

  // Its name tells what it was drawn from.
  std::string cache_file(const std::string& kind, const at::Tensor& fixations) const {
    const std::string_view bytes(static_cast<const char*>(fixations.const_data_ptr()), fixations.nbytes());
    const auto key = static_cast<uint32_t>(std::hash<std::string_view>()(bytes));
    fs::path stem(file_.file());
    stem.replace_extension();
    return fmt::format("{}_movie_{}x{}{}_{:08x}_{}.npy", stem.string(), params_.downsampled_size[0],
                       params_.downsampled_size[1], params_.wrapped ? "_wrapped" : "", key,
                       kind == "running" ? "train" : "test");
  }

  // (trials, T, N) in the file -> (trials, N, T) float32, contiguous. `expected`: trials (-1: any), T.
  at::Tensor responses(const std::string& name, const Sizes& expected) const {
    const Sizes shape = file_.shape(name);
    if (shape.size() != 3 || shape[0] < 1 || shape[2] < 1 || (expected[0] >= 0 && shape[0] != expected[0]) ||
        shape[1] != expected[1]) {
      throw Error(place(name),
                  fmt::format("has shape {}, not ({}, {}, N)", text(shape),
                              expected[0] < 0 ? "R" : std::to_string(expected[0]), expected[1]),
                  "store one response of each neuron per fixation");
    }
    auto counts =
        file_.read(name).to(at::kDouble).div(params_.fr_normalization).to(at::kFloat).transpose(1, 2).contiguous();
    check_responses(place(name), counts, /*allow_negative=*/false);
    return counts;
  }

  const Karamanlis2024Params& params_;
  const Hdf5File file_;
};

}  // namespace

Recordings read_karamanlis_2024(const Karamanlis2024Params& params) {
  if (params.downsampled_size.size() != 2) {
    throw Error("downsampled_size", fmt::format("has {} entries", params.downsampled_size.size()),
                "use [height, width]");
  }
  const std::string folder = existing_folder(params.path, "path", "give the folder that holds a folder per session");
  SharedMovies movies;
  Recordings recordings;
  for (const auto& archive : files_in(folder, ".zip")) {
    const std::string extracted = (fs::path(folder) / fs::path(archive).stem()).string();
    if (archive.find(params.specie) == std::string::npos || fs::is_directory(extracted)) continue;
    throw Error(folder + "/" + archive, "is an archive that is not extracted",
                fmt::format("unzip {}/{} -d {}, or move it away", folder, archive, extracted));
  }
  for (const auto& session : folders_in(folder)) {
    if (session.find(params.specie) == std::string::npos) continue;
    const auto file = only_file(folder + "/" + session, params.stim_type + "_data.mat");
    if (file) recordings.sessions.push_back(File(*file, params).read(session, movies));
  }
  demand_sessions(recordings, folder,
                  fmt::format("a folder per session, with '{}' in its name and a file *{}_data.mat in it",
                              params.specie, params.stim_type));
  set_size(recordings, folder);
  return recordings;
}

}  // namespace plexiform::data
