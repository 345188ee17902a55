// Broken configs and arguments, each with the whole message that a user gets.
#include <config/compose.h>
#include <config/knobs.h>
#include <config/resolve.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>

using namespace plexiform::config;
namespace fs = std::filesystem;

namespace {

struct Broken {
  std::vector<std::pair<std::string, std::string>> files;  // path, text; the first is the primary config
  std::vector<std::string> overrides;
  std::string message;  // file names without the folder
};

// Composes and resolves files of a temporary folder; gives back the error's text.
std::string message_of(const Broken& broken) {
  const fs::path folder = fs::temp_directory_path() / ("plexiform_broken_" + std::to_string(::getpid()));
  for (const auto& [path, text] : broken.files) {
    fs::create_directories((folder / path).parent_path());
    std::ofstream(folder / path) << text;
  }
  std::string message = "composed";
  try {
    const auto composition = compose({{folder.string()}, "train", broken.overrides});
    resolve(composition.job, {composition.hydra, 0});
  } catch (const plexiform::Error& e) {
    message = e.what();
  }
  fs::remove_all(folder);
  const std::string start = folder.string() + "/";
  for (size_t at; (at = message.find(start)) != std::string::npos;) message.erase(at, start.size());
  for (size_t at; (at = message.find(folder.string())) != std::string::npos;) {
    message.replace(at, folder.string().size(), "FOLDER");
  }
  return message;
}

void check(const std::vector<Broken>& cases) {
  for (const auto& broken : cases) {
    std::string arguments;
    for (const auto& override : broken.overrides) arguments += " " + override;
    INFO(broken.files[0].second << arguments);
    CHECK(message_of(broken) == broken.message);
  }
}

Broken file(const std::string& text, const std::string& message) { return {{{"train.yaml", text}}, {}, message}; }

Broken argument(const std::string& override, const std::string& message) {
  return {{{"train.yaml", "model: {kernel: 3, sizes: [3, 4], o: \"${o}\"}\no: {lr: 1}\n"}},
          {override},
          "command line, argument 1: " + message};
}

}  // namespace

TEST_CASE("broken YAML is refused with its place and the remedy") {
  const std::string colon =
      "a ':' that cannot stand here\n  fix: quote the value if it holds ': ', indent the key like "
      "its siblings, or add a "
      "':' to the line above";
  check({
      file("model:\n  kernel: 13\n   channels: 4\n", "train.yaml:3:12: " + colon),
      file("model:\n  kernel 13\n  channels: 4\n", "train.yaml:3:11: " + colon),
      file("note: see: below\n", "train.yaml:1:10: " + colon),
      file("model:\n  kernel: 13\n  channels\n", "train.yaml:3:3: a line without a ':'\n  fix: write 'key: value'"),
      file("model: {kernel: 13, channels: 4\ntrainer:\n  epochs: 3\n",
           "train.yaml:1:8: a '{' that is never closed\n  fix: close it with '}', entries "
           "separated by commas"),
      file("sizes: [3, 4\n",
           "train.yaml:1:8: a '[' that is never closed\n  fix: close it with ']', items separated "
           "by commas"),
      file("name: 'run\nseed: 3\n", "train.yaml:1:7: a quoted text that is never closed\n  fix: close the quote"),
      file("model:\n\tkernel: 13\n", "train.yaml:2:1: a tab\n  fix: use spaces, also between words"),
      file("seed: 1\nname: a\nseed: 2\n",
           "train.yaml:3:1: the key 'seed' is given twice\n  fix: remove one of them; the first is "
           "at line 1"),
      file("a: 1\n---\nb: 2\n",
           "train.yaml:2:1: a second document begins here\n  fix: keep one document per file: "
           "remove the '---'"),
      file("core: *base\n",
           "train.yaml:1:7: an alias without an anchor\n  fix: write '&name' before the value it "
           "means, or quote the text"),
      file("core: !Linear {kernel: 3}\n",
           "train.yaml:1:7: the tag '!Linear' is not known\n  fix: remove the tag; only values, "
           "lists and mappings can be written"),
      file("user: @me\n", "train.yaml:1:7: a value cannot start with this character\n  fix: quote the value"),
      file("note: \xff\n",
           "train.yaml:1:7: a character that cannot stand in a YAML file\n  fix: save the file as "
           "UTF-8 text without control "
           "characters"),
      file("note: \xc3\xa9\xc3\xa9 *x: [\n",
           "train.yaml:1:12: a ':' that cannot stand here\n  fix: quote the value if it holds ': "
           "', indent the key like its "
           "siblings, or add a ':' to the line above"),
      file("n: 12345678901234567890123\n",
           "train.yaml:1:4: '12345678901234567890123' does not fit in a 64-bit integer\n  fix: "
           "quote it if it is text, or write "
           "it as a float"),
      file("null: 1\n", "train.yaml:1:1: a key is null\n  fix: write a plain key, or quote it"),
      file("- 1\n- 2\n", "train.yaml:1:1: the file is a list\n  fix: write 'key: value' lines"),
  });
}

TEST_CASE("a wrong defaults list is refused with its place, the chain above it, and the options") {
  const auto small = std::pair<std::string, std::string>("model/small.yaml", "a: 1\n");
  const auto big = std::pair<std::string, std::string>("model/big.yaml", "a: 2\n");
  check({
      {{{"train.yaml", "defaults:\n  - model: smal\n"}, small, big},
       {},
       "train.yaml:2:5: model: smal: there is no config 'model/smal'\n  fix: did you mean 'small'? "
       "options of model are: big, "
       "small"},
      {{{"train.yaml", "defaults:\n  - models: small\n"}, small},
       {},
       "train.yaml:2:5: models: small: there is no group 'models' to choose 'small' from\n  fix: "
       "did you mean 'model'?"},
      {{{"train.yaml", "defaults:\n  - model: ???\n"}, small, big},
       {},
       "train.yaml:2:5: model: ???: 'model' has to be chosen\n  fix: write model=OPTION; options: "
       "big, small"},
      {{{"train.yaml", "defaults:\n  - data: retina\n"},
        {"data/retina.yaml", "defaults:\n  - split: clips\n  - /filter: none\n"},
        {"data/split/clips.yaml", "n: 3\n"},
        {"filter/all.yaml", "n: 3\n"}},
       {},
       "data/retina.yaml:3:5: /filter: none: there is no config 'filter/none' (this list is chosen "
       "by 'data: retina' in "
       "train.yaml:2:5)\n  fix: options of filter are: all"},
      {{{"train.yaml", "defaults:\n  - data: retina\n"}, {"data/retina.yaml", "rate: 30\nrate: 20\n"}},
       {},
       "data/retina.yaml:2:1: the key 'rate' is given twice (this file is chosen by 'data: retina' "
       "in train.yaml:2:5)\n  fix: "
       "remove one of them; the first is at line 1"},
      {{{"train.yaml", "defaults:\n  - a: x\n"},
        {"a/x.yaml", "defaults:\n  - y\n"},
        {"a/y.yaml", "defaults:\n  - x\n"}},
       {},
       "a/y.yaml:2:5: x: the defaults lists run in a circle: a/x -> a/y -> a/x (this list is "
       "chosen by 'y' in a/x.yaml:2:5, "
       "which is chosen by 'a: x' in train.yaml:2:5)\n  fix: take this entry out"},
      {{{"train.yaml", "defaults:\n  - override model: big\n  - model: small\n"}, small, big},
       {},
       "train.yaml:2:5: override model: big: stands before 'model: small', which it overrides\n  "
       "fix: move the overrides to "
       "the end of the list, before _self_ if it is there"},
      {{{"train.yaml", "defaults:\n  - model: small\n  - model: big\n"}, small, big},
       {},
       "train.yaml:2:5: model: small: the group 'model' is chosen a second time, as 'big' too\n  "
       "fix: write 'override model: "
       "big' there, or give one of them a package: model@other"},
      {{{"train.yaml", "defaults:\n  - model: small\n"},
        {"exp/e.yaml", "defaults:\n  - override /model: big\n"},
        small,
        big},
       {"+exp=e"},
       "exp/e.yaml:2:5: override /model: big: no defaults list chooses 'model@exp.model'\n  fix: "
       "did you mean model? A config "
       "that overrides choices at the top begins with '# @package _global_'"},
      {{{"train.yaml", "defaults:\n  - model: 5\n"}, small},
       {},
       "train.yaml:2:12: defaults: an option is neither text nor a list of texts\n  fix: quote the "
       "option if its name looks "
       "like a number or a truth"},
      {{{"train.yaml", "defaults:\n  model: small\n"}, small},
       {},
       "train.yaml:2:3: defaults: is not a list\n  fix: write one '- group: option' per line"},
      {{{"train.yaml", "defaults:\n  - model: small\n  - _self_\nmodel: [1]\n"}, small},
       {},
       "train.yaml:4:8: model: is a list on top of a mapping (model/small.yaml:1:1)\n  fix: write "
       "a mapping, or give the key "
       "another name"},
      {{{"train.yaml", "hydra:\n  run:\n    dirr: x\n"}},
       {},
       "train.yaml:3:5: hydra.run.dirr: no such key of Hydra's\n  fix: did you mean 'dir'?"},
      {{{"tain.yaml", "n: 1\n"}}, {}, "train: no such config in FOLDER\n  fix: did you mean 'tain'?"},
  });
}

TEST_CASE("an interpolation that leads nowhere is refused with its place") {
  check({
      file("model:\n  lr: ${models.rate}\n  rate: 1\n",
           "train.yaml:2:7: model.lr: '${models.rate}' points at 'models', which does not exist\n  "
           "fix: did you mean 'model'?"),
      file("model:\n  lr: ${.rate\n",
           "train.yaml:2:7: '${.rate' has no closing }\n  fix: close it, or write \\${ for a "
           "literal ${"),
      file("a: ${b}\nb: ${c}\nc: ${a}\n",
           "train.yaml:1:4: a: is part of a cycle: a -> b -> c -> a\n  fix: give one of them a "
           "value of its own"),
      file("a: ${oc.env:PLEXIFORM_UNSET}\n",
           "train.yaml:1:4: a: the environment variable 'PLEXIFORM_UNSET' is not set\n  fix: set "
           "it, or give a default: "
           "${oc.env:PLEXIFORM_UNSET,default}"),
      file("a: ${oc.en:HOME}\n",
           "train.yaml:1:4: a: '${oc.en:HOME}' uses 'oc.en', which is no resolver\n  fix: did you "
           "mean 'oc.env'? (a node is "
           "pointed at with dots: ${section.key})"),
      file("a: ${hydra.run.dir}\n",
           "train.yaml:1:4: a: '${hydra.run.dir}' points at 'hydra', which does not exist\n  fix: "
           "write ${hydra:run.dir}"),
  });
}

TEST_CASE("a wrong argument is refused with its number and the remedy") {
  check({
      argument("model.kernal=5",
               "model.kernal=5: there is no key 'model.kernal'\n  fix: did you mean 'kernel'? To "
               "add it, write +model.kernal=5"),
      argument("+model.kernel=5",
               "+model.kernel=5: 'model.kernel' exists already\n  fix: leave out the '+' to change "
               "it, or write '++' to do either"),
      argument("~model.kern", "~model.kern: there is no key 'model.kern' to remove\n  fix: did you mean 'kernel'?"),
      argument("~model.kernel=4",
               "~model.kernel=4: 'model.kernel' is 3, not 4\n  fix: leave out the value to remove "
               "it anyway"),
      argument("model.kernel=1,2",
               "model.kernel=1,2: gives several values to one key\n  fix: for a list write "
               "model.kernel=[...], for text with "
               "commas quote it, to run once per value add -m"),
      argument("model.kernel",
               "model.kernel: 'model.kernel' has no value\n  fix: write model.kernel=VALUE, or "
               "~model.kernel to remove it"),
      argument("name=a=b",
               "name=a=b: 'a=b' has a '=' at character 2 that cannot stand there\n  fix: quote the "
               "value, or write \\="),
      argument("model[kernel]=4",
               "model[kernel]=4: 'model[kernel]' is no key\n  fix: an item of a list is written "
               "with a dot: list.0"),
      argument("model.sizes.2=4",
               "model.sizes.2=4: 'model.sizes.2' is no item of the list, which has 2\n  fix: items "
               "are counted from 0; to change "
               "the length, give the whole list: key=[1,2,3]"),
      argument("model={kern: 4}",
               "model.kern: no such key\n  fix: did you mean 'kernel'? (to add a key, begin with '+')"),
      argument("model/small=x",
               "model/small=x: there is no group 'model/small'\n  fix: a key of the config is "
               "written with dots: model.small"),
      argument("model.o.lr=2",
               "model.o.lr=2: 'model.o' is ${o}, and holds no key of its own\n  fix: change the "
               "key at the place it points at"),
      argument("x=jsn(3)",
               "x=jsn(3): 'jsn' is no function\n  fix: known are: choice, range, interval, glob, "
               "tag, sort, shuffle, int, float, "
               "bool, str (quote the value if it is text)"),
      argument("x=int('99999999999999999999')",
               "x=int('99999999999999999999'): '99999999999999999999' does not fit in a 64-bit integer\n  fix: give a "
               "smaller number, or a text"),
  });
}

namespace {
struct Knobs {
  int64_t kernel = 13;
  std::vector<double> weights;
  void describe(auto& knob) {
    knob("kernel", kernel, {.doc = "filter side", .unit = "px", .min = 1, .step = 2});
    knob("weights", weights, {.min = 0});
  }
};

std::string knob_message(const std::string& text) {
  const Node config = parse_yaml(text, "retina.yaml");
  try {
    read_knobs<Knobs>(*config.at_path("model.core"), "model.core");
  } catch (const plexiform::Error& e) {
    return e.what();
  }
  return "read";
}
}  // namespace

TEST_CASE("a wrong knob is refused with the place in the file and its full path") {
  CHECK(knob_message("model:\n  core:\n    _target_: x\n    kernel: 14\n") ==
        "retina.yaml:4:13: model.core.kernel: is 14\n  fix: use 13 or 15 (filter side, px)");
  CHECK(knob_message("model:\n  core: {kernal: 13}\n") ==
        "retina.yaml:2:10: model.core.kernal: no such parameter\n  fix: did you mean 'kernel'?");
  CHECK(knob_message("model:\n  core:\n    weights:\n      - 1\n      - -2\n") ==
        "retina.yaml:5:9: model.core.weights.1: is -2\n  fix: use at least 0");
  CHECK(knob_message("model:\n  core: 3\n") ==
        "retina.yaml:2:9: model.core: is 3, not a mapping\n  fix: write one 'key: value' per line");
  CHECK(knob_message("model:\n  core:\n    kernel: ?\?\?\n    _convert_: all\n") == "read");
}
