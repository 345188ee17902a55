// Tensor files (plexiform/safetensors.h) as the host writes them: whole or not at all.
#pragma once

#include <plexiform/safetensors.h>

namespace plexiform::model {

using plexiform::Checksum;
using plexiform::read_safetensors;
using plexiform::TensorFile;

// A failure leaves the old file (files/atomic_file.h).
void write_safetensors(const std::string& file, const TensorFile& content);

}  // namespace plexiform::model
