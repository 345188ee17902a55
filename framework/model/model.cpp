#include <ATen/autocast_mode.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <ATen/record_function.h>
#include <c10/util/accumulate.h>
#include <model/model.h>
#include <plexiform/abilities.h>
#include <plexiform/layers/product.h>

#include <algorithm>
#include <map>

namespace plexiform::model {
namespace {

void append(std::vector<Named>& all, const std::string& prefix, std::vector<Named> some) {
  for (auto& [name, tensor] : some) all.push_back({prefix + name, std::move(tensor)});
}

std::string shape_text(at::IntArrayRef sizes) {
  std::string text = "(";
  for (const auto size : sizes) {
    text += (text.size() > 1 ? ", " : "") + std::to_string(size);
  }
  return text + ")";
}

[[noreturn]] void breaks_contract(const std::string& problem) { throw Error("", problem, "mend the component"); }

void check_returned(const at::Tensor& returned, at::IntArrayRef sizes, const at::Tensor& given,
                    const char* why = "not ") {
  if (!returned.defined()) breaks_contract("returns no tensor");
  if (returned.sizes() != sizes) {
    breaks_contract("returns " + shape_text(returned.sizes()) + ", " + why + shape_text(sizes));
  }
  if (returned.device() != given.device())
    breaks_contract("returns a tensor on " + returned.device().str() + ", not " + given.device().str());
  if (returned.scalar_type() != given.scalar_type()) {
    breaks_contract(std::string("returns ") + toString(returned.scalar_type()) + ", not " +
                    toString(given.scalar_type()));
  }
}

// Under autocast a component may compute in fewer bits; what it returns goes on in those of its input.
at::Tensor widened(const at::Tensor& returned, const at::Tensor& given) {
  const bool narrow =
      returned.defined() && (returned.scalar_type() == at::kBFloat16 || returned.scalar_type() == at::kHalf);
  return narrow && at::autocast::is_autocast_enabled(given.device().type()) ? returned.to(given.scalar_type())
                                                                            : returned;
}

// A component must not write to what it is given: others use it too. (What it writes past LibTorch is not seen.)
class Untouched {
 public:
  explicit Untouched(const at::Tensor& input) : input_(input), version_(input._version()) {}
  void check() const {
    if (input_._version() != version_) breaks_contract("writes to its input");
  }

 private:
  const at::Tensor& input_;
  int64_t version_;
};

void check_learns(const at::Tensor& prediction, const at::Tensor& features) {
  if (at::GradMode::is_enabled() && features.requires_grad() && !prediction.requires_grad())
    breaks_contract("returns a prediction without a gradient: nothing would be learnt");
}

// In backward(), the gradient of what a component returned reaches the component next.
void follow(const at::Tensor& returned, const plugins::Site& site) {
  if (returned.requires_grad()) {
    returned.register_hook([&site](const at::Tensor&) { plugins::Running::goes_on(site, "backward"); });
  }
}

}  // namespace

const plugins::Site& Model::site(const char* kind) const {
  for (const auto& origin : origins) {
    if (origin.kind == kind) return origin.site;
  }
  static const plugins::Site unknown{"", "a component", "it"};  // of a model that was put together by hand
  return unknown;
}

// After the first, a clone where there is one.
const plugins::Site& Model::readout_site(size_t session) const {
  const auto& clone = site("clone");
  return session == 0 || clone.place.empty() ? site("readout") : clone;
}

Shape Model::shown(Shape stimulus) const {
  for (const auto& trace : trace_channels) stimulus.channels += trace.rows;
  return stimulus;
}

at::Tensor Model::shown(const at::Tensor& stimulus, const Given& given) const {
  if (trace_channels.empty()) return stimulus;
  std::vector<at::Tensor> all = {stimulus};
  for (const auto& [name, rows] : trace_channels) {
    auto values = given.find(name);
    if (!values.defined())
      throw Error(name, "is missing, and the model shows it to its core", "give it with the movie");
    if (values.dim() == 3) values = values.transpose(1, 2);  // (B, K, T)
    auto sizes = stimulus.sizes().vec();
    sizes[1] = rows;
    all.push_back(values.unsqueeze(-1).unsqueeze(-1).expand(sizes));
  }
  return at::cat(all, 1);
}

Given Model::given_core(size_t session, const std::vector<Named>& traces) const {
  return Given(core_is_told ? heads[session].session : "", traces);
}

at::Tensor Model::features_of(const at::Tensor& movie, const Given& given) const {
  RECORD_USER_SCOPE("core");  // here and below: for training/profile.h
  const at::Tensor stimulus = shown(movie, given);
  const auto& site = this->site("core");
  return plugins::call(site, "forward", [&] {
    const Untouched untouched(stimulus);
    const at::Tensor features = widened(core->forward(stimulus, given), stimulus);
    const Shape shape = core->output_shape({stimulus.size(1), stimulus.size(2), stimulus.size(3), stimulus.size(4)});
    check_returned(features, {stimulus.size(0), shape.channels, shape.time, shape.height, shape.width}, stimulus,
                   "but its output_shape makes that ");
    untouched.check();
    follow(features, site);
    return features;
  });
}

std::vector<at::Tensor> Model::from_features(const at::Tensor& features, const std::vector<Asked>& asked) const {
  std::vector<LinearDrive*> linear(asked.size());
  auto each = [&](const char* function, auto&& visit) {
    for (size_t k = 0; k < asked.size(); ++k) {
      const auto& site = readout_site(asked[k].session);
      plugins::call(site, function, [&] { visit(k, site, heads[asked[k].session]); });
    }
  };
  if (features.size(3) * features.size(4) <= features.size(0) * features.size(2)) {
    each("ability", [&](size_t k, const auto&, const Head& head) { linear[k] = ability<LinearDrive>(*head.readout); });
  }
  std::vector<at::Tensor> predictions(asked.size());
  if (std::count(linear.begin(), linear.end(), nullptr) + 1 < std::ssize(linear)) {
    RECORD_USER_SCOPE("readout");
    std::vector<at::Tensor> weights, offsets;
    std::vector<int64_t> neurons;
    each("weights", [&](size_t k, const auto& site, const Head& head) {
      if (!linear[k]) return;
      const auto own = widened(linear[k]->weights(), features);
      check_returned(own, {head.neurons, features.size(1), features.size(3), features.size(4)}, features);
      follow(own, site);
      weights.push_back(own.flatten(1)), neurons.push_back(head.neurons);
    });
    each("offsets", [&](size_t k, const auto& site, const Head& head) {
      if (!linear[k]) return;
      offsets.push_back(widened(linear[k]->offsets(), features));
      check_returned(offsets.back(), {head.neurons}, features);
      follow(offsets.back(), site);
    });
    const auto all = at::cat(weights);
    weights.clear();
    const auto sum = widened(layers::product(features.transpose(1, 2).flatten(2), all), features) + at::cat(offsets);
    const auto drives = sum.split_with_sizes(neurons, 2);
    size_t next = 0;
    each("rates", [&](size_t k, const auto& site, const Head& head) {
      if (!linear[k]) return;
      const auto drive = drives[next++].contiguous();
      const Untouched untouched(drive);
      predictions[k] = widened(linear[k]->rates(drive, Given(head.session, asked[k].traces)), features);
      check_returned(predictions[k], drive.sizes(), features);
      untouched.check();
      check_learns(predictions[k], features);
      follow(predictions[k], site);
    });
  }
  for (size_t k = 0; k < asked.size(); ++k) {
    if (!predictions[k].defined()) predictions[k] = from_features(features, asked[k].session, asked[k].traces);
  }
  return predictions;
}

at::Tensor Model::predict(const at::Tensor& features, size_t session, const Given& given) const {
  RECORD_USER_SCOPE("readout");
  const auto& site = readout_site(session);
  return plugins::call(site, "forward", [&] {
    const Untouched untouched(features);
    const at::Tensor prediction = widened(heads[session].readout->forward(features, given), features);
    check_returned(prediction, {features.size(0), features.size(2) - heads[session].history, heads[session].neurons},
                   features);
    untouched.check();
    check_learns(prediction, features);
    follow(prediction, site);
    return prediction;
  });
}

at::Tensor Model::compare(const char* kind, Loss& compared_by, const at::Tensor& prediction, const at::Tensor& target,
                          size_t session) const {
  RECORD_USER_SCOPE("loss");
  const auto& site = this->site(kind);
  return plugins::call(site, "forward", [&] {
    const Untouched untouched_prediction(prediction), untouched_target(target);
    auto* of_session = ability<SessionLoss>(compared_by);
    at::Tensor value = of_session ? of_session->forward(prediction, target, Given(heads[session].session))
                                  : compared_by.forward(prediction, target);
    if (!value.defined()) breaks_contract("returns no tensor");
    if (value.dim() != 0) {
      check_returned(value, {prediction.size(2)}, value);
      value = value.mean();
    }
    untouched_prediction.check();
    untouched_target.check();
    if (prediction.requires_grad() && at::GradMode::is_enabled() && !value.requires_grad())
      breaks_contract("returns a value without a gradient: nothing would be learnt of the prediction");
    follow(value, site);
    return value;
  });
}

at::Tensor Model::penalty(const plugins::Site& site, Component& component) const {
  RECORD_USER_SCOPE("penalty");
  return plugins::call(site, "penalty", [&] {
    const at::Tensor value = component.penalty();
    if (!value.defined()) return at::zeros({}, device);
    if (value.numel() != 1) breaks_contract("returns " + shape_text(value.sizes()) + ", not a scalar");
    follow(value, site);
    return value.to(device);
  });
}

namespace {

// Numbers of a stimulus that go through a core together: what all its layers make of them is in memory at once.
constexpr int64_t most_together = int64_t{1} << 20;

std::vector<Named> sliced(std::vector<Named> traces, int64_t axis, int64_t begin, int64_t end) {
  for (auto& trace : traces) {
    if (trace.tensor.defined() && trace.tensor.dim() > axis) trace.tensor = trace.tensor.slice(axis, begin, end);
  }
  return traces;
}

}  // namespace

Clips::Clips(const at::Tensor& stimulus)
    : sizes(stimulus.sizes().vec()), part([stimulus](Range rows, Range bins) {
        auto some = stimulus;  // as it is where all is asked for: the gradient of a slice is a copy
        if (rows.end - rows.begin < some.size(0)) some = some.slice(0, rows.begin, rows.end);
        if (bins.end - bins.begin < some.size(2)) some = some.slice(2, bins.begin, bins.end);
        return some;
      }) {
  TORCH_CHECK(stimulus.dim() == 5, "a stimulus ", stimulus.sizes(), " is not (B, C, T, H, W)");
}

Clips Clips::rows(Range range) const {
  auto fewer = sizes;
  fewer[0] = range.end - range.begin;
  return {fewer, [part = part, first = range.begin](Range rows, Range bins) {
            return part({first + rows.begin, first + rows.end}, bins);
          }};
}

at::Tensor Model::forward(const Clips& stimulus, size_t session, const std::vector<Named>& traces) const {
  const int64_t rows = stimulus.sizes[0], all = c10::multiply_integers(stimulus.sizes);
  const int64_t rows_together = all == 0 ? rows : std::max<int64_t>(1, most_together * rows / all);
  if (at::GradMode::is_enabled() || rows_together >= rows)
    return from_features(features_of(stimulus, session, traces), session, traces);
  std::vector<at::Tensor> predictions;
  for (int64_t begin = 0; begin < rows; begin += rows_together) {
    const int64_t end = std::min(rows, begin + rows_together);
    const auto known = sliced(traces, 0, begin, end);
    predictions.push_back(from_features(features_of(stimulus.rows({begin, end}), session, known), session, known));
  }
  return at::cat(predictions);
}

at::Tensor Model::features_of(const Clips& stimulus, size_t session, const std::vector<Named>& traces) const {
  constexpr int64_t fewest = 64, most = 256;  // bins of a piece
  const auto& sizes = stimulus.sizes;
  const int64_t rows = sizes[0], bins = sizes[2], all_numbers = c10::multiply_integers(sizes);
  const auto whole = [&] { return features_of(stimulus.all(), given_core(session, traces)); };
  if (at::GradMode::is_enabled() || all_numbers == 0 || bins < 2 * fewest) return whole();
  const auto [history, causal] = core->temporal();
  const auto cut = bins_cut({sizes[1], bins, sizes[3], sizes[4]});
  const int64_t context = std::max(history, cut.value_or(most));  // a core may cut more than it looks back
  if (!causal || context >= most) return whole();
  // No less than twice what is shown again with each piece.
  const int64_t least = std::clamp(2 * context, fewest, most);
  const int64_t together = std::clamp(most_together * bins / all_numbers, least, most);
  if (bins < 2 * together) return whole();
  // Of equal length, so that the memory of one is that of the next.
  const int64_t length = context + together, pieces = (bins - context + together - 1) / together;
  at::Tensor all;
  for (int64_t k = 0, seen = 0, made = 0; k < pieces; ++k) {
    const int64_t from = (bins - length) * k / (pieces - 1), end = from + length;
    auto piece = features_of(stimulus.part({0, rows}, {from, end}), given_core(session, sliced(traces, 1, from, end)));
    if (k > 0) {
      piece = piece.slice(2, piece.size(2) - (end - seen));
    } else {
      auto of_all = piece.sizes().vec();
      of_all[2] += bins - end;
      all = at::empty(of_all, piece.options());
    }
    all.slice(2, made, made + piece.size(2)).copy_(piece);
    made += piece.size(2), seen = end;
  }
  return all;
}

at::Tensor Model::from_features(const at::Tensor& features, size_t session, const std::vector<Named>& traces) const {
  return predict(features, session, Given(heads[session].session, traces));
}

std::optional<int64_t> Model::bins_cut(Shape movie) const {
  const auto cut = [&] { return movie.time - core->output_shape(shown(movie)).time; };
  const int64_t once = cut();
  movie.time *= 2;
  return cut() == once ? std::optional(once) : std::nullopt;
}

int64_t Model::lag() const {
  int64_t history = 0;
  for (const auto& head : heads) history = std::max(history, head.history);
  return window.time - features.time + history;
}

at::Tensor Model::loss_of(const at::Tensor& prediction, const at::Tensor& target, size_t session) const {
  const Head& head = heads[session];
  if (head.loss) return compare(head.loss_kind.c_str(), *head.loss, prediction, target, session);
  return compare("loss", *loss, prediction, target, session);
}

at::Tensor Model::evaluation_loss_of(const at::Tensor& prediction, const at::Tensor& target, size_t session) const {
  return compare("evaluation_loss", *evaluation_loss, prediction, target, session);
}

void Model::backward(const at::Tensor& total) const {
  RECORD_USER_SCOPE("backward");
  plugins::call(site("loss"), "backward", [&] { total.backward(); });
}

at::Tensor Model::core_penalty() const { return penalty(site("core"), *core); }

at::Tensor Model::loss_penalty(size_t session) const {
  const Head& head = heads[session];
  return head.loss ? penalty(site(head.loss_kind.c_str()), *head.loss) : penalty(site("loss"), *loss);
}

at::Tensor Model::readout_penalty(size_t session) const {
  return penalty(readout_site(session), *heads[session].readout);
}

const plugins::Site* Model::not_finite(const at::Tensor& stimulus, const at::Tensor& target, size_t session,
                                       const std::vector<Named>& traces) const {
  const at::NoGradGuard no_grad;
  const auto finite = [](const at::Tensor& x) { return x.isfinite().all().item<bool>(); };
  const Given given(heads[session].session, traces);
  const at::Tensor features = features_of(stimulus, given_core(session, traces));
  if (!finite(features) || !finite(core_penalty())) return &site("core");
  const at::Tensor prediction = predict(features, session, given);
  if (!finite(prediction) || !finite(readout_penalty(session))) {
    return &readout_site(session);
  }
  return finite(loss_of(prediction, target, session)) && finite(loss_penalty(session)) ? nullptr : &site("loss");
}

std::vector<Named> Model::parameters() const {
  std::vector<Named> all;
  append(all, "core.", core->parameters());
  for (const auto& head : heads) append(all, "readout." + head.session + ".", head.readout->parameters());
  append(all, "loss.", loss->parameters());
  for (const auto& head : heads) {
    if (head.loss) append(all, head.loss_kind + ".", head.loss->parameters());
  }
  return all;
}

std::vector<Named> Model::buffers() const {
  std::vector<Named> all;
  append(all, "core.", core->buffers());
  for (const auto& head : heads) append(all, "readout." + head.session + ".", head.readout->buffers());
  append(all, "loss.", loss->buffers());
  for (const auto& head : heads) {
    if (head.loss) append(all, head.loss_kind + ".", head.loss->buffers());
  }
  return all;
}

std::vector<Named> Model::state() const {
  auto all = parameters();
  append(all, "", buffers());
  return all;
}

void Model::load_state(const std::vector<Named>& tensors, const std::string& file) const {
  const char* const fix = "load it with the configuration that it was trained with";
  std::map<std::string, at::Tensor> stored;
  for (const auto& [name, tensor] : tensors) stored[name] = tensor;
  const auto own = state();
  for (const auto& [name, tensor] : own) {  // all is checked before anything is written
    const auto found = stored.find(name);
    if (found == stored.end()) throw Error(file, "has no tensor '" + name + "'", fix);
    if (found->second.sizes() != tensor.sizes()) {
      throw Error(file,
                  "tensor '" + name + "' is " + shape_text(found->second.sizes()) + ", the model's is " +
                      shape_text(tensor.sizes()),
                  fix);
    }
  }
  if (stored.size() > own.size()) {
    for (const auto& [name, tensor] : own) stored.erase(name);
    throw Error(file, "holds '" + stored.begin()->first + "', which this model does not have", fix);
  }
  const at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : own) tensor.copy_(stored[name]);
}

void Model::train(bool on) const {
  core->train(on);
  for (const auto& head : heads) head.readout->train(on);
  loss->train(on);
  for (const auto& head : heads) {
    if (head.loss) head.loss->train(on);
  }
}

void Model::to(at::Device there) {
  if (there == device) return;
  device = there;
  const auto move = [&](const plugins::Site& site, Component& component) {
    plugins::call(site, "to", [&] { component.to(device, at::kFloat); });
  };
  move(site("core"), *core);
  for (size_t i = 0; i < heads.size(); ++i) move(readout_site(i), *heads[i].readout);
  move(site("loss"), *loss);
  move(site("evaluation_loss"), *evaluation_loss);
  for (const auto& head : heads) {
    if (head.loss) move(site(head.loss_kind.c_str()), *head.loss);
  }
}

void Model::project() const {
  const at::NoGradGuard no_grad;
  plugins::call(site("core"), "project", [&] { core->project(); });
  for (size_t i = 0; i < heads.size(); ++i) {
    plugins::call(readout_site(i), "project", [&] { heads[i].readout->project(); });
  }
  plugins::call(site("loss"), "project", [&] { loss->project(); });
  for (const auto& head : heads) {
    if (head.loss) plugins::call(site(head.loss_kind.c_str()), "project", [&] { head.loss->project(); });
  }
}

}  // namespace plexiform::model
