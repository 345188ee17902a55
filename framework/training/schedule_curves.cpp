#include <training/schedule_curves.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace plexiform::training {
namespace {

using std::numbers::pi;

// From `start` to `end` as `share` goes from 0 to 1.
double along_cosine(double start, double end, double share) {
  return end + (start - end) / 2 * (1 + std::cos(pi * share));
}
double along_line(double start, double end, double share) { return start + (end - start) * share; }

struct Step : CurveParams {
  int64_t step_size = 1;
  double gamma = 0.1;
  void describe(auto& knob) {
    CurveParams::describe(knob);
    knob("step_size", step_size, {.doc = "counts between two changes", .min = 1, .required = true});
    knob("gamma", gamma, {.doc = "times the rate, at each change", .min = 0});
  }
  double rate(int64_t n, double base) const { return base * std::pow(gamma, n / step_size); }
};

struct MultiStep : CurveParams {
  std::vector<int64_t> milestones;
  double gamma = 0.1;
  void describe(auto& knob) {
    CurveParams::describe(knob);
    knob("milestones", milestones, {.doc = "counts at which the rate changes", .min = 0, .required = true});
    knob("gamma", gamma, {.doc = "times the rate, at each change", .min = 0});
  }
  double rate(int64_t n, double base) const {
    const auto passed = std::count_if(milestones.begin(), milestones.end(), [n](int64_t m) { return m <= n; });
    return base * std::pow(gamma, passed);
  }
};

struct Exponential : CurveParams {
  double gamma = 1;
  void describe(auto& knob) {
    CurveParams::describe(knob);
    knob("gamma", gamma, {.doc = "times the rate, at each count", .min = 0, .required = true});
  }
  double rate(int64_t n, double base) const { return base * std::pow(gamma, n); }
};

struct Constant : CurveParams {
  double factor = 1.0 / 3;
  int64_t total_iters = 5;
  void describe(auto& knob) {
    CurveParams::describe(knob);
    knob("factor", factor, {.doc = "times the rate, before total_iters", .min = 0, .max = 1});
    knob("total_iters", total_iters, {.doc = "counts until the rate is whole", .min = 0});
  }
  double rate(int64_t n, double base) const { return n < total_iters ? base * factor : base; }
};

// The usual warm-up.
struct Linear : CurveParams {
  double start_factor = 1.0 / 3, end_factor = 1;
  int64_t total_iters = 5;
  void describe(auto& knob) {
    CurveParams::describe(knob);
    knob("start_factor", start_factor, {.doc = "times the rate, at first; above 0", .min = 0, .max = 1});
    knob("end_factor", end_factor, {.doc = "times the rate, from total_iters on", .min = 0, .max = 1});
    knob("total_iters", total_iters, {.doc = "counts from one to the other", .min = 1});
  }
  void check() const {
    if (start_factor == 0) throw Error("start_factor", "is 0", "use a small number above 0, such as 0.01");
  }
  double rate(int64_t n, double base) const {
    const double share = static_cast<double>(std::min(n, total_iters)) / static_cast<double>(total_iters);
    return base * along_line(start_factor, end_factor, share);
  }
};

struct Polynomial : CurveParams {
  int64_t total_iters = 5;
  double power = 1;
  void describe(auto& knob) {
    CurveParams::describe(knob);
    knob("total_iters", total_iters, {.doc = "counts until the rate is 0", .min = 1});
    knob("power", power, {.doc = "of the share that is left", .min = 0});
  }
  double rate(int64_t n, double base) const {
    const double left = 1 - static_cast<double>(std::min(n, total_iters)) / static_cast<double>(total_iters);
    return base * std::pow(left, power);
  }
};

struct Cosine : CurveParams {
  int64_t T_max = 1;
  double eta_min = 0;
  void describe(auto& knob) {
    CurveParams::describe(knob);
    knob("T_max", T_max, {.doc = "counts from the highest rate to the lowest", .min = 1, .required = true});
    knob("eta_min", eta_min, {.doc = "lowest rate", .min = 0});
  }
  double rate(int64_t n, double base) const { return along_cosine(base, eta_min, share(n)); }
  double next(int64_t n, double rate, double base) const {
    if ((n - 1 - T_max) % (2 * T_max) == 0) return rate + (base - eta_min) * (1 - std::cos(share(1) * pi)) / 2;
    return eta_min + (rate - eta_min) * (1 + std::cos(pi * share(n))) / (1 + std::cos(pi * share(n - 1)));
  }
  double share(int64_t n) const { return static_cast<double>(n) / static_cast<double>(T_max); }
};

struct Restarts : CurveParams {
  int64_t T_0 = 1, T_mult = 1;
  double eta_min = 0;
  void describe(auto& knob) {
    CurveParams::describe(knob);
    knob("T_0", T_0, {.doc = "counts until the first restart", .min = 1, .required = true});
    knob("T_mult", T_mult, {.doc = "times the length, after each restart", .min = 1});
    knob("eta_min", eta_min, {.doc = "lowest rate", .min = 0});
  }
  double rate(int64_t n, double base) const {
    int64_t length = T_0;
    if (T_mult == 1) n %= length;
    for (; n >= length; length *= T_mult) n -= length;
    return along_cosine(base, eta_min, static_cast<double>(n) / static_cast<double>(length));
  }
};

struct OneCycleParams : CurveParams {
  double max_lr = 0;
  std::optional<int64_t> total_steps, epochs, steps_per_epoch;
  double pct_start = 0.3;
  std::string anneal_strategy = "cos";
  bool cycle_momentum = true;
  double base_momentum = 0.85, max_momentum = 0.95;
  double div_factor = 25, final_div_factor = 1e4;
  bool three_phase = false;
  void describe(auto& knob) {
    CurveParams::describe(knob);
    knob("max_lr", max_lr, {.doc = "highest rate", .min = 0, .required = true});
    knob("total_steps", total_steps, {.doc = "counts of the whole cycle; null: of the whole run", .min = 2});
    knob("epochs", epochs, {.doc = "with steps_per_epoch: total_steps", .min = 1});
    knob("steps_per_epoch", steps_per_epoch, {.doc = "with epochs: total_steps", .min = 1});
    knob("pct_start", pct_start, {.doc = "share of the cycle in which the rate rises", .min = 0, .max = 1});
    knob("anneal_strategy", anneal_strategy, {.doc = "form of the rise and fall", .choices = {"cos", "linear"}});
    knob("cycle_momentum", cycle_momentum, {.doc = "momentum falls as the rate rises"});
    knob("base_momentum", base_momentum, {.doc = "lowest momentum", .min = 0, .max = 1});
    knob("max_momentum", max_momentum, {.doc = "highest momentum", .min = 0, .max = 1});
    knob("div_factor", div_factor, {.doc = "max_lr / first rate", .min = 1});
    knob("final_div_factor", final_div_factor, {.doc = "first rate / last rate", .min = 1});
    knob("three_phase", three_phase, {.doc = "fall to the first rate as fast as it rose, then to the last"});
  }
};
class OneCycle final : public Schedule {
 public:
  OneCycle(const OneCycleParams& params, const ScheduleContext& context) : p_(params) {
    double total = static_cast<double>(context.total_counts);
    if (p_.total_steps)
      total = static_cast<double>(*p_.total_steps);
    else if (p_.epochs && p_.steps_per_epoch)
      total = static_cast<double>(*p_.epochs * *p_.steps_per_epoch);
    if (total < 2) throw Error("total_steps", "is not known", "set it, or set trainer.max_epochs");
    if (p_.cycle_momentum && !context.has_momentum) {
      throw Error("cycle_momentum", "is true, but the optimiser has no momentum", "set cycle_momentum: false");
    }
    const double first = p_.max_lr / p_.div_factor, last = first / p_.final_div_factor;
    const double low = p_.base_momentum, high = p_.max_momentum, top = p_.pct_start * total - 1;
    phases_ = {{top, first, p_.max_lr, high, low}};
    if (p_.three_phase) phases_.push_back({2 * p_.pct_start * total - 2, p_.max_lr, first, low, high});
    phases_.push_back({total - 1, phases_.back().to, last, phases_.back().momentum_to, high});
  }
  double rate(int64_t n) const override {
    const auto [phase, share] = find(n);
    return along(phase.from, phase.to, share);
  }
  std::optional<double> momentum(int64_t n) const override {
    if (!p_.cycle_momentum) return std::nullopt;
    const auto [phase, share] = find(n);
    return along(phase.momentum_from, phase.momentum_to, share);
  }

 private:
  struct Phase {
    double end;  // its last count
    double from, to, momentum_from, momentum_to;
  };
  std::pair<Phase, double> find(int64_t n) const {  // and the share of it that is done
    double start = 0;
    const double at = std::min(static_cast<double>(n), phases_.back().end);
    for (const Phase& phase : phases_) {
      if (at <= phase.end) return {phase, phase.end > start ? (at - start) / (phase.end - start) : 1.0};
      start = phase.end;
    }
    return {phases_.back(), 1.0};
  }
  double along(double from, double to, double share) const {
    return p_.anneal_strategy == "cos" ? along_cosine(from, to, share) : along_line(from, to, share);
  }
  const OneCycleParams p_;
  std::vector<Phase> phases_;
};

struct CyclicParams : CurveParams {
  double base_lr = 0, max_lr = 0;
  int64_t step_size_up = 2000;
  std::optional<int64_t> step_size_down;
  std::string mode = "triangular";
  double gamma = 1;
  bool cycle_momentum = true;
  double base_momentum = 0.8, max_momentum = 0.9;
  void describe(auto& knob) {
    CurveParams::describe(knob);
    knob("base_lr", base_lr, {.doc = "lowest rate", .min = 0, .required = true});
    knob("max_lr", max_lr, {.doc = "highest rate", .min = 0, .required = true});
    knob("step_size_up", step_size_up, {.doc = "counts of a rise", .min = 1});
    knob("step_size_down", step_size_down, {.doc = "counts of a fall; null: as many", .min = 1});
    knob("mode", mode,
         {.doc = "all cycles alike, each half as high, or gamma^count as high",
          .choices = {"triangular", "triangular2", "exp_range"}});
    knob("gamma", gamma, {.doc = "of exp_range", .min = 0});
    knob("cycle_momentum", cycle_momentum, {.doc = "momentum falls as the rate rises"});
    knob("base_momentum", base_momentum, {.doc = "lowest momentum", .min = 0, .max = 1});
    knob("max_momentum", max_momentum, {.doc = "highest momentum", .min = 0, .max = 1});
  }
};
class Cyclic final : public Schedule {
 public:
  Cyclic(const CyclicParams& params, const ScheduleContext& context) : p_(params) {
    if (p_.cycle_momentum && !context.has_momentum) {
      throw Error("cycle_momentum", "is true, but the optimiser has no momentum", "set cycle_momentum: false");
    }
  }
  double rate(int64_t n) const override { return along_line(p_.base_lr, p_.max_lr, height(n)); }
  std::optional<double> momentum(int64_t n) const override {
    if (!p_.cycle_momentum) return std::nullopt;
    return along_line(p_.max_momentum, p_.base_momentum, height(n));
  }

 private:
  double height(int64_t n) const {  // 0 at the bottom, 1 at the top of a first cycle
    const int64_t up = p_.step_size_up, down = p_.step_size_down.value_or(up), cycle = n / (up + down);
    const auto at = static_cast<double>(n % (up + down));
    const double height = at <= static_cast<double>(up)
                              ? at / static_cast<double>(up)
                              : 1 - (at - static_cast<double>(up)) / static_cast<double>(down);
    if (p_.mode == "triangular2") return height / std::pow(2, cycle);
    return p_.mode == "exp_range" ? height * std::pow(p_.gamma, n) : height;
  }
  const CyclicParams p_;
};

// A curve that needs nothing but the optimiser's rate.
template <class Params>
class Curve final : public Schedule {
 public:
  Curve(const Params& params, const ScheduleContext& context) : p_(params), base_(context.base_rate) {}
  double rate(int64_t n) const override { return p_.rate(n, base_); }
  double next(int64_t n, double rate) const override {
    if constexpr (requires { p_.next(n, rate, base_); }) return p_.next(n, rate, base_);
    return Schedule::next(n, rate);
  }

 private:
  const Params p_;
  const double base_;
};

template <class T, class Params>
std::unique_ptr<Schedule> make(const Json& knobs, const ScheduleContext& context) {
  Params params;
  read_params(params, knobs);
  return std::make_unique<T>(params, context);
}

template <class Params>
constexpr MakeSchedule curve = make<Curve<Params>, Params>;

}  // namespace

const std::vector<std::pair<std::string, MakeSchedule>>& curves() {
  static const std::vector<std::pair<std::string, MakeSchedule>> all = {
      {"StepLR", curve<Step>},
      {"MultiStepLR", curve<MultiStep>},
      {"ExponentialLR", curve<Exponential>},
      {"ConstantLR", curve<Constant>},
      {"LinearLR", curve<Linear>},
      {"PolynomialLR", curve<Polynomial>},
      {"CosineAnnealingLR", curve<Cosine>},
      {"CosineAnnealingWarmRestarts", curve<Restarts>},
      {"OneCycleLR", make<OneCycle, OneCycleParams>},
      {"CyclicLR", make<Cyclic, CyclicParams>}};
  return all;
}

}  // namespace plexiform::training
