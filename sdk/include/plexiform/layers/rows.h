// Random numbers for each row of a batch, such as what dropout keeps. Where several processes share the batch each of them
// draws for all rows and keeps those of its own: a row gets the numbers that it gets in one process.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

namespace plexiform::layers {

// draw: n -> (n, ...), from LibTorch's generator. Returns (rows, ...): `rows` is the first axis of what a component was given in
// forward(), or a multiple of it, when each row has several (its frames, one after another).
at::Tensor draw_rows(int64_t rows, const std::function<at::Tensor(int64_t)>& draw);

}  // namespace plexiform::layers
