// A model of several sessions, each with neurons of its own.
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/rand.h>
#include <plexiform/abilities.h>

#include "specimen.h"
#include "topics.h"

namespace plexiform::conformance {

namespace {

const Session first = {"first", 3}, second = {"second", 5}, third = {"third", 1};

// What `from` saves, copied by name into `to`, which may save more.
void copy_shared_state(const Specimen& from, const Specimen& to, const std::string& what) {
  const at::NoGradGuard no_grad;
  const auto all = state(*to);
  for (const auto& [name, tensor] : state(*from)) {
    const auto same = find(all, name);
    expect(same.defined(), str(what, " saves no '", name, "'"));
    expect(same.sizes() == tensor.sizes(),
           str(what, " saves '", name, "' of ", same.sizes(), ", not ", tensor.sizes()));
    same.copy_(tensor);
  }
}

// A core is trained for one session; later it is built for two, the new one named before the old.
void of_core(const Subject& subject) {
  const Specimen trained(subject, 0, {first}), longer(subject, 1, {second, first});
  trained.run(trained.input(), first.name);
  move_a_little(*trained);
  copy_shared_state(trained, longer, "built for a further session, it");
  trained->train(false);
  longer->train(false);
  const auto x = trained.input();
  const auto before = trained.run(x, first.name), after = longer.run(x, first.name);
  expect(at::equal(before, after),
         str("a further session changes the output for the first by ", distance(before, after)));
  const auto fresh = longer.run(x, second.name), of_none = longer.run(x, "");
  expect(agree(fresh, of_none, 1e-5),
         str("before it is trained, a further session has other features than a movie that is "
             "shown to no session, by ",
             distance(fresh, of_none)));
}

// A readout serves its own session, whatever happens to the others.
void of_readout(const Subject& subject) {
  std::vector<Specimen> readouts;
  for (const auto& session : {first, second, third}) {
    try {
      readouts.emplace_back(subject, 0, std::vector{session});
    } catch (const Error& error) {
      const auto sentence = str("for a session of ", session.neurons, " neurons it is refused: ", error.what());
      if (!error.where().empty()) throw NotRun{sentence};  // a knob lists the neurons
      throw Broken{sentence};
    }
  }
  const auto x = readouts[0].input();
  const auto* looks_back = ability<LooksBack>(*readouts[0]);
  const int64_t bins = x.size(2) - (looks_back ? looks_back->history() : 0);
  const auto predict = [&](size_t i, const Session& session) {
    readouts[i]->train(false);
    const auto y = readouts[i].run(x, session.name);
    const std::vector<int64_t> promised = {x.size(0), bins, session.neurons};
    expect(y.sizes() == promised, str("for ", session.neurons, " neurons a prediction of shape ", y.sizes()));
    return y;
  };
  const auto before = predict(0, first);
  for (const auto& [i, session] : {std::pair{size_t{1}, second}, {size_t{2}, third}}) {
    predict(i, session);
    move_a_little(*readouts[i]);
    predict(i, session);
  }
  expect(at::equal(predict(0, first), before), "training the readout of another session changes this one's prediction");
}

void of_loss(const Subject& subject) {
  const std::vector<Session> sessions = {first, second, third}, turned = {third, second, first};
  const Specimen loss(subject, 0, sessions), other(subject, 1, turned);
  move_a_little(*loss);
  copy_shared_state(loss, other, "built for the same sessions in another order, it");
  at::Tensor total;
  for (const auto& session : sessions) {
    auto x = at::rand({2, loss_bins - lag, session.neurons}) + 0.1;
    x.set_requires_grad(true);
    const auto value = loss.run(x, session.name);
    expect(value.dim() == 0 || value.sizes() == at::IntArrayRef{session.neurons},
           str("for ", session.neurons, " neurons, a loss of shape ", value.sizes()));
    expect(finite(value), str("NaN or infinity for a session of ", session.neurons, " neurons"));
    value.mean().backward();
    expect(x.grad().defined() && finite(x.grad()),
           str("no finite gradient of the prediction for a session of ", session.neurons, " neurons"));
    const auto again = other.run(x, session.name);
    expect(agree(value, again, 1e-5),
           str("the order of the sessions changes the loss of one by ", distance(value, again)));
  }
  for (const auto& [name, leaf] : trainable(*loss)) {
    expect(leaf.grad().defined(), name + " has no gradient from any session");
  }
}

}  // namespace

Checks session_checks(uint32_t kind) {
  if (kind == PLEXIFORM_CORE_KIND) {
    return {{"sessions",
             "built for a further session too, it has the same output for the first, and starts the new one where a "
             "session "
             "makes no difference",
             "plexiform/core.h, CoreContext::sessions", &of_core}};
  }
  if (kind == PLEXIFORM_READOUT_KIND) {
    return {{"sessions", "it can be built for sessions of 3, 5 and 1 neurons, which do not touch each other",
             "plexiform/readout.h, ReadoutContext; static variables", &of_readout}};
  }
  return {{"sessions", "built for sessions of 3, 5 and 1 neurons, in any order, it compares each of them",
           "plexiform/loss.h, LossContext::sessions; plexiform/abilities.h, SessionLoss", &of_loss}};
}

}  // namespace plexiform::conformance
