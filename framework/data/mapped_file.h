// A part of a file in memory, read-only: its pages come and go as they are used.
#pragma once

#include <plexiform/error.h>

#include <boost/interprocess/file_mapping.hpp>
#include <boost/interprocess/mapped_region.hpp>
#include <cstdint>
#include <memory>
#include <string>

namespace plexiform::data {

// Throws Error(file, ...). The file must stay as it is as long as the region.
inline std::shared_ptr<const boost::interprocess::mapped_region> map_part(const std::string& file, int64_t begin,
                                                                          int64_t bytes) {
  namespace ipc = boost::interprocess;
  try {
    return std::make_shared<const ipc::mapped_region>(ipc::file_mapping(file.c_str(), ipc::read_only), ipc::read_only,
                                                      begin, bytes);
  } catch (const ipc::interprocess_exception& e) {
    throw Error(file, std::string("cannot be mapped into memory: ") + e.what(), "free some memory");
  }
}

}  // namespace plexiform::data
