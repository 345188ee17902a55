// What a core of layers refuses in its output_shape(): the same mistakes in the same words.
#pragma once

#include <plexiform/error.h>
#include <plexiform/shape.h>

#include <string>

namespace plexiform::layers {

// The first of a core's `channels` is the stimulus's. Throws Error at "channels.0".
inline void check_channels(int64_t first, const Shape& stimulus) {
  if (stimulus.channels == first) return;
  throw Error("channels.0",
              "is " + std::to_string(first) + ", but the stimulus has " + std::to_string(stimulus.channels),
              "leave channels to the host, or use " + std::to_string(stimulus.channels));
}

// A layer leaves at least a bin. Throws Error at `knob`, the temporal kernel's length.
inline void check_bins(const Shape& out, const Shape& in, const std::string& knob) {
  if (out.time > 0) return;
  throw Error(knob, "is longer than what reaches it, " + std::to_string(in.time) + " bins",
              "shorten the kernels, lengthen the training window, or pad");
}

// A layer leaves at least a pixel. Throws Error at `knob`, the spatial kernel's size.
inline void check_frame(const Shape& out, const Shape& in, const std::string& knob) {
  if (out.height > 0 && out.width > 0) return;
  throw Error(knob,
              "is larger than what reaches it, " + std::to_string(in.height) + " x " + std::to_string(in.width) + " px",
              "use smaller kernels, or pad");
}

}  // namespace plexiform::layers
