// The knobs of the optimisers, PyTorch's names and defaults.
// Source  AdamW: Loshchilov & Hutter, ICLR 2019, arXiv:1711.05101, Algorithm 2 · Adam: Kingma & Ba, ICLR 2015,
//         arXiv:1412.6980, Algorithm 1 · amsgrad: Reddi et al., ICLR 2018 · nesterov: Sutskever et al., ICML 2013 ·
//         RMSprop: Tieleman & Hinton, lecture 6.5 of COURSERA: Neural Networks for Machine Learning, 2012; centered: Graves,
//         arXiv:1308.0850, equations 38-45 · Adagrad: Duchi et al., JMLR 12:2121-2159, 2011 · LBFGS: Nocedal & Wright,
//         Numerical Optimization, 2nd ed., algorithm 7.4
#pragma once

#include <plexiform/params.h>

#include <optional>
#include <vector>

namespace plexiform::training {

// What all of them take.
struct OptimizerParams {
  double lr = 1e-3;
  double weight_decay = 0;
  bool maximize = false;
  Json groups;                                                     // optimizer.h
  std::optional<bool> foreach, fused, capturable, differentiable;  // PyTorch's choices of a kernel
  void describe(auto& knob) {
    knob("lr", lr, {.doc = "learning rate", .min = 0});
    knob("maximize", maximize, {.doc = "climb instead of descend"});
    knob("groups", groups, {.doc = "{pattern of parameter names: {lr, weight_decay}}; null: one group"});
    const char* const kernel = "accepted; the fused kernel runs where there is one";
    knob("foreach", foreach, {.doc = kernel});
    knob("fused", fused, {.doc = kernel});
    knob("capturable", capturable, {.doc = kernel});
    knob("differentiable", differentiable, {.doc = kernel});
  }
};

// Adam adds weight_decay * weight to the gradient; AdamW scales the weight by 1 - lr * weight_decay.
struct AdamParams : OptimizerParams {
  std::vector<double> betas = {0.9, 0.999};
  double eps = 1e-8;
  bool amsgrad = false;
  void describe(auto& knob) {
    OptimizerParams::describe(knob);
    knob("betas", betas, {.doc = "decay of the mean gradient and of the mean square", .min = 0});
    knob("eps", eps, {.doc = "added to the root of the mean square", .min = 0});
    knob("weight_decay", weight_decay, {.doc = "strength of the pull of weights to 0", .min = 0});
    knob("amsgrad", amsgrad, {.doc = "divide by the largest mean square so far"});
  }
  void check() const {
    if (betas.size() != 2 || betas[0] >= 1 || betas[1] >= 1) {
      throw Error("betas", "is " + Json(betas).dump(), "give two numbers below 1, such as [0.9, 0.999]");
    }
  }
};
struct AdamWParams : AdamParams {
  AdamWParams() { weight_decay = 1e-2; }
};

struct SgdParams : OptimizerParams {
  double momentum = 0;
  double dampening = 0;
  bool nesterov = false;
  void describe(auto& knob) {
    OptimizerParams::describe(knob);
    knob("momentum", momentum, {.doc = "share of the last step's direction that is kept", .min = 0});
    knob("dampening", dampening, {.doc = "share of the gradient that does not enter the momentum"});
    knob("weight_decay", weight_decay, {.doc = "times the weight, added to its gradient", .min = 0});
    knob("nesterov", nesterov, {.doc = "look ahead along the momentum; needs momentum, and no dampening"});
  }
  void check() const {
    if (nesterov && (momentum <= 0 || dampening != 0)) {
      throw Error("nesterov", "is true without momentum, or with dampening", "set momentum above 0 and dampening to 0");
    }
  }
};

struct RmspropParams : OptimizerParams {
  RmspropParams() { lr = 1e-2; }
  double alpha = 0.99;
  double eps = 1e-8;
  double momentum = 0;
  bool centered = false;
  void describe(auto& knob) {
    OptimizerParams::describe(knob);
    knob("alpha", alpha, {.doc = "decay of the mean square", .min = 0, .max = 1});
    knob("eps", eps, {.doc = "added to the root of the mean square", .min = 0});
    knob("weight_decay", weight_decay, {.doc = "times the weight, added to its gradient", .min = 0});
    knob("momentum", momentum, {.doc = "share of the last step's direction that is kept", .min = 0});
    knob("centered", centered,
         {.doc = "divide by the standard deviation of the gradient instead of its root mean square"});
  }
};

struct AdagradParams : OptimizerParams {
  AdagradParams() { lr = 1e-2; }
  double lr_decay = 0;
  double initial_accumulator_value = 0;
  double eps = 1e-10;
  void describe(auto& knob) {
    OptimizerParams::describe(knob);
    knob("lr_decay", lr_decay, {.doc = "the rate of step n is lr / (1 + (n - 1) * lr_decay)", .min = 0});
    knob("weight_decay", weight_decay, {.doc = "times the weight, added to its gradient", .min = 0});
    knob("initial_accumulator_value", initial_accumulator_value,
         {.doc = "first value of the sum of squares", .min = 0});
    knob("eps", eps, {.doc = "added to the root of the sum of squares", .min = 0});
  }
};

struct LbfgsParams {
  double lr = 1;
  int64_t max_iter = 20;
  std::optional<int64_t> max_eval;
  double tolerance_grad = 1e-7, tolerance_change = 1e-9;
  int64_t history_size = 100;
  std::optional<std::string> line_search_fn;
  void describe(auto& knob) {
    knob("lr", lr, {.doc = "learning rate", .min = 0});
    knob("max_iter", max_iter, {.doc = "iterations per step", .min = 1});
    knob("max_eval", max_eval, {.doc = "evaluations of the loss per step; null: max_iter * 5 / 4", .min = 1});
    knob("tolerance_grad", tolerance_grad, {.doc = "a gradient without a larger element ends the step", .min = 0});
    knob("tolerance_change", tolerance_change,
         {.doc = "a smaller change of loss or parameters ends the step", .min = 0});
    knob("history_size", history_size, {.doc = "past steps that are kept", .min = 1});
    knob("line_search_fn", line_search_fn, {.doc = "strong_wolfe or null"});
  }
  void check() const {
    if (line_search_fn && *line_search_fn != "strong_wolfe") {
      throw Error("line_search_fn", "is '" + *line_search_fn + "'", "use strong_wolfe or null");
    }
  }
};

}  // namespace plexiform::training
