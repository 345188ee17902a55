// One copy of each movie, however many files hold it: published data sets store a movie with every session that saw it.
#pragma once

#include <data/recordings.h>

#include <memory>
#include <string>
#include <vector>

namespace plexiform::data {

class SharedMovies {
 public:
  // The movie (C, T, H, W) itself, or the equal one that came before.
  at::Tensor keep(const at::Tensor& movie);

  // The stimuli of a session. With `normalised`, both get mean and standard deviation of the training movie, otherwise
  // a pixel is divided by `unit`. The same movie and numbers give the same Stimulus.
  struct Pair {
    std::shared_ptr<const Stimulus> train, test;
  };
  // Throws Error(place of the training movie, ...) when it is to be normalised and is the same everywhere.
  Pair stimuli(const std::string& place, Stimulus train, Stimulus test, bool normalised, double unit = 1);

 private:
  std::shared_ptr<const Stimulus> share(Stimulus stimulus);

  std::vector<at::Tensor> movies_;
  std::vector<std::shared_ptr<const Stimulus>> stimuli_;
};

}  // namespace plexiform::data
