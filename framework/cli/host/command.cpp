// The door of libplexiform.so for the command line.
#include <c10/util/Exception.h>
#include <cli/command_line.h>
#include <cli/host/commands.h>
#include <parallel/host/processes.h>

extern "C" __attribute__((visibility("default"))) int plexiform_command(const char* command, int count,
                                                                        const char* const* texts) {
  using namespace plexiform::cli;
  const Arguments arguments(texts, texts + count);
  const std::string name = command;
  return report_errors(command, [&] {
    try {
      if (name == "train") return train(arguments);
      if (name == "evaluate") return evaluate(arguments);
      if (name == "create-data") return create_data(arguments);
      if (name == "data") return data_command(arguments);
      if (name == "predict") return predict(arguments);
      if (name == "stream") return stream(arguments);
      if (name == "import") return import_checkpoint(arguments);
      if (name == "export") return export_state(arguments);
      if (name == "ensemble") return ensemble(arguments);
    } catch (const plexiform::parallel::Told&) {
      return 1;
    } catch (const c10::OutOfMemoryError&) {
      throw std::bad_alloc();
    } catch (const c10::Error& e) {  // its what() carries a stack trace
      const std::string text = e.what_without_backtrace();
      if (text.find("can't allocate memory") != std::string::npos) throw std::bad_alloc();
      throw std::runtime_error(text);
    }
    throw Usage("no such command: " + name);
  });
}
