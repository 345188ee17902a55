// How a command's process uses memory. For commands, not for programs that embed the host: all act on the whole process.
#pragma once

namespace plexiform::cli {

// Hands freed arrays back from now on, while recordings are read and the model is scored: arrays of many sizes leave holes,
// which took more memory than the recordings.
void return_freed_memory();

// Keeps freed memory from now on for the next step: handing it back and faulting it in anew took a fifth of a step's time.
void keep_freed_memory();

// An allocation beyond what the machine has free fails from now on, so that a model or a recording that is too large is an
// Error with a remedy; the kernel would grant it, and kill the process, or another one, when it is used.
void refuse_what_does_not_fit();

}  // namespace plexiform::cli
