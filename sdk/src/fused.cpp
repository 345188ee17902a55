#include "fused.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <plexiform/layers/convolution.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include "gradient_by_operators.h"
#include "parallel.h"

namespace plexiform::layers {

namespace {

using factored::Job, factored::Order, factored::Problem;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Maps of more bytes than this are not kept for the backward pass but computed again.
constexpr int64_t most_kept = int64_t{512} << 20;

// `kept` if it is large enough and nobody else holds it; else new memory of so many numbers, which is then kept.
at::Tensor memory_of(at::Tensor& kept, int64_t count, int64_t new_count, const at::TensorOptions& options) {
  const bool fits = kept.defined() && kept.numel() >= count && kept.scalar_type() == options.dtype().toScalarType();
  const c10::InferenceMode off(false);  // it is kept for a training that may follow
  if (fits && kept.use_count() == 1) return kept;
  kept.reset();  // before more is allocated
  return kept = at::empty({new_count}, options);
}

// Free between two passes: all layers that this thread runs share it. Kept for as long as the thread lives. A larger layer may
// follow, and what is outgrown is a hole in the heap: so half as much again, which takes no memory until it is written to.
template <class Real>
Real* workspace_of(int64_t count, const at::TensorOptions& options) {
  thread_local at::Tensor kept;
  return memory_of(kept, count, count + count / 2, options).data_ptr<Real>();
}

template <class Real>
struct Pass {
  Pass(const Problem& problem, Order order, const at::Tensor& x, const at::Tensor& t, const at::Tensor& s)
      : kernels(factored::kernels<Real>(problem.outputs)), options(x.options().requires_grad(false)) {
    job.problem = problem;
    job.order = order;
    job.parts = at::get_num_threads();
    job.input = x.const_data_ptr<Real>();
    job.temporal = t.const_data_ptr<Real>();
    job.spatial = s.const_data_ptr<Real>();
  }

  void forward(at::Tensor& y) {
    job.output = y.data_ptr<Real>();
    run();
  }

  void backward(const at::Tensor& dy, at::Tensor& dx, at::Tensor& dt, at::Tensor& ds) {
    job.output_gradient = dy.const_data_ptr<Real>();
    if (dx.defined()) job.input_gradient = dx.data_ptr<Real>();
    if (dt.defined()) job.temporal_gradient = dt.data_ptr<Real>();
    if (ds.defined()) job.spatial_gradient = ds.data_ptr<Real>();
    run();
  }

  void run() {
    job.workspace = workspace_of<Real>(kernels.workspace_size(job), options);
    kernels.prepare(job);
    const int stages = kernels.stages(job);
    for (int stage = 0; stage < stages; ++stage)
      in_parallel(job.parts, [&](int64_t part) { kernels.run(job, stage, static_cast<int>(part)); });
    kernels.finish(job);
  }

  const factored::Kernels<Real>& kernels;
  const at::TensorOptions options;
  Job<Real> job;
};

template <class Body>
auto with_dtype(const at::Tensor& x, Body&& body) {
  return x.scalar_type() == at::kFloat ? body(float{}) : body(double{});
}

at::Tensor dense(const Problem& p, const at::Tensor& x, const at::Tensor& t, const at::Tensor& s) {
  return convolve(x, t.unsqueeze(3).unsqueeze(4) * s, {p.time_before, p.time_after}, {p.rows_before, p.rows_after},
                  {p.columns_before, p.columns_after});
}

struct Fused : torch::autograd::Function<Fused> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& input, const at::Tensor& temporal,
                            const at::Tensor& spatial, const Problem* problem, factored::Wanted wanted,
                            FusedMemory* memory) {
    const auto &x = input, &t = temporal, &s = spatial;
    const Problem& p = *problem;
    auto y = at::empty({p.batch, p.outputs, p.out_time(), p.out_height(), p.out_width()}, x.options());
    at::Tensor maps;
    Order order = Order::time_first;
    with_dtype(x, [&]<class Real>(Real) {
      const auto& kernels = factored::kernels<Real>(p.outputs);
      order = factored::cheaper_order(p, wanted, kernels.register_lanes);
      Pass<Real> pass(p, order, x, t, s);
      const int64_t kept = pass.kernels.maps_size(p);
      if (order == Order::space_first && wanted.kernels && kept * static_cast<int64_t>(sizeof(Real)) <= most_kept) {
        maps = memory_of(memory->maps, kept, kept, pass.options);
        pass.job.maps = maps.data_ptr<Real>();
      }
      pass.forward(y);
    });
    context->save_for_backward({x, t, s});
    context->saved_data["maps"] = maps;
    context->saved_data["order"] = static_cast<int64_t>(order);
    context->saved_data["problem"] = numbers(p);
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto &x = saved[0], &t = saved[1], &s = saved[2];
    const Problem p = problem_of(context->saved_data["problem"].toIntVector());
    const bool of_input = context->needs_input_grad(0);
    const bool of_kernels = context->needs_input_grad(1) || context->needs_input_grad(2);
    variable_list result(6);
    if (at::GradMode::is_enabled())  // create_graph
      return gradient_by_operators(context, {x, t, s}, dense(p, x, t, s), gradients[0], 6);
    const auto dy = gradients[0].contiguous();
    if (of_input) result[0] = at::empty_like(x);
    if (of_kernels) result[1] = at::empty_like(t), result[2] = at::empty_like(s);
    with_dtype(x, [&]<class Real>(Real) {
      Pass<Real> pass(p, static_cast<Order>(context->saved_data["order"].toInt()), x, t, s);
      const auto maps = context->saved_data["maps"].toTensor();
      if (maps.defined()) pass.job.maps = maps.data_ptr<Real>();
      pass.backward(dy, result[0], result[1], result[2]);
    });
    return result;
  }

 private:
  static std::vector<int64_t> numbers(const Problem& p) {
    return {p.batch,      p.inputs,      p.outputs,    p.time,           p.height,
            p.width,      p.bins,        p.rows,       p.columns,        p.time_before,
            p.time_after, p.rows_before, p.rows_after, p.columns_before, p.columns_after};
  }
  static Problem problem_of(const std::vector<int64_t>& n) {
    return {n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8], n[9], n[10], n[11], n[12], n[13], n[14]};
  }
};

}  // namespace

Problem fused_problem(at::IntArrayRef input, at::IntArrayRef temporal, at::IntArrayRef spatial, Zeros time,
                      Zeros height, Zeros width) {
  return {.batch = input[0],
          .inputs = input[1],
          .outputs = temporal[0],
          .time = input[2],
          .height = input[3],
          .width = input[4],
          .bins = temporal[2],
          .rows = spatial[3],
          .columns = spatial[4],
          .time_before = time.before,
          .time_after = time.after,
          .rows_before = height.before,
          .rows_after = height.after,
          .columns_before = width.before,
          .columns_after = width.after};
}

factored::Wanted fused_wanted(const at::Tensor& input, const at::Tensor& temporal, const at::Tensor& spatial) {
  const bool graph = at::GradMode::is_enabled();
  return {.kernels = graph && (temporal.requires_grad() || spatial.requires_grad()),
          .input = graph && input.requires_grad()};
}

at::Tensor convolve_fused(const at::Tensor& input, const at::Tensor& temporal, const at::Tensor& spatial, Zeros time,
                          Zeros height, Zeros width, FusedMemory& memory) {
  const auto problem = fused_problem(input.sizes(), temporal.sizes(), spatial.sizes(), time, height, width);
  return Fused::apply(input.contiguous(), temporal.contiguous(), spatial.contiguous(), &problem,
                      fused_wanted(input, temporal, spatial), &memory);
}

}  // namespace plexiform::layers
