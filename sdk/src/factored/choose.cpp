#include "factored.h"

namespace plexiform::factored {

extern const Kernels<float> plain_float;
extern const Kernels<double> plain_double;

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
extern const Kernels<float> avx2_8, avx2_16, avx512_16;
#endif

template <>
Choice<float> all_kernels() {
  Choice<float> found;
  auto add = [&](const Kernels<float>& kernels) { found.list[found.count++] = &kernels; };
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512dq");
  if (avx2 && avx512) add(avx512_16);
  if (avx2) add(avx2_16), add(avx2_8);
#endif
  add(plain_float);
  return found;
}

template <>
Choice<double> all_kernels() {
  return {.list = {&plain_double}, .count = 1};
}

template <class Real>
const Kernels<Real>& kernels(int64_t outputs) {
  static const Choice<Real> choice = all_kernels<Real>();
  auto lanes_used = [&](int n) { return (outputs + n - 1) / n * n; };
  const Kernels<Real>* best = choice.list[0];
  // Narrower vectors of the same machine where fewer lanes stay empty: 8 outputs of a block of 16 cost all 16.
  for (int k = 1; k < choice.count && choice.list[k]->name != plain_float.name; ++k) {
    if (lanes_used(choice.list[k]->lanes) * 4 < lanes_used(best->lanes) * 3) best = choice.list[k];
  }
  return *best;
}
template const Kernels<float>& kernels(int64_t);
template const Kernels<double>& kernels(int64_t);

namespace {

double number(int64_t n) { return static_cast<double>(n); }

// Taps of one axis that meet the input, summed over outputs.
double taps(int64_t in, int64_t kernel, int64_t before, int64_t out) {
  int64_t sum = 0;
  for (int64_t k = 0; k < out; ++k) {
    const int64_t first = before > k ? before - k : 0, last = before + in - k < kernel ? before + in - k : kernel;
    if (last > first) sum += last - first;
  }
  return number(sum);
}

}  // namespace

double multiplications(const Problem& p, Order order, bool input_gradient) {
  const double space = taps(p.height, p.rows, p.rows_before, p.out_height()) *
                       taps(p.width, p.columns, p.columns_before, p.out_width());  // of one frame
  const double time = taps(p.time, p.bins, p.time_before, p.out_time());           // of one pixel
  const double pixels = number(p.height * p.width), out_pixels = number(p.out_height() * p.out_width());
  if (order == Order::space_first) return 2 * number(p.time) * space + 3 * out_pixels * time;
  return 3 * number(p.out_time()) * space + (input_gradient ? 4 : 3) * pixels * time;
}

double dense_multiplications(const Problem& p, bool input_gradient) {
  return (input_gradient ? 3 : 2) * number(p.bins * p.rows * p.columns) *
         number(p.out_time() * p.out_height() * p.out_width());
}

Order cheaper_order(const Problem& p, bool input_gradient) {
  if (input_gradient) return Order::time_first;
  return multiplications(p, Order::space_first, false) < multiplications(p, Order::time_first, false)
             ? Order::space_first
             : Order::time_first;
}

}  // namespace plexiform::factored
