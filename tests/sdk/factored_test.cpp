// The fused kernels of sdk/src/factored against the formula of their header, for every set of instructions that this
// machine has, in each order, many shapes. Sees no LibTorch.
#include <factored/factored.h>
#include <factored/spectrum.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <cstring>
#include <numeric>
#include <random>
#include <string>
#include <vector>

using namespace plexiform::factored;

namespace {

struct Gradients {
  std::vector<double> output, input, temporal, spatial;
};

template <class Real>
class Case {
 public:
  Case(const Problem& problem, unsigned seed) : p(problem) {
    std::mt19937 engine(seed);
    for (auto* values : {&x, &t, &s, &dy}) {
      values->resize(static_cast<size_t>(values == &x   ? p.batch * p.inputs * p.time * p.height * p.width
                                         : values == &t ? p.outputs * p.inputs * p.bins
                                         : values == &s
                                             ? p.outputs * p.inputs * p.rows * p.columns
                                             : p.batch * p.outputs * p.out_time() * p.out_height() * p.out_width()));
      for (auto& value : *values) value = static_cast<Real>(std::uniform_real_distribution(-1.0, 1.0)(engine));
    }
  }

  // The formula, tap by tap, in double.
  Gradients formula() const {
    Gradients r = {zeros(dy), zeros(x), zeros(t), zeros(s)};
    const int64_t T1 = p.out_time(), H1 = p.out_height(), W1 = p.out_width();
    for (int64_t o = 0; o < p.outputs; ++o)
      for (int64_t i = 0; i < p.inputs; ++i)
        for (int64_t j = 0; j < p.bins; ++j)
          for (int64_t a = 0; a < p.rows; ++a)
            for (int64_t c = 0; c < p.columns; ++c) {
              const auto at_t = index((o * p.inputs + i) * p.bins + j);
              const auto at_s = index(((o * p.inputs + i) * p.rows + a) * p.columns + c);
              const double weight = double{t[at_t]} * double{s[at_s]};
              double sum = 0;
              for (int64_t b = 0; b < p.batch; ++b)
                for (int64_t k = 0; k < T1; ++k)
                  for (int64_t h = 0; h < H1; ++h)
                    for (int64_t w = 0; w < W1; ++w) {
                      const int64_t from_k = k + j - p.time_before, from_h = h + a - p.rows_before,
                                    from_w = w + c - p.columns_before;
                      if (from_k < 0 || from_k >= p.time || from_h < 0 || from_h >= p.height || from_w < 0 ||
                          from_w >= p.width)
                        continue;
                      const auto in =
                          index((((b * p.inputs + i) * p.time + from_k) * p.height + from_h) * p.width + from_w);
                      const auto out = index((((b * p.outputs + o) * T1 + k) * H1 + h) * W1 + w);
                      r.output[out] += weight * double{x[in]};
                      r.input[in] += weight * double{dy[out]};
                      sum += double{x[in]} * double{dy[out]};
                    }
              r.temporal[at_t] += sum * double{s[at_s]};
              r.spatial[at_s] += sum * double{t[at_t]};
            }
    return r;
  }

  struct How {
    Order order;
    int parts = 1;
    bool keep_maps = true, input_gradient = false;
  };
  struct Result {
    std::vector<Real> output, input, temporal, spatial;
    bool operator==(const Result&) const = default;
  };

  Result run(const Kernels<Real>& kernels, const How& how) const {
    const Real nothing = std::nan("");
    auto unset = [&](const auto& like) { return std::vector<Real>(like.size(), nothing); };
    Result r = {unset(dy), unset(x), unset(t), unset(s)};
    Job<Real> job;
    job.problem = p;
    job.order = how.order;
    job.parts = how.parts;
    job.input = x.data(), job.temporal = t.data(), job.spatial = s.data();
    std::vector<Real> maps(how.keep_maps ? static_cast<size_t>(kernels.maps_size(p)) + 16 : 0, nothing);
    if (how.keep_maps && how.order == Order::space_first) job.maps = aligned(maps);

    auto run = [&](std::vector<int> parts) {
      std::vector<Real> workspace(static_cast<size_t>(kernels.workspace_size(job)) + 16, nothing);
      job.workspace = aligned(workspace);
      kernels.prepare(job);
      for (int stage = 0; stage < kernels.stages(job); ++stage) {
        for (const int part : parts) kernels.run(job, stage, part);
      }
      kernels.finish(job);
    };
    std::vector<int> parts(index(how.parts));
    std::iota(parts.begin(), parts.end(), 0);
    job.output = r.output.data();
    run(parts);
    job.output_gradient = dy.data();
    job.temporal_gradient = r.temporal.data(), job.spatial_gradient = r.spatial.data();
    if (how.input_gradient) job.input_gradient = r.input.data();
    run({parts.rbegin(), parts.rend()});  // in any order
    if (!how.input_gradient) r.input.clear();
    return r;
  }

  // The output, (B, O, T', H', W'), by what is kept of one frame after the other.
  std::vector<Real> stream(const Kernels<Real>& kernels, Order order) const {
    std::vector<Real> output(dy.size(), std::nan(""));
    const int64_t Q = p.height * p.width, Q1 = p.out_height() * p.out_width();
    Job<Real> job;
    job.problem = p;
    job.order = order;
    job.temporal = t.data(), job.spatial = s.data();
    std::vector<Real> workspace(index(kernels.frame_workspace_size(job)) + 16, std::nan("")),
        maps(index(kernels.frame_maps_size(job)) + 16);
    job.workspace = aligned(workspace), job.maps = aligned(maps);
    kernels.frame_prepare(job);
    for (int64_t b = 0; b < p.batch; ++b) {
      std::fill(maps.begin(), maps.end(), Real(0));
      for (int64_t k = 0; k < p.time + p.time_before; ++k) {
        const int64_t frame = k - p.time_before;
        std::vector<Real> shown(index(p.inputs * Q)), y(index(p.outputs * Q1), std::nan(""));
        for (int64_t i = 0; i < p.inputs && frame >= 0; ++i)
          std::copy_n(&x[index(((b * p.inputs + i) * p.time + frame) * Q)], Q, &shown[index(i * Q)]);
        job.input = shown.data(), job.output = y.data();
        kernels.push(job, k % p.bins);
        const int64_t t0 = k - p.bins + 1;
        if (t0 < 0 || t0 >= p.out_time()) continue;
        kernels.sum(job, k % p.bins);
        for (int64_t o = 0; o < p.outputs; ++o)
          std::copy_n(&y[index(o * Q1)], Q1, &output[index(((b * p.outputs + o) * p.out_time() + t0) * Q1)]);
      }
    }
    return output;
  }

  const Problem p;

 private:
  static size_t index(int64_t n) { return static_cast<size_t>(n); }
  static std::vector<double> zeros(const std::vector<Real>& like) { return std::vector<double>(like.size()); }
  static Real* aligned(std::vector<Real>& memory) {
    const auto at = reinterpret_cast<uintptr_t>(memory.data());
    return memory.data() + ((at + 63) / 64 * 64 - at) / sizeof(Real);
  }

  std::vector<Real> x, t, s, dy;
};

// The largest difference, in units of the largest number expected.
template <class Real>
double difference(const std::vector<Real>& found, const std::vector<double>& expected) {
  double largest = 0, difference = 0;
  for (size_t k = 0; k < expected.size(); ++k) {
    largest = std::max(largest, std::abs(expected[k]));
    const double here = std::abs(double{found[k]} - expected[k]);
    difference = here <= difference ? difference : here;  // not a number stays
  }
  return largest > 0 ? difference / largest : difference;
}

std::vector<Problem> random_problems(int count) {
  std::mt19937 engine(7);
  auto draw = [&](int64_t low, int64_t high) { return std::uniform_int_distribution(low, high)(engine); };
  auto zeros = [&](int64_t most) { return draw(0, 1) * draw(0, most); };
  // Of several groups of samples for each part; of maps that are taken in bands of rows, the last one smaller.
  std::vector<Problem> all = {
      {.batch = 33, .inputs = 2, .outputs = 3, .time = 5, .height = 3, .width = 4, .bins = 2, .rows = 3, .columns = 2},
      {.batch = 3,
       .inputs = 2,
       .outputs = 5,
       .time = 6,
       .height = 20,
       .width = 30,
       .bins = 3,
       .rows = 4,
       .columns = 5,
       .rows_before = 1,
       .columns_after = 2}};
  while (std::ssize(all) < count) {
    Problem p;
    p.batch = draw(1, 3), p.inputs = draw(1, 4), p.outputs = draw(1, 20);
    p.bins = draw(1, 7), p.rows = draw(1, 6), p.columns = draw(1, 7);
    p.time_before = zeros(8), p.time_after = zeros(3);
    p.rows_before = zeros(7), p.rows_after = zeros(7), p.columns_before = zeros(7), p.columns_after = zeros(7);
    p.time = draw(1, 18), p.height = draw(1, 8), p.width = draw(1, 30);
    if (p.out_time() > 0 && p.out_height() > 0 && p.out_width() > 0) all.push_back(p);
  }
  return all;
}

std::string text(const Problem& p) {
  std::string all;
  for (const int64_t n : {p.batch, p.inputs, p.outputs, p.time, p.height, p.width, p.bins, p.rows, p.columns,
                          p.time_before, p.time_after, p.rows_before, p.rows_after, p.columns_before, p.columns_after})
    all.append(" ").append(std::to_string(n));
  return all;
}

template <class Real>
void check_against_formula(double output_tolerance, double gradient_tolerance) {
  unsigned seed = 0;
  for (const auto& p : random_problems(60)) {
    const Case<Real> one(p, ++seed);
    const auto expected = one.formula();
    const auto choice = all_kernels<Real>();
    for (int k = 0; k < choice.count; ++k) {
      const auto& kernels = *choice.list[k];
      const int parts = 1 + static_cast<int>(seed) % 4;
      INFO(kernels.name << ", " << kernels.lanes << " lanes, " << parts << " parts," << text(p));
      for (const auto& how : {typename Case<Real>::How{Order::space_first, parts, true},
                              {Order::space_first, parts, false},
                              {Order::time_first, parts, false, true},
                              {Order::in_frequency, parts, false},
                              {Order::in_frequency, parts, false, true}}) {
        const auto found = one.run(kernels, how);
        CHECK(difference(found.output, expected.output) < output_tolerance);
        CHECK(difference(found.temporal, expected.temporal) < gradient_tolerance);
        CHECK(difference(found.spatial, expected.spatial) < gradient_tolerance);
        if (how.input_gradient) CHECK(difference(found.input, expected.input) < gradient_tolerance);
      }
    }
  }
}

const Problem low_resolution = {.batch = 128,
                                .inputs = 2,
                                .outputs = 16,
                                .time = 50,
                                .height = 18,
                                .width = 16,
                                .bins = 21,
                                .rows = 11,
                                .columns = 11};

// Without a gradient of the input, with which a sample is one piece.
void check_in_frequency(const Problem& p, unsigned seed) {
  const Case<double> one(p, seed);
  const auto expected = one.formula();
  const auto found = one.run(kernels<double>(p.outputs), {Order::in_frequency, 2, false});
  INFO(text(p));
  CHECK(difference(found.output, expected.output) < 1e-12);
  CHECK(difference(found.temporal, expected.temporal) < 1e-12);
  CHECK(difference(found.spatial, expected.spatial) < 1e-12);
}

}  // namespace

TEST_CASE("fused kernels in float are their formula, forward and all gradients") {
  check_against_formula<float>(4e-6, 1e-5);
}

TEST_CASE("fused kernels in double are their formula, forward and all gradients") {
  check_against_formula<double>(1e-12, 1e-12);
}

TEST_CASE("what is kept of one frame after the other makes the same output") {
  unsigned seed = 0;
  for (auto p : random_problems(40)) {
    p.time_after = 0;
    if (p.out_time() < 1) continue;
    const Case<float> one(p, ++seed);
    const auto expected = one.formula().output;
    const auto choice = all_kernels<float>();
    for (int k = 0; k < choice.count; ++k) {
      INFO(choice.list[k]->name << ", " << choice.list[k]->lanes << " lanes," << text(p));
      for (const Order order : {Order::space_first, Order::in_frequency})
        CHECK(difference(one.stream(*choice.list[k], order), expected) < 4e-6);
    }
  }
}

TEST_CASE("of a stream, frames, maps or spectra are kept, whichever costs least") {
  Problem p = low_resolution;
  p.batch = 1, p.time = p.bins;
  CHECK(cheaper_order_of_frames(p, 16) == Order::space_first);
  p.height = 72, p.width = 64;  // the maps of all pairs leave the cache
  CHECK(cheaper_order_of_frames(p, 16) == Order::in_frequency);
  Problem many = p;
  many.inputs = many.outputs = 256;  // transforms of kernels would take 1 GB
  CHECK(cheaper_order_of_frames(many, 16) == Order::time_first);
  p.rows = p.columns = 1;
  CHECK(cheaper_order_of_frames(p, 16) == Order::time_first);
  CHECK(cheaper_order_of_frames({.inputs = 16,
                                 .outputs = 16,
                                 .time = 11,
                                 .height = 8,
                                 .width = 6,
                                 .bins = 11,
                                 .rows = 5,
                                 .columns = 5,
                                 .rows_before = 2,
                                 .rows_after = 2,
                                 .columns_before = 2,
                                 .columns_after = 2},
                                16) == Order::in_frequency);
}

TEST_CASE("the same number of parts gives the same bits") {
  Problem p = {.batch = 2,
               .inputs = 3,
               .outputs = 16,
               .time = 12,
               .height = 9,
               .width = 10,
               .bins = 5,
               .rows = 3,
               .columns = 3,
               .rows_before = 1,
               .rows_after = 1};
  const Case<float> one(p, 1);
  const auto& k = kernels<float>(p.outputs);
  for (const auto& how : {Case<float>::How{Order::space_first, 3},
                          {Order::time_first, 3, false, true},
                          {Order::in_frequency, 3, false, true}}) {
    CHECK(one.run(k, how) == one.run(k, how));
  }
}

TEST_CASE("gradients that nobody wants are not written") {
  const Case<float> one({.outputs = 3, .time = 5, .height = 4, .width = 4, .bins = 3, .rows = 3, .columns = 3}, 1);
  const auto found = one.run(kernels<float>(3), {Order::time_first});
  CHECK(found.input.empty());
}

TEST_CASE("a long sample is taken in pieces in frequency, as the formula has it") {
  unsigned seed = 0;
  Problem one_piece = {.batch = 2, .inputs = 2, .outputs = 3, .time = 120, .height = 3, .width = 4, .bins = 60};
  one_piece.rows = one_piece.columns = 2, one_piece.time_before = 59;  // long, but with its zeros alone
  std::vector<Problem> all = {one_piece};
  for (const int64_t time : {129, 140, 200}) {
    Problem p = {.batch = 1 + time % 2, .inputs = 2, .outputs = 5, .time = time, .height = 4, .width = 5, .bins = 6};
    p.rows = 3, p.columns = 2, p.rows_before = 1, p.time_before = time % 4, p.time_after = time % 3;
    all.push_back(p);
  }
  all.push_back(all.back());
  all.back().height = 18, all.back().width = 20;  // in bands of rows
  for (const auto& p : all) check_in_frequency(p, ++seed);
}

TEST_CASE(
    "a sample without another to share a transform with is taken in pieces that share one, as the formula has it") {
  unsigned seed = 0;
  for (const int64_t batch : {1, 3, 5}) {
    Problem p = {.batch = batch, .inputs = 2, .outputs = 3, .time = 20, .height = 4, .width = 5, .bins = 4};
    p.rows = 3, p.columns = 2, p.rows_before = 1;
    for (const int64_t zeros : {0, 3}) {
      p.time_before = zeros;
      const Spectrum cut = spectrum(p, false);
      CHECK(cut.pieces == (batch < 5 ? 2 : 1));
      CHECK((batch * cut.pieces + 1) / 2 * cut.times <= (batch + 1) / 2 * spectrum(p, true).times);
      CHECK(spectrum(p, true).pieces == 1);
      check_in_frequency(p, ++seed);
    }
  }
  const Problem one_frame = {.batch = 1, .time = 3, .bins = 3};
  CHECK(spectrum(one_frame, false).pieces == 1);
}

TEST_CASE("large kernels are multiplied in frequency; else space comes first, or time where maps are padded") {
  const Wanted kernels_alone = {.kernels = true}, all = {.kernels = true, .input = true};
  CHECK(cheaper_order(low_resolution, kernels_alone, 16) == Order::in_frequency);
  Problem many = low_resolution;  // channels, whose transforms would take gigabytes
  many.inputs = many.outputs = 1024;
  CHECK(cheaper_order(many, kernels_alone, 16) != Order::in_frequency);
  Problem one_long = low_resolution;
  one_long.batch = 1, one_long.time = 750;
  CHECK(cheaper_order(one_long, kernels_alone, 16) == Order::space_first);
  CHECK(cheaper_order(one_long, all, 16) == Order::time_first);
  Problem causal = {.inputs = 1,
                    .outputs = 16,
                    .time = 60,
                    .height = 48,
                    .width = 40,
                    .bins = 21,
                    .rows = 8,
                    .columns = 8,
                    .time_before = 20};
  causal.rows_before = causal.columns_before = 3, causal.rows_after = causal.columns_after = 4;
  CHECK(cheaper_order(causal, kernels_alone, 16) == Order::time_first);
}

TEST_CASE("the multiplications of each factor are counted, those by zero are not") {
  const Problem p = {.time = 10, .height = 6, .width = 7, .bins = 3, .rows = 2, .columns = 4};  // out: 8 x 5 x 4
  CHECK(multiplications(p, Order::space_first, {}) == 10 * (5 * 2) * (4 * 4) + (5 * 4) * (8 * 3));
  CHECK(multiplications(p, Order::time_first, {}) == 8 * (5 * 2) * (4 * 4) + (6 * 7) * (8 * 3));
  CHECK(dense_multiplications(p, {}) == 3 * 2 * 4 * 8 * 5 * 4);
  Problem padded = p;  // zeros are not multiplied: rows 0 .. 7 have 1 2 2 2 2 2 1 0 taps
  padded.rows_before = 1, padded.rows_after = 2;
  CHECK(multiplications(padded, Order::time_first, {}) == 8 * 12 * (4 * 4) + (6 * 7) * (8 * 3));
}

TEST_CASE("kernels are the fastest of this machine, narrow where few outputs would leave lanes empty") {
  const auto all = all_kernels<float>();
  const auto& fastest = *all.list[0];
  for (int64_t outputs = 9; outputs < 40; ++outputs) CHECK(std::string(kernels<float>(outputs).name) == fastest.name);
  CHECK(kernels<float>(16).lanes == fastest.lanes);
  for (int64_t outputs = 1; outputs <= 8; ++outputs) CHECK(kernels<float>(outputs).lanes == 8);
  if (std::string(fastest.name) == "AVX2") CHECK(kernels<float>(24).lanes == 8);
}
