#include <files/atomic_file.h>
#include <model/safetensors.h>

#include <optional>

namespace plexiform::model {

void write_safetensors(const std::string& file, const TensorFile& content) {
  std::optional<files::AtomicFile> out;  // made when the first byte comes: when all is checked
  plexiform::write_safetensors(file, content, [&](const void* bytes, size_t size) {
    if (!out) out.emplace(file);
    out->write(bytes, size);
  });
  out->commit();
}

}  // namespace plexiform::model
