#include <plexiform/error.h>

#include <catch2/catch_test_macros.hpp>

TEST_CASE("a misspelt name is answered with the nearest one") {
  CHECK(plexiform::did_you_mean("kernal", {"kernel", "channels"}) == "did you mean 'kernel'?");
  CHECK(plexiform::did_you_mean("zzz", {"kernel", "channels"}) == "known are: kernel, channels");
}
