#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>
#include <data/batches.h>

#include <algorithm>

namespace plexiform::data {
namespace {

constexpr int64_t small = 1 << 15;  // numbers that are not worth a second thread

// Frames [begin, begin + length) of a trial that become frames [at, at + length) of a window.
struct Piece {
  const Trial* trial;
  int64_t begin, length, at;
};

std::vector<Piece> pieces_of(const Window& window, const Part& part, const std::vector<Trial>& trials) {
  if (!part.across) return {{&trials.at(window.trial), window.begin, part.length, 0}};
  auto inside = [&](const Stretch& s) {
    return s.trial == window.trial && window.begin >= s.begin && window.begin < s.begin + s.length;
  };
  auto stretch = std::find_if(part.stretches.begin(), part.stretches.end(), inside);
  std::vector<Piece> pieces;
  int64_t begin = window.begin;
  for (int64_t at = 0; at < part.length;) {
    TORCH_CHECK(stretch != part.stretches.end(), "a window runs past the end of its part");
    const int64_t length = std::min(part.length - at, stretch->begin + stretch->length - begin);
    pieces.push_back({&trials.at(stretch->trial), begin, length, at});
    at += length;
    if (++stretch != part.stretches.end()) begin = stretch->begin;
  }
  return pieces;
}

// How a frame lies in memory, in elements.
struct Grid {
  int64_t height, width, down, right;
};

// A normalised frame into (H, W) at `to`.
template <class T>
void copy_frame(const T* from, const Grid& grid, float mean, float scale, bool mirrored, float* to) {
  const int64_t first = mirrored ? (grid.width - 1) * grid.right : 0, next = mirrored ? -grid.right : grid.right;
  for (int64_t y = 0; y < grid.height; ++y, to += grid.width) {
    const T* row = from + y * grid.down + first;
    for (int64_t x = 0; x < grid.width; ++x) to[x] = (static_cast<float>(row[x * next]) - mean) * scale;
  }
}

// Frames [begin, begin + length) of a channel, which begins at `from`, into (T, H, W) at `to`.
template <class T>
void copy_run(const T* from, const Stimulus& stimulus, int64_t begin, int64_t length, bool mirrored, float* to) {
  const at::Tensor& movie = stimulus.movie;
  const auto mean = static_cast<float>(stimulus.mean), scale = static_cast<float>(1 / stimulus.std);
  const int64_t step = movie.stride(1), down = movie.stride(2), right = movie.stride(3);
  if (stimulus.cuts) {
    const auto& [frames, height, width, every] = *stimulus.cuts;
    for (int64_t t = begin; t < begin + length; ++t, to += height * width) {
      const auto& [image, row, column, upside_down] = frames[t];
      const Grid grid{height, width, (upside_down ? -down : down) * every, right * every};
      copy_frame(from + image * step + row * down + column * right, grid, mean, scale, mirrored, to);
    }
    return;
  }
  const Grid grid{movie.size(2), movie.size(3), down, right};
  const int64_t pixels = grid.height * grid.width;
  from += begin * step;
  if (!mirrored && right == 1 && down == grid.width && step == pixels) {
    for (int64_t i = 0; i < length * pixels; ++i) to[i] = (static_cast<float>(from[i]) - mean) * scale;
    return;
  }
  for (int64_t t = 0; t < length; ++t) copy_frame(from + t * step, grid, mean, scale, mirrored, to + t * pixels);
}

// Frames [begin, begin + length) of a channel of the stimulus.
void copy_stored(const Stimulus& stimulus, int64_t channel, int64_t begin, int64_t length, bool mirrored, float* to) {
  const at::Tensor& movie = stimulus.movie;
  auto run = [&](const auto* values) {
    copy_run(values + channel * movie.stride(0), stimulus, begin, length, mirrored, to);
  };
  switch (movie.scalar_type()) {
    case at::kByte:
      return run(movie.const_data_ptr<uint8_t>());
    case at::kChar:
      return run(movie.const_data_ptr<int8_t>());
    case at::kShort:
      return run(movie.const_data_ptr<int16_t>());
    case at::kHalf:
      return run(movie.const_data_ptr<at::Half>());
    case at::kDouble:
      return run(movie.const_data_ptr<double>());
    default:
      return run(movie.const_data_ptr<float>());
  }
}

// One channel of one piece, in the order in which its clips were shown.
void copy_frames(const Piece& piece, int64_t channel, float* to) {
  const auto& [clips, clip_length, mirrored] = piece.trial->view;
  const Stimulus& stimulus = *piece.trial->stimulus;
  if (clips.empty()) return copy_stored(stimulus, channel, piece.begin, piece.length, mirrored, to);
  const int64_t frame = stimulus.height() * stimulus.width(), end = piece.begin + piece.length;
  for (int64_t at = piece.begin; at < end;) {
    const int64_t inside = at % clip_length, run = std::min(clip_length - inside, end - at);
    copy_stored(stimulus, channel, clips[at / clip_length] * clip_length + inside, run, mirrored, to);
    at += run;
    to += run * frame;
  }
}

// What of a window's pieces lies in its frames [from, to), which become [0, to - from).
std::vector<Piece> cut(std::vector<Piece> pieces, int64_t from, int64_t to) {
  for (auto& piece : pieces) {
    const int64_t begin = std::max(piece.at, from), end = std::min(piece.at + piece.length, to);
    piece = {piece.trial, piece.begin + begin - piece.at, end - begin, begin - from};
  }
  std::erase_if(pieces, [](const Piece& piece) { return piece.length <= 0; });
  return pieces;
}

// Of each window.
std::vector<std::vector<Piece>> pieces_of(const Recordings& recordings, const Part& part,
                                          std::span<const Window> windows) {
  const Session& session = recordings.sessions.at(part.session);
  const std::vector<Trial>& trials = part.test ? session.tests : session.train;
  std::vector<std::vector<Piece>> pieces;
  for (const auto& window : windows) {
    pieces.push_back(pieces_of(window, part, trials));
    for (const auto& piece : pieces.back()) {
      TORCH_CHECK(piece.begin >= 0 && piece.begin + piece.length <= piece.trial->frames(),
                  "a window lies outside its trial");
    }
  }
  return pieces;
}

// (B, C, length, H, W) of the pieces of B windows of that length.
at::Tensor stimulus_of(const Recordings& recordings, std::span<const std::vector<Piece>> pieces, int64_t length) {
  const int64_t count = std::ssize(pieces), channels = recordings.channels;
  const int64_t frame = recordings.height * recordings.width;
  auto stimulus = at::empty({count, channels, length, recordings.height, recordings.width}, at::kFloat);
  float* const all = stimulus.mutable_data_ptr<float>();
  const int64_t grain = std::max<int64_t>(1, small / std::max<int64_t>(1, length * frame));
  at::parallel_for(0, count * channels, grain, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      for (const auto& piece : pieces[i / channels])
        copy_frames(piece, i % channels, all + (i * length + piece.at) * frame);
    }
  });
  return stimulus;
}

// The piece's frames of (N, T) values of its trial into (length, N) at `to`.
void copy_turned(const Piece& piece, const at::Tensor& values, float* to) {
  const int64_t rows = values.size(0), frames = values.size(1);
  const float* from = values.const_data_ptr<float>() + piece.begin;
  for (int64_t n = 0; n < rows; ++n) {
    for (int64_t t = 0; t < piece.length; ++t) to[t * rows + n] = from[n * frames + t];
  }
}

std::vector<Named> gather_traces(const std::vector<std::vector<Piece>>& windows, int64_t length) {
  std::vector<Named> all;
  const auto& traces = windows.at(0).at(0).trial->traces;
  for (size_t i = 0; i < traces.size(); ++i) {
    const int64_t rows = traces[i].tensor.size(0);
    const auto values = at::empty({static_cast<int64_t>(windows.size()), length, rows}, at::kFloat);
    float* to = values.mutable_data_ptr<float>();
    for (const auto& pieces : windows) {
      for (const auto& piece : pieces) copy_turned(piece, piece.trial->traces.at(i).tensor, to + piece.at * rows);
      to += length * rows;
    }
    all.push_back({traces[i].name, values});
  }
  return all;
}

}  // namespace

Batch Batch::to(at::Device device) const {
  Batch there = *this;
  if (stimulus.defined()) there.stimulus = stimulus.to(device);
  there.responses = responses.to(device);
  for (auto& trace : there.traces) trace.tensor = trace.tensor.to(device);
  return there;
}

at::Tensor gather_stimulus(const Recordings& recordings, const Part& part, std::span<const Window> windows,
                           int64_t from, int64_t to) {
  TORCH_CHECK(0 <= from && from <= to && to <= part.length, "frames ", from, " to ", to, " of windows of ",
              part.length);
  auto pieces = pieces_of(recordings, part, windows);
  for (auto& of_window : pieces) of_window = cut(std::move(of_window), from, to);
  return stimulus_of(recordings, pieces, to - from);
}

Batch gather(const Recordings& recordings, const Part& part, const std::vector<Window>& windows,
             const Rows& with_stimulus) {
  const auto pieces = pieces_of(recordings, part, windows);
  const int64_t count = std::ssize(windows), length = part.length;
  const int64_t neurons = recordings.sessions[part.session].neurons;
  Batch batch{.session = part.session,
              .stimulus = {},
              .responses = at::empty({count, length, neurons}, at::kFloat),
              .traces = gather_traces(pieces, length),
              .windows = windows,
              .first_shown = with_stimulus.begin};
  const int64_t begin = with_stimulus.begin, shown = std::min(count, with_stimulus.end) - begin;
  if (shown > 0) batch.stimulus = stimulus_of(recordings, std::span(pieces).subspan(begin, shown), length);
  float* const responses = batch.responses.mutable_data_ptr<float>();
  const int64_t grain = std::max<int64_t>(1, small / (length * neurons));
  at::parallel_for(0, count, grain, [&](int64_t first, int64_t last) {
    for (int64_t window = first; window < last; ++window) {
      for (const auto& piece : pieces[window])
        copy_turned(piece, piece.trial->responses, responses + (window * length + piece.at) * neurons);
    }
  });
  return batch;
}

}  // namespace plexiform::data
