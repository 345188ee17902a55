#include <ATen/ops/equal.h>
#include <data/movie.h>
#include <data/shared_movies.h>
#include <fmt/format.h>
#include <plexiform/error.h>

namespace plexiform::data {

at::Tensor SharedMovies::keep(const at::Tensor& movie) {
  for (const auto& known : movies_) {
    if (known.scalar_type() == movie.scalar_type() && known.sizes().equals(movie.sizes()) && known.equal(movie))
      return known;
  }
  movies_.push_back(movie);
  return movie;
}

std::shared_ptr<const Stimulus> SharedMovies::share(Stimulus stimulus) {
  for (const auto& known : stimuli_) {
    if (known->name == stimulus.name && known->movie.is_same(stimulus.movie) && known->mean == stimulus.mean &&
        known->std == stimulus.std)
      return known;
  }
  stimuli_.push_back(std::make_shared<const Stimulus>(std::move(stimulus)));
  return stimuli_.back();
}

SharedMovies::Pair SharedMovies::stimuli(const std::string& place, Stimulus train, Stimulus test, bool normalised,
                                         double unit) {
  train.movie = keep(train.movie);
  test.movie = keep(test.movie);
  train.std = unit;
  if (normalised) {
    const Moments of_train = moments(train.movie);
    if (of_train.std() == 0) {
      throw Error(place, fmt::format("is {} everywhere, and cannot be normalised", of_train.mean),
                  "store the movie that was shown, or set normalize_stimuli: false");
    }
    train.mean = of_train.mean;
    train.std = of_train.std();
  }
  test.mean = train.mean;
  test.std = train.std;
  return {share(std::move(train)), share(std::move(test))};
}

}  // namespace plexiform::data
