// The commands that need LibTorch. The executable opens libplexiform.so and calls plexiform_command.
#pragma once

#include <string>
#include <vector>

namespace plexiform::cli {

using Arguments = std::vector<std::string>;  // what follows the command's name

// Each returns the exit code (0, 1, 130, 143); usage mistakes throw Usage, a user's mistakes Error.
int train(const Arguments& arguments);
int evaluate(const Arguments& arguments);
int create_data(const Arguments& arguments);
int data_command(const Arguments& arguments);
int predict(const Arguments& arguments);
int stream(const Arguments& arguments);
int import_checkpoint(const Arguments& arguments);
int export_state(const Arguments& arguments);
int ensemble(const Arguments& arguments);

}  // namespace plexiform::cli
