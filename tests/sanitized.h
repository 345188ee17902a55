// How much longer than an ordinary build one with sanitizers may take.
#pragma once

#ifdef __SANITIZE_ADDRESS__
constexpr int slower = 10;
#else
constexpr int slower = 1;
#endif
