/// Something that watches training and may steer it, through the trainer that every call brings along.
///
/// Callbacks run in the order in which `fit` was given them. What they remember between epochs is not part of a saved
/// model.
public protocol Callback: AnyObject {
  /// Whether the history gets the learning rate of each epoch, as `learning_rate`.
  var logsLearningRate: Bool { get }

  func trainingBegins(_ trainer: Trainer) throws
  /// - Parameter epoch: from 0, over the whole of training: a resumed one goes on counting.
  func epochBegins(_ epoch: Int, _ trainer: Trainer) throws
  /// - Parameters:
  ///   - batch: from 0 in each epoch.
  ///   - logs: running means of the epoch so far.
  func batchEnds(_ batch: Int, _ logs: [String: Double], _ trainer: Trainer) throws
  /// - Parameter logs: the epoch's means: `loss`, `accuracy`, `val_loss` …
  func epochEnds(_ epoch: Int, _ logs: [String: Double], _ trainer: Trainer) throws
  func trainingEnds(_ trainer: Trainer) throws
}

extension Callback {
  public var logsLearningRate: Bool { false }
  /// What a callback is, for messages about those that are components.
  public static var kind: String { "callback" }
  public func trainingBegins(_ trainer: Trainer) throws {}
  public func epochBegins(_ epoch: Int, _ trainer: Trainer) throws {}
  public func batchEnds(_ batch: Int, _ logs: [String: Double], _ trainer: Trainer) throws {}
  public func epochEnds(_ epoch: Int, _ logs: [String: Double], _ trainer: Trainer) throws {}
  public func trainingEnds(_ trainer: Trainer) throws {}
}

/// A callback made of functions, where a class of its own is too much.
public final class LambdaCallback: Callback {
  private let onEpochEnd: ((_ epoch: Int, _ logs: [String: Double], _ trainer: Trainer) throws -> Void)?
  private let onBatchEnd: ((_ batch: Int, _ logs: [String: Double], _ trainer: Trainer) throws -> Void)?

  public init(
    onEpochEnd: ((_ epoch: Int, _ logs: [String: Double], _ trainer: Trainer) throws -> Void)? = nil,
    onBatchEnd: ((_ batch: Int, _ logs: [String: Double], _ trainer: Trainer) throws -> Void)? = nil
  ) {
    self.onEpochEnd = onEpochEnd
    self.onBatchEnd = onBatchEnd
  }

  public func batchEnds(_ batch: Int, _ logs: [String: Double], _ trainer: Trainer) throws {
    try onBatchEnd?(batch, logs, trainer)
  }

  public func epochEnds(_ epoch: Int, _ logs: [String: Double], _ trainer: Trainer) throws {
    try onEpochEnd?(epoch, logs, trainer)
  }
}

/// Stops as soon as the loss is not a finite number, as `fit` does by itself; but `fit` then returns and does not throw.
public final class TerminateOnNaN: Callback, Component {
  public static let record = ComponentRecord(
    "terminate_on_nan", "ends training as soon as the loss is not a finite number")

  public init() {}

  public func batchEnds(_ batch: Int, _ logs: [String: Double], _ trainer: Trainer) throws {
    guard let loss = logs["loss"], !loss.isFinite else { return }
    trainer.announce("Batch \(batch): Invalid loss, terminating training")
    trainer.stop()
  }
}
