#include <data/numpy_dtypes.h>
#include <plexiform/error.h>

#include <algorithm>
#include <array>
#include <numeric>

namespace plexiform::data {
namespace {

constexpr std::array<NumpyDtype, 12> dtypes = {{{"u1", at::kByte, at::kByte},
                                                {"i1", at::kChar, at::kChar},
                                                {"i2", at::kShort, at::kShort},
                                                {"i4", at::kInt, at::kInt},
                                                {"i8", at::kLong, at::kLong},
                                                {"f2", at::kHalf, at::kHalf},
                                                {"f4", at::kFloat, at::kFloat},
                                                {"f8", at::kDouble, at::kDouble},
                                                {"b1", at::kBool, at::kBool},
                                                {"u2", at::kUInt16, at::kInt},
                                                {"u4", at::kUInt32, at::kLong},
                                                {"u8", at::kLong, at::kLong}}};

template <class Is>
const NumpyDtype* find_if(Is is) {
  const auto found = std::find_if(dtypes.begin(), dtypes.end(), is);
  return found == dtypes.end() ? nullptr : &*found;
}

at::Tensor reverse_axes(const at::Tensor& array) {
  std::vector<int64_t> axes(array.dim());
  std::iota(axes.rbegin(), axes.rend(), 0);
  return array.permute(axes);
}

}  // namespace

const NumpyDtype* find_numpy_dtype(std::string_view code) {
  return find_if([&](const NumpyDtype& d) { return d.code == code; });
}

const NumpyDtype* find_numpy_dtype(at::ScalarType stored) {
  return find_if([&](const NumpyDtype& d) { return d.stored == stored; });
}

at::Tensor as_read(const std::string& where, const at::Tensor& array, const NumpyDtype& dtype, bool fortran_order) {
  if (dtype.code == "u8" && array.numel() > 0 && array.min().item<int64_t>() < 0) {
    throw Error(where, "holds unsigned numbers above 9223372036854775807", "save it as float64");
  }
  return (fortran_order ? reverse_axes(array) : array).contiguous().to(dtype.read_as);
}

}  // namespace plexiform::data
