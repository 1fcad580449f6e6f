import ApusCore
import ApusGraph
import Synchronization

/// What the trainers of a model leave behind for the next one. Copies of a model share it.
public final class ModelWeights: Sendable {
  /// Of the trainer that was made last.
  private let last = Mutex<Session?>(nil)

  init() {}

  /// Gives a new trainer the weights of the last one, if they are no longer the first ones: a model that was compiled but
  /// not trained gets new weights from the new seed.
  func passed(to trainer: Trainer) throws -> Trainer {
    if let last = last.withLock({ $0 }), last.hasChanged { try trainer.takeWeights(from: last) }
    last.withLock { $0 = trainer.session }
    return trainer
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

  fileprivate func takeWeights(from other: Session) throws {
    for (_, variable) in model.variables {
      if let value = other.value(of: variable.label), value.type == variable.type {
        try session.setValue(value, of: variable.label)
      }
    }
  }
}
