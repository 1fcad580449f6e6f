import ApusCore
import ApusData

/// Something that watches training and may steer it.
public protocol Callback: AnyObject {
  func trainingBegins(_ trainer: Trainer) throws
  /// - Parameter logs: the epoch's means: `loss`, `accuracy`, `val_loss` …
  func epochEnds(_ epoch: Int, _ logs: [String: Double], _ trainer: Trainer) throws
  /// - Parameter logs: running means of the epoch so far.
  func batchEnds(_ batch: Int, _ logs: [String: Double], _ trainer: Trainer) throws
}

extension Callback {
  public func trainingBegins(_ trainer: Trainer) throws {}
  public func epochEnds(_ epoch: Int, _ logs: [String: Double], _ trainer: Trainer) throws {}
  public func batchEnds(_ batch: Int, _ logs: [String: Double], _ trainer: Trainer) throws {}
}

/// Stops when a quantity no longer improves. Defaults and texts are Keras's.
public final class EarlyStopping: Callback {
  private let monitor: String
  private let leastChange: Double
  private let patience: Int
  private let restoresBest: Bool
  private let isLargerBetter: Bool
  private var best: Double?
  private var bestEpoch = 0
  private var waited = 0
  private var bestWeights: [(name: String, value: Tensor)] = []
  public private(set) var stoppedEpoch: Int?

  /// - Parameters:
  ///   - monitor: the log to watch; larger is better where its name says accuracy, else smaller.
  ///   - leastChange: a smaller change is none.
  ///   - patience: how many epochs without improvement are borne.
  public init(
    monitor: String = "val_loss", leastChange: Double = 0, patience: Int = 0, restoringBestWeights: Bool = false
  ) {
    self.monitor = monitor
    self.leastChange = abs(leastChange)
    self.patience = patience
    restoresBest = restoringBestWeights
    isLargerBetter = monitor.hasSuffix("accuracy")
  }

  public func trainingBegins(_ trainer: Trainer) throws {
    (best, waited, bestWeights, stoppedEpoch) = (nil, 0, [], nil)
  }

  public func epochEnds(_ epoch: Int, _ logs: [String: Double], _ trainer: Trainer) throws {
    guard let value = logs[monitor] else {
      throw ApusError.input(
        "early stopping watches '\(monitor)', which is not logged",
        help: "logged: \(logs.keys.sorted().joined(separator: ", "))")
    }
    waited += 1
    if best.map({ isLargerBetter ? value - leastChange > $0 : value + leastChange < $0 }) ?? true {
      (best, bestEpoch, waited) = (value, epoch, 0)
      if restoresBest { bestWeights = trainer.session.values }
    }
    guard waited >= patience, waited > 0 else { return }
    stoppedEpoch = epoch
    trainer.stop()
    if restoresBest {
      for (name, value) in bestWeights { try trainer.session.setValue(value, of: name) }
    }
  }
}

/// Stops as soon as the loss is not a number.
public final class TerminateOnNaN: Callback {
  public init() {}
  public func batchEnds(_ batch: Int, _ logs: [String: Double], _ trainer: Trainer) throws {
    if let loss = logs["loss"], !loss.isFinite { trainer.stop() }
  }
}

/// Sets the learning rate before each epoch.
public final class LearningRateScheduler: Callback {
  private let schedule: (_ epoch: Int, _ rate: Double) -> Double
  public init(_ schedule: @escaping (_ epoch: Int, _ rate: Double) -> Double) { self.schedule = schedule }

  public func trainingBegins(_ trainer: Trainer) throws { try set(trainer.nextEpoch, trainer) }
  public func epochEnds(_ epoch: Int, _ logs: [String: Double], _ trainer: Trainer) throws {
    try set(epoch + 1, trainer)
  }

  private func set(_ epoch: Int, _ trainer: Trainer) throws {
    try trainer.setLearningRate(schedule(epoch, trainer.learningRate))
  }
}

/// Writes a line an epoch: `epoch`, then the logs in order of names.
public final class CSVLogger: Callback {
  private let path: String
  private var text = ""
  public init(_ path: String) { self.path = path }

  public func trainingBegins(_ trainer: Trainer) throws { text = "" }

  public func epochEnds(_ epoch: Int, _ logs: [String: Double], _ trainer: Trainer) throws {
    let names = logs.keys.sorted()
    if text.isEmpty { text = (["epoch"] + names).joined(separator: ",") + "\n" }
    text += ([String(epoch)] + names.map { "\(logs[$0] ?? 0)" }).joined(separator: ",") + "\n"
    try AtomicFile.write(text, to: path)
  }
}

/// Saves the model after each epoch, or only when a quantity improves.
public final class ModelCheckpoint: Callback {
  private let directory: String
  private let monitor: String
  private let savesBestOnly: Bool
  private var best: Double?

  public init(_ directory: String, monitor: String = "val_loss", savingBestOnly: Bool = false) {
    self.directory = directory
    self.monitor = monitor
    savesBestOnly = savingBestOnly
  }

  public func epochEnds(_ epoch: Int, _ logs: [String: Double], _ trainer: Trainer) throws {
    if savesBestOnly {
      guard let value = logs[monitor] else {
        throw ApusError.input("the checkpoint watches '\(monitor)', which is not logged")
      }
      guard best.map({ monitor.hasSuffix("accuracy") ? value > $0 : value < $0 }) ?? true else { return }
      best = value
    }
    try trainer.save(to: directory)
  }
}
