#include <cli/host/memory.h>
#include <malloc.h>
#include <sys/resource.h>

#include <fstream>
#include <string>

namespace plexiform::cli {
namespace {

// "VmData:    1234 kB" in bytes; 0 when the file has no such line.
uint64_t line_of(const std::string& file, const std::string& name) {
  std::ifstream lines(file);
  for (std::string word; lines >> word;) {
    uint64_t kilobytes = 0;
    if (word == name && lines >> kilobytes) return kilobytes * 1024;
  }
  return 0;
}

}  // namespace

void return_freed_memory() {
  mallopt(M_MMAP_THRESHOLD, 1 << 20);  // left alone it rises to what was freed last
  mallopt(M_MMAP_MAX, 1 << 16);        // glibc's own
  mallopt(M_TRIM_THRESHOLD, 1 << 20);
  malloc_trim(0);
}

void keep_freed_memory() {
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, -1);  // never
}

void refuse_what_does_not_fit() {
  const uint64_t free = line_of("/proc/meminfo", "MemAvailable:");
  rlimit limit{};
  if (free == 0 || getrlimit(RLIMIT_DATA, &limit) != 0) return;
  const uint64_t most = line_of("/proc/self/status", "VmData:") + free + line_of("/proc/meminfo", "SwapFree:");
  if (most >= limit.rlim_cur) return;
  limit.rlim_cur = most;
  setrlimit(RLIMIT_DATA, &limit);
}

}  // namespace plexiform::cli
