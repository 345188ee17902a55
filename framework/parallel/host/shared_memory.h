// How processes of one machine exchange what they have: through memory that they share, in which a process that waits watches
// for the others. That takes microseconds; to be woken by a socket, as Gloo is, takes a tenth of a millisecond, on a virtual
// machine a whole one, and a training step exchanges something at every batch norm.
// Errors   std::runtime_error: "connection lost" when another process has ended, "timeout" when it has long been silent.
// Threads  one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace plexiform::parallel {

class SharedMemory {
 public:
  static std::string new_name();

  static constexpr size_t piece = size_t{1} << 18;  // bytes that are exchanged at once

  // Memory of that name, which every process opens; null where this system does not give it. It is that of `size` processes,
  // of which this is number `rank`; timeout in seconds.
  static std::unique_ptr<SharedMemory> open(const std::string& name, int rank, int size, double timeout);
  // Once all have opened it, or one could not: it goes with its last process.
  static void forget_name(const std::string& name);
  ~SharedMemory();
  SharedMemory(const SharedMemory&) = delete;

  // Whether all have opened this memory, and none has ended since.
  bool all_live() const;

  // What every process gave, in their order: `bytes` each. Once all have opened it, all of them call it, with the same `bytes`.
  void exchange(const void* own, void* all, size_t bytes);

 private:
  struct Lane;
  SharedMemory(int file, void* memory, int rank, int size, double timeout);
  Lane& lane(int rank) const;
  char* slot(int rank) const;
  void wait_for(int rank) const;
  bool lives(int rank) const;

  const int file_, rank_, size_;
  const double timeout_;
  char* const memory_;
  uint64_t exchanges_ = 0;
};

}  // namespace plexiform::parallel
