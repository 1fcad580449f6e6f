import ApusCore
import ApusGraph
import Synchronization

/// What the trainers of a model leave behind for the next one. Copies of a model share it.
public final class ModelWeights: Sendable {
  /// Of the trainer that was made last.
  private let last = Mutex<Session?>(nil)
  /// What the model begins with: the weights of models inside it, or of the model of which it is a part. The prefix is what
  /// the names of these variables begin with here.
  private let sources = Mutex<[(prefix: String, weights: ModelWeights)]>([])

  init() {}

  func begin(with sources: [(prefix: String, weights: ModelWeights)]) { self.sources.withLock { $0 = sources } }

  /// Gives a new trainer the weights of the last one, if they are no longer the first ones: a model that was compiled but
  /// not trained gets new weights from the new seed, and those of trained models that it is made of.
  func passed(to trainer: Trainer) throws -> Trainer {
    let hasOwn = last.withLock { $0?.hasChanged ?? false }
    try give(to: trainer, prefix: "")
    // Weights of models inside are theirs: the next trainer takes them from there again.
    if !hasOwn { trainer.session.forgetChanges() }
    last.withLock { $0 = trainer.session }
    return trainer
  }

  private func give(to trainer: Trainer, prefix: String) throws {
    if let last = last.withLock({ $0 }), last.hasChanged { return try trainer.takeWeights(from: last, prefix: prefix) }
    // Those of an outer model are given after those of the models in it, because they were trained later.
    for source in sources.withLock({ $0 }).reversed() {
      try source.weights.give(to: trainer, prefix: prefix + source.prefix)
    }
  }
}

extension Trainer {
  /// A trainer for the same model with the same weights, but another optimizer, loss or metrics. Steps, epochs and the
  /// optimizer's state begin anew.
  /// - Parameters: what is nil stays as it is.
  /// - Throws: `ApusError` if the model has a loss for each of several outputs and `loss` or `metrics` are given; or as
  ///   `init`.
  public func compile(
    optimizer: (any Optimizer)? = nil, loss: Loss? = nil, metrics: [Metric]? = nil
  ) throws -> Trainer {
    var objective = objective
    if loss != nil || metrics != nil {
      guard objective.joint == nil, outputNames.count == 1 || metrics == nil else {
        throw ApusError.input(
          "the model has several losses, so one loss or one list of metrics cannot replace them",
          help: "compile the model again, or make a Trainer with losses: …")
      }
      objective = try Objective(loss ?? self.loss, metrics: metrics ?? self.metrics, outputs: outputNames)
    }
    let trainer = try Trainer(
      model, optimizer: optimizer ?? self.optimizer, objective: objective, backend: session.backend, seed: seed,
      passes: passes)
    try trainer.takeWeights(from: session)
    trainer.classNames = classNames
    trainer.warningHandler = warningHandler
    return trainer
  }

  /// - Parameter prefix: what the names of the variables begin with here and not there.
  fileprivate func takeWeights(from other: Session, prefix: String = "") throws {
    func value(of name: String) -> Tensor? { other.value(of: String(name.dropFirst(prefix.count))) }
    let own = model.variables.map(\.declaration).filter { $0.label.hasPrefix(prefix) }
    for name in WeightTransfer(own.map { ($0.label, $0.type) }, from: value).taken {
      if let value = value(of: name) { try session.setValue(value, of: name) }
    }
  }
}
