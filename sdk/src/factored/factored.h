// Convolution with kernels that factor, W[o,i,j,a,c] = temporal[o,i,j] spatial[o,i,a,c], without W and without maps of
// every (o, i) passing through memory:
//   y[b,o,t,h,w] = sum_i sum_j temporal[o,i,j] sum_a,c spatial[o,i,a,c] x[b,i, t+j-t0, h+a-h0, w+c-w0]
// t0, h0, w0 zeros before each axis; x is 0 outside. Stride 1, any sizes, B >= 1.
// Plain C++: no LibTorch. Nothing here is checked or allocated.
//
// Three ways, by (o, i), the first two orders of the factors:
//   space first  each input frame in space, then in time. Fewer multiplications where outputs are much smaller than
//                inputs, and its backward pass needs the maps of the forward pass only. Has no gradient of the input.
//   time first   each output frame: the frame that the temporal kernel makes of the input stays in the cache, is
//                filtered in space, and is made again in the backward pass.
//   in frequency the Fourier transforms of all are multiplied: far fewer multiplications for large kernels. Two samples,
//                or pieces of them, share a transform, of which rounding, and what is not finite, reaches the other one.
//
// Layout: tensors as LibTorch has them, (B, C, T, H, W) contiguous. Inside, blocks of `lanes` outputs are the last axis,
// one or two vector registers; the last block is filled up with zeros:
//   temporal [block][i][j][lane]   spatial [block][i][a,c][lane]   maps [b][block][i][h,w][t][lane]
//
// Threads: a pass is prepare(), then, for each stage of stages() in turn, run(job, stage, k) for each k < job.parts in any
// order or at once, then finish(). Sums are in an order that depends on `parts` alone: the same bits for the same parts.
#pragma once

#include <cstdint>

namespace plexiform::factored {

struct Problem {
  int64_t batch = 1, inputs = 1, outputs = 1;  // B, I, O
  int64_t time = 1, height = 1, width = 1;     // T, H, W of the input
  int64_t bins = 1, rows = 1, columns = 1;     // kt, kh, kw of the kernel
  // Zeros around the input.
  int64_t time_before = 0, time_after = 0;
  int64_t rows_before = 0, rows_after = 0;
  int64_t columns_before = 0, columns_after = 0;

  int64_t out_time() const { return time + time_before + time_after - bins + 1; }
  int64_t out_height() const { return height + rows_before + rows_after - rows + 1; }
  int64_t out_width() const { return width + columns_before + columns_after - columns + 1; }
};

enum class Order { space_first, time_first, in_frequency };

template <class Real>
struct Job {
  Problem problem;
  Order order = Order::time_first;
  int parts = 1;
  const Real* input = nullptr;     // (B, I, T, H, W)
  const Real* temporal = nullptr;  // (O, I, kt)
  const Real* spatial = nullptr;   // (O, I, kh, kw)
  Real* workspace = nullptr;       // workspace_size() numbers, 64-byte aligned; free between two passes
  Real* maps = nullptr;            // maps_size() numbers, 64-byte aligned, from the forward to the backward pass of
                                   // space first; null: they are computed again
  Real* output = nullptr;          // forward: (B, O, T', H', W')

  const Real* output_gradient = nullptr;  // backward: (B, O, T', H', W')
  Real* temporal_gradient = nullptr;      // (O, I, kt); null, with the next: not wanted. Not space first
  Real* spatial_gradient = nullptr;       // (O, I, kh, kw)
  Real* input_gradient = nullptr;         // (B, I, T, H, W); null: not wanted. Not space first
};

template <class Real>
struct Kernels {
  const char* name;  // of the instructions
  bool plain;        // plain C++: several times slower
  int lanes, register_lanes;
  int64_t (*workspace_size)(const Job<Real>&);
  int64_t (*maps_size)(const Problem&);
  int (*stages)(const Job<Real>&);
  void (*prepare)(const Job<Real>&);
  void (*run)(const Job<Real>&, int stage, int part);  // forward, or backward where job.output_gradient is given
  void (*finish)(const Job<Real>&);                    // backward: writes what is not yet written

  // For a stream, of one sample and in one part, space first or in frequency: what is made of each frame is pushed into a
  // bin of the ring job.maps, and summed with that of the frames before. job.input: the frame (I, H, W); job.maps:
  // frame_maps_size() numbers, zeros before the first frame; job.workspace: frame_workspace_size() numbers, kept;
  // job.output: (O, H', W').
  int64_t (*frame_workspace_size)(const Job<Real>&);
  int64_t (*frame_maps_size)(const Job<Real>&);
  void (*frame_prepare)(const Job<Real>&);
  void (*push)(const Job<Real>&, int64_t bin);
  void (*sum)(const Job<Real>&, int64_t newest);
};

// Kernels for `outputs` on this machine. float: AVX-512, AVX2 with FMA, or plain C++; double: plain C++.
template <class Real>
const Kernels<Real>& kernels(int64_t outputs);

// All that this machine can run, the fastest first.
template <class Real>
struct Choice {
  const Kernels<Real>* list[4];
  int count = 0;
};
template <class Real>
Choice<Real> all_kernels();

struct Wanted {  // gradients
  bool kernels = false, input = false;
};

// Multiplications of the forward pass and the backward pass to what is wanted, per (o, i) and sample; of one of the two orders.
double multiplications(const Problem&, Order, Wanted);
double dense_multiplications(const Problem&, Wanted);

// The time that they take, in multiplications of time first; with space first also that of keeping the maps.
//   register_lanes  as in Kernels
double cost(const Problem&, Order, Wanted, int register_lanes);

// The order of least cost; not space first where the gradient of the input is wanted.
Order cheaper_order(const Problem&, Wanted, int register_lanes);

// The same for the frames of a stream: space first and in frequency, what is made of each frame is kept; time first, the
// frames are. problem: of one output frame, time: bins, no zeros before and after.
Order cheaper_order_of_frames(const Problem&, int register_lanes);

}  // namespace plexiform::factored
