// What the directory of a zip archive says of its entries' bytes, which LibTorch's reader of such archives does not look at.
// Source   PKWARE's APPNOTE 6.3.10, 4.3.12 to 4.3.16.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace plexiform {

// The CRC-32 of each entry, by its name without the archive's folder ("data/0"), as far as the directory can be read. 0 also
// where the writer has left it out, as torch.serialization.set_crc32_options(False) asks for.
std::map<std::string, uint32_t> zip_checksums(const std::string& file);

}  // namespace plexiform
