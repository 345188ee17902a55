#include <ATen/core/Tensor.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <plugins/host/load.h>

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <cstdio>
#include <thread>

#include "../plugin_files.h"

using namespace plexiform;
using namespace plexiform::plugins;
namespace fs = std::filesystem;

namespace {

Catalogue catalogue_of(const std::string& file) { return Catalogue::discover({{file}, {}}, Cache("")); }

std::string refusal(Catalogue& catalogue, const std::string& target, const Json& knobs = Json::object()) {
  try {
    create_loss(catalogue, target, knobs, {});
    return "";
  } catch (const Error& e) {
    return e.where() + " | " + e.problem() + " | " + e.fix();
  }
}

std::string hash(const std::string& file) { return File(file).sha256(); }

}  // namespace

TEST_CASE("a component is created by its name, and tells where it comes from") {
  auto catalogue = catalogue_of(mistakes_plugin);
  const auto made = create_loss(catalogue, "fixtures.losses.Mistakes", {{"width", 5}}, {});
  CHECK(made.component->forward(at::full({1, 1, 1}, 5.0), at::full({1, 1, 1}, 3.0)).item<double>() == 4);
  CHECK(made.provenance.name == "fixtures.losses.Mistakes");
  CHECK(made.provenance.target == "fixtures.losses.Mistakes");
  CHECK(made.provenance.plugin == "fixture_mistakes");
  CHECK(made.provenance.version == PLEXIFORM_VERSION);
  CHECK(made.provenance.file == mistakes_plugin);
  CHECK(made.provenance.sha256 == hash(mistakes_plugin));
  CHECK(made.provenance.knobs == Json{{"throws", "nothing"}, {"width", 5}});
  CHECK(made.provenance.warnings.empty());
}

TEST_CASE("an alias is the same component with its own defaults") {
  auto catalogue = catalogue_of(mistakes_plugin);
  const auto made = create_loss(catalogue, "fixture_mistakes:elsewhere.Wide", Json::object(), {});
  CHECK(made.provenance.name == "fixtures.losses.Mistakes");
  CHECK(made.provenance.target == "fixture_mistakes:elsewhere.Wide");
  CHECK(made.provenance.knobs.at("width") == 9);
}

TEST_CASE("a component's knobs are listed") {
  auto catalogue = catalogue_of(mistakes_plugin);
  const auto knobs = list_knobs(catalogue, "fixtures.losses.Mistakes", "loss");
  REQUIRE(knobs.size() == 2);
  CHECK(knobs[1] == Json{{"name", "width"},
                         {"type", "integer"},
                         {"doc", "of nothing"},
                         {"unit", "px"},
                         {"default", 3},
                         {"min", 1.0},
                         {"max", 9.0},
                         {"step", 2.0}});
}

TEST_CASE("refused knobs are named, with the remedy") {
  auto catalogue = catalogue_of(mistakes_plugin);
  const std::string target = "fixtures.losses.Mistakes";
  CHECK(refusal(catalogue, target, {{"wdth", 3}}) == "wdth | no such parameter | did you mean 'width'?");
  CHECK(refusal(catalogue, target, {{"width", "3"}}) ==
        "width | is \"3\", not an integer | use an integer, 1 to 9 in steps of 2 (of nothing, px)");
  CHECK(refusal(catalogue, target, {{"width", 4}}) == "width | is 4 | use 3 or 5 (of nothing, px)");
  CHECK(refusal(catalogue, target, Json::array()) == " | is [], not a mapping | write one 'key: value' per line");
  CHECK(refusal(catalogue, target, {{"throws", "\xff"}}).starts_with(" | its values are no JSON"));
}

TEST_CASE("whatever a constructor throws becomes an Error") {
  auto catalogue = catalogue_of(mistakes_plugin);
  const auto throws = [&](const char* what) {
    return refusal(catalogue, "fixtures.losses.Mistakes", {{"throws", what}});
  };
  const std::string report = "report it to the plugin's author";
  CHECK(throws("nothing") == "");
  CHECK(throws("error") == "width | is odd | use another");
  CHECK(throws("check") == " | this check never holds | " + report);
  CHECK(throws("bad_alloc") == " | not enough memory | choose a smaller model");
  CHECK(throws("exception") == " | past the end | " + report);
  CHECK(throws("int") == " | an exception of unknown type | " + report);
}

TEST_CASE("a plugin without the SDK is loaded, and its refusal understood") {
  auto catalogue = catalogue_of(plain_plugin);
  CHECK(refusal(catalogue, "fixtures.losses.Plain") == "weight | is never right | choose another loss");
}

TEST_CASE("components are found by the plugin's stride, not by the host's size") {
  auto catalogue = catalogue_of(FIXTURE_DIR "/fixture_wide_stride.plexiform.so");
  CHECK(list_knobs(catalogue, "fixtures.losses.Second", "loss").at(0).at("name") == "weight");
  CHECK(refusal(catalogue, "fixtures.losses.Second") == "weight | is never right | choose another loss");
}

TEST_CASE("a plugin for another LibTorch is refused and not mapped") {
  const Folder folder;
  const auto file = copy_with_note(mistakes_plugin, folder / "old.plexiform.so", [](plexiform_note& note) {
    note.torch_abi_version = uint64_t{1} << 56 | uint64_t{13} << 48;
    std::strcpy(note.torch_version, "1.13.1");
  });
  auto catalogue = catalogue_of(file);
  const auto ours = this_host().torch_version;
  CHECK(refusal(catalogue, "fixtures.losses.Mistakes") == file +
                                                              " | built for LibTorch 1.13.1, this host for LibTorch " +
                                                              ours + " | rebuild the plugin with LibTorch " + ours);
  CHECK_FALSE(is_mapped(file));
}

TEST_CASE("a graph outlives its component, its catalogue, and the plugin's file") {
  const Folder folder;
  const auto file = folder / "gone.plexiform.so";
  fs::copy(mistakes_plugin, file);
  const auto prediction = at::full({1, 1, 1}, 5.0).set_requires_grad(true);
  at::Tensor loss;
  {
    auto catalogue = catalogue_of(file);
    auto made = create_loss(catalogue, "fixtures.losses.Mistakes", Json::object(), {});
    loss = made.component->forward(prediction, at::full({1, 1, 1}, 3.0));
  }
  fs::remove(file);
  loss.backward();
  CHECK(prediction.grad().item<double>() == 4);  // d (p - t)^2 / dp = 2 (5 - 3)
}

TEST_CASE("two plugins may define the same class") {
  const Folder folder;
  const auto copy = [&](const std::string& id) {
    return copy_with_note(mistakes_plugin, folder / id, [&](plexiform_note& note) { set_id(note, id); });
  };
  auto catalogue = Catalogue::discover({{copy("one"), copy("two")}, {}}, Cache(""));
  const auto one = create_loss(catalogue, "one:fixtures.losses.Mistakes", Json::object(), {});
  const auto two = create_loss(catalogue, "two:fixtures.losses.Mistakes", Json::object(), {});
  CHECK(one.provenance.plugin == "one");
  CHECK(two.provenance.plugin == "two");
  CHECK(typeid(*one.component).name() == std::string(typeid(*two.component).name()));
  CHECK(*reinterpret_cast<void**>(one.component.get()) !=
        *reinterpret_cast<void**>(two.component.get()));  // their virtuals
}

TEST_CASE("a plugin that is replaced or deleted while loaded goes on, and says so") {
  const Folder folder;
  const auto file = folder / "a.plexiform.so";
  fs::copy(mistakes_plugin, file);
  const std::string before = hash(file);
  auto catalogue = catalogue_of(file);
  const auto made = create_loss(catalogue, "fixtures.losses.Mistakes", Json::object(), {});

  fs::rename(
      copy_with_note(mistakes_plugin, folder / "new", [](auto& note) { std::strcpy(note.plugin_version, "9.9.9"); }),
      file);
  const auto again = create_loss(catalogue, "fixtures.losses.Mistakes", Json::object(), {});
  CHECK(again.provenance.sha256 == before);
  CHECK(again.provenance.version == PLEXIFORM_VERSION);
  const std::string warning =
      file + " was removed or replaced since it was loaded: this process goes on with what it loaded";
  CHECK(again.provenance.warnings == std::vector{warning});

  fs::remove(file);
  CHECK(create_loss(catalogue, "fixtures.losses.Mistakes", Json::object(), {}).provenance.warnings ==
        std::vector{warning});
  CHECK(made.component->forward(at::full({1, 1, 1}, 5.0), at::full({1, 1, 1}, 3.0)).item<double>() == 4);
}

TEST_CASE("a plugin that is overwritten in place while loaded is not used any more") {
  const Folder folder;
  const auto file = folder / "a.plexiform.so";
  fs::copy(mistakes_plugin, file);
  auto catalogue = catalogue_of(file);
  create_loss(catalogue, "fixtures.losses.Mistakes", Json::object(), {});

  std::string bytes = content(file);
  const size_t compiler = bytes.find(PLEXIFORM_NOTE_MAGIC) + offsetof(plexiform_note, compiler);
  std::FILE* out = std::fopen(file.c_str(), "r+b");  // the same inode
  std::fseek(out, static_cast<long>(compiler), SEEK_SET);
  std::fputc('G', out);
  std::fclose(out);
  CHECK(refusal(catalogue, "fixtures.losses.Mistakes")
            .starts_with(
                file +
                " | was overwritten while it was loaded: its code in memory can no longer be trusted | start again; "));
}

TEST_CASE("a file that only got a new date is still the same") {
  const Folder folder;
  const auto file = folder / "a.plexiform.so";
  fs::copy(mistakes_plugin, file);
  auto catalogue = catalogue_of(file);
  create_loss(catalogue, "fixtures.losses.Mistakes", Json::object(), {});
  fs::last_write_time(file, fs::file_time_type::clock::now() + std::chrono::hours(1));
  CHECK(refusal(catalogue, "fixtures.losses.Mistakes") == "");
}

TEST_CASE("several threads create components at once") {
  std::array<std::shared_ptr<Loss>, 8> made;
  std::vector<std::thread> threads;
  for (auto& loss : made) {
    threads.emplace_back([&loss] {
      auto catalogue = catalogue_of(mistakes_plugin);
      catalogue.trust_new_files();
      loss = create_loss(catalogue, "fixtures.losses.Mistakes", Json::object(), {}).component;
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& loss : made) CHECK(loss);
}

TEST_CASE("each of our plugins exports its entry function and nothing else") {
  for (const auto& entry : fs::directory_iterator(PLUGIN_DIR)) {
    INFO(entry.path());
    std::FILE* nm =
        popen(("nm -D --defined-only --format=posix '" + entry.path().string() + "' | cut -d' ' -f1").c_str(), "r");
    REQUIRE(nm);
    std::string symbols;
    for (int c; (c = std::fgetc(nm)) != EOF;) symbols += static_cast<char>(c);
    pclose(nm);
    CHECK(symbols == "plexiform_plugin_entry\n");
  }
}
