// out[c][r] = in[r][c] for a square of 8 x 8, in registers. For files with AVX2.
#pragma once

#include <immintrin.h>

#include "tiles.h"

namespace plexiform::factored {
namespace {

PLEXIFORM_INLINE void turn8(const float* in, int64_t in_row, float* out, int64_t out_row) {
  __m256 pair[8], four[8];
  // Halves of rows r and r + 4 side by side: what follows stays within halves.
#pragma GCC unroll 8
  for (int r = 0; r < 4; ++r) {
    const float *low = in + r * in_row, *high = in + (r + 4) * in_row;
    pair[r] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(low)), _mm_loadu_ps(high), 1);
    pair[r + 4] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(low + 4)), _mm_loadu_ps(high + 4), 1);
  }
#pragma GCC unroll 2
  for (int k = 0; k < 8; k += 4) {
    const __m256 a = _mm256_unpacklo_ps(pair[k], pair[k + 1]), b = _mm256_unpackhi_ps(pair[k], pair[k + 1]);
    const __m256 c = _mm256_unpacklo_ps(pair[k + 2], pair[k + 3]), d = _mm256_unpackhi_ps(pair[k + 2], pair[k + 3]);
    four[k] = _mm256_shuffle_ps(a, c, 0x44);
    four[k + 1] = _mm256_shuffle_ps(a, c, 0xee);
    four[k + 2] = _mm256_shuffle_ps(b, d, 0x44);
    four[k + 3] = _mm256_shuffle_ps(b, d, 0xee);
  }
#pragma GCC unroll 8
  for (int c = 0; c < 8; ++c) _mm256_storeu_ps(out + c * out_row, four[c]);
}

}  // namespace
}  // namespace plexiform::factored
