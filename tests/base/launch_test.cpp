// How a process learns that it is one of several: the variables of each launcher.
#include <parallel/launch.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <map>
#include <string>
#include <vector>

using namespace plexiform;
using Catch::Matchers::ContainsSubstring;

namespace {

parallel::Launch launch(const std::map<std::string, std::string>& variables) {
  return parallel::read_launch([&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

}  // namespace

TEST_CASE("a process that no launcher started is alone") {
  CHECK(launch({}).size == 1);
  CHECK(launch({{"RANK", "0"}, {"WORLD_SIZE", "1"}}).size == 1);
  CHECK(launch({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "8"}}).size == 1);  // a batch script, without srun
  CHECK(launch({{"SLURM_PROCID", "0"}, {"SLURM_STEP_NUM_TASKS", "1"}, {"SLURM_NTASKS", "1"}}).size == 1);
}

TEST_CASE("each launcher's variables are read") {
  const auto by_torchrun = launch({{"RANK", "3"},
                                   {"WORLD_SIZE", "4"},
                                   {"LOCAL_WORLD_SIZE", "2"},
                                   {"LOCAL_RANK", "1"},
                                   {"MASTER_ADDR", "node1"},
                                   {"MASTER_PORT", "1234"},
                                   {"TORCHELASTIC_USE_AGENT_STORE", "True"},
                                   {"TORCHELASTIC_RESTART_COUNT", "2"}});
  CHECK(by_torchrun.rank == 3);
  CHECK(by_torchrun.size == 4);
  CHECK(by_torchrun.local_rank == 1);
  CHECK(by_torchrun.address == "node1");
  CHECK(by_torchrun.port == 1234);
  CHECK(by_torchrun.store_is_launchers);
  CHECK(by_torchrun.attempt == "2");
  CHECK(!by_torchrun.one_machine());

  const auto by_open_mpi =
      launch({{"OMPI_COMM_WORLD_RANK", "1"}, {"OMPI_COMM_WORLD_SIZE", "2"}, {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}});
  CHECK(by_open_mpi.rank == 1);
  CHECK(by_open_mpi.local_rank == 1);  // as long as nothing else is said
  CHECK(by_open_mpi.address == "127.0.0.1");
  CHECK(by_open_mpi.port == 29500);
  CHECK(by_open_mpi.one_machine());
  CHECK(launch({{"PMI_RANK", "1"}, {"PMI_SIZE", "2"}, {"MPI_LOCALNRANKS", "2"}}).rank == 1);

  const std::map<std::string, std::string> step = {
      {"SLURM_PROCID", "5"}, {"SLURM_STEP_NUM_TASKS", "6"}, {"SLURM_JOB_ID", "1230042"}};
  auto on_one = step, on_three = step;
  on_one["SLURM_STEP_NUM_NODES"] = "1";
  CHECK(launch(on_one).address == "127.0.0.1");
  CHECK(launch(on_one).port == 15042);
  on_one.insert({{"PMI_RANK", "5"}, {"PMI_SIZE", "6"}});  // srun --mpi=pmi2
  CHECK(launch(on_one).rank == 5);
  CHECK(launch(on_one).address == "127.0.0.1");
  // Hydra starts one proxy on each machine by srun, which starts the processes.
  on_one["SLURM_STEP_NUM_TASKS"] = "1";
  on_one["SLURM_PROCID"] = "0";
  on_one["MPI_LOCALNRANKS"] = "6";
  CHECK(launch(on_one).rank == 5);
  on_three["SLURM_STEP_NUM_NODES"] = "3";
  for (const auto& [list, first] : std::map<std::string, std::string>{
           {"node[03-05]", "node03"}, {"a1,b[2-3]", "a1"}, {"c[7,9-10]", "c7"}, {"d4", "d4"}}) {
    on_three["SLURM_STEP_NODELIST"] = list;
    CHECK(launch(on_three).address == first);
  }
}

TEST_CASE("variables that cannot be are refused with a place and a fix") {
  const std::vector<std::pair<std::map<std::string, std::string>, std::string>> refusals = {
      {{{"RANK", "2"}, {"WORLD_SIZE", "2"}}, "RANK: is 2, but WORLD_SIZE is 2"},
      {{{"RANK", "one"}, {"WORLD_SIZE", "2"}}, "RANK: is 'one', not a whole number"},
      {{{"RANK", "-1"}, {"WORLD_SIZE", "2"}}, "RANK: is '-1'"},
      {{{"RANK", "0"}, {"WORLD_SIZE", "0"}}, "WORLD_SIZE: is '0'"},
      {{{"RANK", "0"}}, "WORLD_SIZE: is not set, but RANK is"},
      {{{"WORLD_SIZE", "2"}}, "RANK: is not set, but WORLD_SIZE is"},
      {{{"RANK", "0"}, {"WORLD_SIZE", "2"}}, "MASTER_ADDR: is not set"},
      {{{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "a"}, {"MASTER_PORT", "70000"}}, "MASTER_PORT: is '70000'"},
      {{{"OMPI_COMM_WORLD_RANK", "1"}, {"OMPI_COMM_WORLD_SIZE", "4"}, {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}},
       "export MASTER_ADDR="},
      {{{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "a"}, {"PLEXIFORM_RANK_TIMEOUT", "0"}},
       "PLEXIFORM_RANK_TIMEOUT: is '0'"},
  };
  for (const auto& [variables, words] : refusals) {
    INFO(words);
    CHECK_THROWS_WITH(launch(variables), ContainsSubstring(words));
  }
}
