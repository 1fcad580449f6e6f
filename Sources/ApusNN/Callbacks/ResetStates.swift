import ApusCore

/// Sets the states of stateful recurrent layers back before each epoch, for epochs that begin at the beginning of sequences.
/// Keras has a `LambdaCallback` for it.
public final class ResetStates: Callback, Component {
  public static let record = ComponentRecord(
    "reset_states", "sets the states of stateful recurrent layers back before each epoch")

  public init() {}

  public var watchesBatches: Bool { false }

  public func trainingBegins(_ trainer: Trainer) throws {
    guard trainer.states.isEmpty else { return }
    throw ApusError.input("\(title): the model has no states", help: "layers with stateful: true have some")
  }

  public func epochBegins(_ epoch: Int, _ trainer: Trainer) throws { try trainer.resetStates() }
}
