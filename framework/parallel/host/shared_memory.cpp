#include <fcntl.h>
#include <fmt/format.h>
#include <parallel/host/shared_memory.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <random>
#include <stdexcept>
#include <thread>

namespace plexiform::parallel {

using Clock = std::chrono::steady_clock;

// Before all slots. There are two slots for each process, used in turn: who is in exchange k + 1 has read all of exchange k,
// so that nobody who writes for exchange k + 2 disturbs a reader.
struct SharedMemory::Lane {
  alignas(64) std::atomic<uint64_t> written;  // exchanges for which the process has filled its slot
};

namespace {

constexpr std::chrono::microseconds watching{2000}, asleep{50};

size_t bytes_for(int size, size_t lane) { return static_cast<size_t>(size) * (lane + 2 * SharedMemory::piece); }

// A lock on a byte of the file, of whoever has opened it; the system gives it back when a process ends, however that comes.
flock lock_of(int rank) {
  flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = rank;
  lock.l_len = 1;
  return lock;
}

void spin_hint() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace

std::string SharedMemory::new_name() {
  std::random_device random;  // a name, nothing that is computed with
  return fmt::format("/plexiform-{:08x}{:08x}", random(), random());
}

std::unique_ptr<SharedMemory> SharedMemory::open(const std::string& name, int rank, int size, double timeout) {
  static_assert(std::atomic<uint64_t>::is_always_lock_free);
  const int file = shm_open(name.c_str(), O_RDWR | O_CREAT, 0600);
  if (file < 0) return nullptr;
  const size_t bytes = bytes_for(size, sizeof(Lane));
  auto lock = lock_of(rank);
  void* memory = MAP_FAILED;
  // Reserved: a full file system would otherwise be a signal at the first write.
  if (posix_fallocate(file, 0, static_cast<off_t>(bytes)) == 0 && fcntl(file, F_OFD_SETLK, &lock) == 0)
    memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (memory == MAP_FAILED) {
    close(file);
    return nullptr;
  }
  return std::unique_ptr<SharedMemory>(new SharedMemory(file, memory, rank, size, timeout));
}

void SharedMemory::forget_name(const std::string& name) { shm_unlink(name.c_str()); }

SharedMemory::SharedMemory(int file, void* memory, int rank, int size, double timeout)
    : file_(file), rank_(rank), size_(size), timeout_(timeout), memory_(static_cast<char*>(memory)) {}

SharedMemory::~SharedMemory() {
  munmap(memory_, bytes_for(size_, sizeof(Lane)));
  close(file_);
}

SharedMemory::Lane& SharedMemory::lane(int rank) const {
  return *reinterpret_cast<Lane*>(memory_ + static_cast<size_t>(rank) * sizeof(Lane));  // zeros, as the system gives it
}

char* SharedMemory::slot(int rank) const {
  const auto number = static_cast<size_t>(rank) * 2 + exchanges_ % 2;
  return memory_ + static_cast<size_t>(size_) * sizeof(Lane) + number * piece;
}

bool SharedMemory::lives(int rank) const {
  auto lock = lock_of(rank);
  return fcntl(file_, F_OFD_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
}

bool SharedMemory::all_live() const {
  for (int rank = 0; rank < size_; ++rank) {
    if (rank != rank_ && !lives(rank)) return false;
  }
  return true;
}

void SharedMemory::wait_for(int rank) const {
  const auto& written = lane(rank).written;
  const auto there = [&] { return written.load(std::memory_order_acquire) >= exchanges_; };
  const auto start = Clock::now();
  for (int i = 0; !there(); ++i) {
    spin_hint();
    if (i % 64 != 63) continue;
    sched_yield();  // to the other, if it has to share this core
    const auto waited = Clock::now() - start;
    if (waited < watching) continue;
    if (!lives(rank) && !there()) throw std::runtime_error("connection lost");
    if (waited > std::chrono::duration<double>(timeout_)) throw std::runtime_error("timeout");
    std::this_thread::sleep_for(asleep);
  }
}

void SharedMemory::exchange(const void* own, void* all, size_t bytes) {
  for (size_t at = 0; at < bytes; at += piece) {
    const size_t size = std::min(piece, bytes - at);
    ++exchanges_;
    std::memcpy(slot(rank_), static_cast<const char*>(own) + at, size);
    lane(rank_).written.store(exchanges_, std::memory_order_release);
    for (int rank = 0; rank < size_; ++rank) {
      wait_for(rank);
      std::memcpy(static_cast<char*>(all) + static_cast<size_t>(rank) * bytes + at, slot(rank), size);
    }
  }
}

}  // namespace plexiform::parallel
