// NumPy's numbers as tensors, for every file that holds its arrays: .npy, pickles.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <string_view>

namespace plexiform::data {

struct NumpyDtype {
  std::string_view code;   // kind and bytes: "f4"
  at::ScalarType stored;   // of the bytes in the file
  at::ScalarType read_as;  // what the user gets (array_files.h)
};

// Null when there is none of that code, or none that is stored so.
const NumpyDtype* find_numpy_dtype(std::string_view code);
const NumpyDtype* find_numpy_dtype(at::ScalarType stored);

// An array of the `stored` dtype as the user gets it, in C order. Its shape is that of the file; in Fortran order the
// array comes with its axes reversed. Throws Error(where, ...) for a number that does not fit.
at::Tensor as_read(const std::string& where, const at::Tensor& array, const NumpyDtype& dtype, bool fortran_order);

}  // namespace plexiform::data
