/// Something that watches training and may steer it, through the trainer that every call brings along.
///
/// Callbacks run in the order in which `fit` was given them. What they remember between epochs is not part of a saved
/// model.
public protocol Callback: AnyObject {
  /// Whether the history gets the learning rate of each epoch, as `learning_rate`.
  var logsLearningRate: Bool { get }

  /// Whether `batchBegins` and `batchEnds` are to be called. Without a callback that watches batches many of them run in one
  /// call, which is faster for small models.
  var watchesBatches: Bool { get }

  /// The logs that it reads at ends of epochs: `fit` refuses a name that will not be logged before it trains anything.
  var watchedLogs: [String] { get }

  /// What it is called in messages.
  var title: String { get }

  func trainingBegins(_ trainer: Trainer) throws
  /// - Parameter epoch: from 0, over the whole of training: a resumed one goes on counting.
  func epochBegins(_ epoch: Int, _ trainer: Trainer) throws
  /// - Parameter batch: from 0 in each epoch.
  func batchBegins(_ batch: Int, _ trainer: Trainer) throws
  /// - Parameters:
  ///   - batch: from 0 in each epoch.
  ///   - logs: running means of the epoch so far.
  func batchEnds(_ batch: Int, _ logs: [String: Double], _ trainer: Trainer) throws
  /// Before and after the samples for validation are measured in `fit`, which is before `epochEnds`.
  func validationBegins(_ trainer: Trainer) throws
  func validationEnds(_ trainer: Trainer) throws
  /// - Parameter logs: the epoch's means: `loss`, `accuracy`, `val_loss` …
  func epochEnds(_ epoch: Int, _ logs: [String: Double], _ trainer: Trainer) throws
  func trainingEnds(_ trainer: Trainer) throws
}

extension Callback {
  public var logsLearningRate: Bool { false }
  public var watchesBatches: Bool { true }
  public var watchedLogs: [String] { [] }
  public var title: String { (self as? any Component).map { type(of: $0).record.name } ?? "\(type(of: self))" }
  /// What a callback is, for messages about those that are components.
  public static var kind: String { "callback" }
  public func trainingBegins(_ trainer: Trainer) throws {}
  public func epochBegins(_ epoch: Int, _ trainer: Trainer) throws {}
  public func batchBegins(_ batch: Int, _ trainer: Trainer) throws {}
  public func batchEnds(_ batch: Int, _ logs: [String: Double], _ trainer: Trainer) throws {}
  public func validationBegins(_ trainer: Trainer) throws {}
  public func validationEnds(_ trainer: Trainer) throws {}
  public func epochEnds(_ epoch: Int, _ logs: [String: Double], _ trainer: Trainer) throws {}
  public func trainingEnds(_ trainer: Trainer) throws {}
}

/// A callback made of functions, where a class of its own is too much.
public final class LambdaCallback: Callback {
  /// Called at a beginning or an end of training.
  public typealias OnTraining = (_ trainer: Trainer) throws -> Void
  /// Called before an epoch or a batch, with its number from 0.
  public typealias OnBegin = (_ number: Int, _ trainer: Trainer) throws -> Void
  /// Called after an epoch or a batch, with its number from 0 and its logs.
  public typealias OnEnd = (_ number: Int, _ logs: [String: Double], _ trainer: Trainer) throws -> Void

  private let onTrainBegin: OnTraining?
  private let onTrainEnd: OnTraining?
  private let onEpochBegin: OnBegin?
  private let onBatchBegin: OnBegin?
  private let onEpochEnd: OnEnd?
  private let onBatchEnd: OnEnd?

  public init(
    onEpochEnd: OnEnd? = nil, onBatchEnd: OnEnd? = nil, onEpochBegin: OnBegin? = nil, onBatchBegin: OnBegin? = nil,
    onTrainBegin: OnTraining? = nil, onTrainEnd: OnTraining? = nil
  ) {
    (self.onTrainBegin, self.onTrainEnd) = (onTrainBegin, onTrainEnd)
    (self.onEpochBegin, self.onEpochEnd) = (onEpochBegin, onEpochEnd)
    (self.onBatchBegin, self.onBatchEnd) = (onBatchBegin, onBatchEnd)
  }

  public var watchesBatches: Bool { onBatchBegin != nil || onBatchEnd != nil }
  public func trainingBegins(_ trainer: Trainer) throws { try onTrainBegin?(trainer) }
  public func trainingEnds(_ trainer: Trainer) throws { try onTrainEnd?(trainer) }
  public func epochBegins(_ epoch: Int, _ trainer: Trainer) throws { try onEpochBegin?(epoch, trainer) }
  public func batchBegins(_ batch: Int, _ trainer: Trainer) throws { try onBatchBegin?(batch, trainer) }

  public func epochEnds(_ epoch: Int, _ logs: [String: Double], _ trainer: Trainer) throws {
    try onEpochEnd?(epoch, logs, trainer)
  }

  public func batchEnds(_ batch: Int, _ logs: [String: Double], _ trainer: Trainer) throws {
    try onBatchEnd?(batch, logs, trainer)
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
