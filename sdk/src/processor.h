// What this machine's processor can do, for kernels that are compiled for several.
#pragma once

namespace plexiform {

#if defined(__x86_64__)
inline bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
inline bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512dq");
}
#endif

// Tables of the same functions for several sets of instructions: those that this machine can run, the fastest first.
template <class Kernels>
struct Choice {
  const Kernels* list[3] = {};
  int count = 0;
};
template <class Kernels>
Choice<Kernels> runnable(const Kernels& plain, [[maybe_unused]] const Kernels* avx2 = nullptr,
                         [[maybe_unused]] const Kernels* avx512 = nullptr) {
  Choice<Kernels> found;
#if defined(__x86_64__)
  if (avx512 && has_avx512()) found.list[found.count++] = avx512;
  if (avx2 && has_avx2()) found.list[found.count++] = avx2;
#endif
  found.list[found.count++] = &plain;
  return found;
}

}  // namespace plexiform
