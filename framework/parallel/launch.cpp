#include <fmt/format.h>
#include <parallel/launch.h>
#include <plexiform/error.h>

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <optional>

namespace plexiform::parallel {
namespace {

std::string text_of(const Lookup& variable, const char* name) {
  const char* value = variable(name);
  return value ? value : "";
}

// The number in a variable; nothing where it is not set.
std::optional<int> number(const Lookup& variable, const char* name, int least, int most = 1 << 20,
                          const char* fix =
                              "start the processes with torchrun, mpirun or srun, which set it, or unset "
                              "it to train in one process") {
  const std::string text = text_of(variable, name);
  if (text.empty()) return std::nullopt;
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most) {
    throw Error(name, fmt::format("is '{}', not a whole number from {} to {}", text, least, most), fix);
  }
  return value;
}

// The variables of one launcher.
struct Names {
  const char *rank, *size, *local_size, *local_rank;
};

constexpr Names launchers[] = {
    {"RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "LOCAL_RANK"},
    {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"},
    {"PMI_RANK", "PMI_SIZE", "MPI_LOCALNRANKS", "MPI_LOCALRANKID"},
    {"SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "", "SLURM_LOCALID"}};

// "node[03-07,9],other" -> "node03".
std::string first_host(const std::string& list) {
  const size_t end = list.find_first_of(",["), open = end != std::string::npos && list[end] == '[' ? end : 0;
  std::string host = list.substr(0, end);
  if (open) host += list.substr(open + 1, list.find_first_of(",-]", open) - open - 1);
  return host;
}

}  // namespace

Launch read_launch(const Lookup& variable) {
  Launch launch;
  const Names* by = nullptr;
  for (const auto& names : launchers) {
    const auto rank = number(variable, names.rank, 0), size = number(variable, names.size, 1);
    const bool of_slurm = std::strcmp(names.rank, "SLURM_PROCID") == 0;
    if (of_slurm && !size) continue;  // no step of srun
    const bool of_mpich = std::strcmp(names.rank, "PMI_RANK") == 0;
    if (of_mpich && variable("SLURM_STEP_NUM_TASKS") && !variable(names.local_size)) continue;  // of srun --mpi=pmi2
    if (!rank && !size) continue;
    if (!rank || !size) {
      throw Error(rank ? names.size : names.rank, fmt::format("is not set, but {} is", rank ? names.rank : names.size),
                  "set both, as torchrun, mpirun and srun do, or unset both to train in one process");
    }
    if (*rank >= *size) {
      throw Error(names.rank, fmt::format("is {}, but {} is {}", *rank, names.size, *size),
                  fmt::format("number the processes from 0 to {}", *size - 1));
    }
    launch.rank = *rank;
    launch.size = *size;
    by = &names;
    break;
  }
  if (launch.size == 1) return launch;

  launch.local_size = number(variable, by->local_size, 1).value_or(0);
  const std::string nodes = text_of(variable, "SLURM_STEP_NODELIST");
  if (!*by->local_size) {
    const auto count = number(variable, "SLURM_STEP_NUM_NODES", 1);
    if (count == 1) launch.local_size = launch.size;
  }
  launch.local_rank = number(variable, by->local_rank, 0).value_or(launch.rank);
  launch.address = text_of(variable, "MASTER_ADDR");
  if (launch.address.empty() && launch.one_machine()) launch.address = "127.0.0.1";
  if (launch.address.empty() && !*by->local_size) launch.address = first_host(nodes);
  if (launch.address.empty()) {
    throw Error("MASTER_ADDR", fmt::format("is not set, and the {} processes may be on several machines", launch.size),
                "export MASTER_ADDR=<the machine of rank 0>, 127.0.0.1 where it is the only one");
  }
  launch.port = number(variable, "MASTER_PORT", 1, 65535).value_or(29500);
  if (const auto job = number(variable, "SLURM_JOB_ID", 0, 1 << 30); job && !variable("MASTER_PORT")) {
    launch.port = 15000 + *job % 10000;  // jobs may share a machine
  }
  launch.store_is_launchers = text_of(variable, "TORCHELASTIC_USE_AGENT_STORE") == "True";
  if (const auto attempt = text_of(variable, "TORCHELASTIC_RESTART_COUNT"); !attempt.empty()) launch.attempt = attempt;
  launch.timeout = number(variable, "PLEXIFORM_RANK_TIMEOUT", 1, 1 << 20, "give it a number of seconds").value_or(600);
  return launch;
}

Launch read_launch() { return read_launch(std::getenv); }

}  // namespace plexiform::parallel
