// How this process was started: alone, or as one of several by torchrun, mpirun or srun, as their environment variables say.
// Sources  torchrun: RANK WORLD_SIZE LOCAL_{WORLD_SIZE,RANK} MASTER_ADDR MASTER_PORT; Open MPI: OMPI_COMM_WORLD_{RANK,SIZE,
//          LOCAL_SIZE,LOCAL_RANK};
//          MPICH's Hydra, Intel MPI: PMI_RANK PMI_SIZE MPI_LOCALNRANKS MPI_LOCALRANKID; srun: SLURM_PROCID SLURM_LOCALID
//          SLURM_STEP_NUM_TASKS (of this step: a batch script that starts the command without srun is one process, whatever it
//          asked for) SLURM_STEP_NUM_NODES SLURM_STEP_NODELIST SLURM_JOB_ID, with --mpi=pmi2 also PMI_RANK and PMI_SIZE.
#pragma once

#include <functional>
#include <string>

namespace plexiform::parallel {

struct Launch {
  int rank = 0, size = 1;           // of all processes
  int local_size = 1;               // of those on this machine; 0: not known
  int local_rank = 0;               // among them: which GPU it gets
  std::string address = "";         // of rank 0's machine
  int port = 0;                     // where rank 0 listens
  bool store_is_launchers = false;  // the launcher listens there: rank 0 is a client, too
  std::string attempt = "0";        // changes when the launcher starts all processes anew
  double timeout = 600;             // seconds of silence after which another process counts as lost

  bool one_machine() const { return local_size == size; }
};

// The value of an environment variable, or nullptr.
using Lookup = std::function<const char*(const char*)>;

// Throws Error(variable, what, fix) for values that cannot be, or where rank 0 cannot be found.
Launch read_launch(const Lookup& variable);
Launch read_launch();  // of this process

}  // namespace plexiform::parallel
