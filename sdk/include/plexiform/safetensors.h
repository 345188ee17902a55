// Named tensors in a file of the safetensors format, readable from Python in one line:
//   safetensors.torch.load_file("model.safetensors")
// Layout    8 bytes N, little-endian, N bytes of JSON padded with spaces, the tensors' bytes in
//           C order, without gaps. The JSON:
//           {"__metadata__": {"key": "text"},
//            "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}
// dtypes    float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 bool.
// Checksum  written into the metadata as "plexiform.crc64": CRC-64/XZ of the whole file, with
//           sixteen '0' in its place, so that any damage is noticed. Other programs write none.
// Errors    Error(file, what, fix) for whatever is wrong with a file. A damaged file never crashes,
//           and its tensors never ask for more memory than the file's size.
// Source    the format: https://github.com/huggingface/safetensors, README, section Format.
#pragma once

#include <ATen/core/Tensor.h>
#include <plexiform/error.h>
#include <plexiform/given.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace plexiform {

struct TensorFile {
  std::vector<Named> tensors;                   // names are unique; the order is kept
  std::map<std::string, std::string> metadata;  // UTF-8; without the checksum
};

enum class Checksum {
  if_present,  // for files of any origin
  required     // for our own: one without it is damaged
};

// Tensors are on the CPU, contiguous, without grad.
TensorFile read_safetensors(const std::string& file, Checksum checksum = Checksum::if_present);

// Hands the file's bytes to `put`, from first to last, after everything about `content` is checked. Tensors of any device
// and memory layout.
//   file  its name, for errors
void write_safetensors(const std::string& file, const TensorFile& content,
                       const std::function<void(const void* bytes, size_t size)>& put);

}  // namespace plexiform
