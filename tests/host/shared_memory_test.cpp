// Memory that the processes of one machine share; threads stand for them.
#include <parallel/host/shared_memory.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <latch>
#include <thread>
#include <vector>

using plexiform::parallel::SharedMemory;

namespace {

void need_shared_memory() {
  const auto name = SharedMemory::new_name();
  const auto memory = SharedMemory::open(name, 0, 3, 1);
  SharedMemory::forget_name(name);
  if (!memory) SKIP("this system gives no shared memory; processes then exchange through Gloo");
}

}  // namespace

TEST_CASE("each process gets what all have written, also more than fits at once, again and again") {
  need_shared_memory();
  constexpr int processes = 3, rounds = 50;
  const auto name = SharedMemory::new_name();
  std::vector<int> wrong(processes);
  std::latch opened(processes);
  const auto act = [&](int rank) {
    const auto memory = SharedMemory::open(name, rank, processes, 60);
    opened.arrive_and_wait();
    try {
      wrong[rank] += memory->all_live() ? 0 : 1;
      for (const size_t count : {size_t{1}, size_t{1000}, size_t{200000}}) {
        std::vector<int32_t> own(count), all(count * processes);
        for (int round = 0; round < rounds; ++round) {
          const auto value = [&](int of, size_t i) {
            return static_cast<int32_t>(i) * processes * rounds + round * processes + of;
          };
          for (size_t i = 0; i < count; ++i) own[i] = value(rank, i);
          memory->exchange(own.data(), all.data(), count * sizeof(int32_t));
          for (int of = 0; of < processes; ++of) {
            for (size_t i = 0; i < count; ++i) wrong[rank] += all[static_cast<size_t>(of) * count + i] != value(of, i);
          }
        }
      }
    } catch (const std::exception&) {
      wrong[rank] = -1;
    }
  };
  std::vector<std::thread> threads;
  for (int rank = 0; rank < processes; ++rank) threads.emplace_back(act, rank);
  for (auto& thread : threads) thread.join();
  SharedMemory::forget_name(name);
  CHECK(wrong == std::vector<int>(processes));
}

TEST_CASE("a process that stays silent is not waited for longer than is said, one that has gone not at all") {
  need_shared_memory();
  const auto name = SharedMemory::new_name();
  auto other = SharedMemory::open(name, 1, 2, 60);
  const auto impatient = SharedMemory::open(name, 0, 2, 0.01);
  SharedMemory::forget_name(name);
  REQUIRE((other && impatient));
  char own = 1, all[2];
  CHECK_THROWS_WITH(impatient->exchange(&own, all, 1), "timeout");
  other.reset();
  CHECK_THROWS_WITH(impatient->exchange(&own, all, 1), "connection lost");
  CHECK_FALSE(impatient->all_live());
}
