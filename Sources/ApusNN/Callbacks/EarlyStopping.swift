import ApusCore

/// Stops when a quantity no longer improves. Defaults and texts are Keras's.
public final class EarlyStopping: Callback, Monitoring {
  private var patience = 0
  private var baseline: Double?
  private var restoresBest = false
  private var firstEpoch = 0
  private var isVerbose = false
  var monitor = Monitor("val_loss", .auto)
  private var bestEpoch = 0
  private var bestWeights: [(name: String, value: Tensor)] = []
  private var waited = 0
  /// The epoch that was the last one, from 0; nil if training went through.
  public private(set) var stoppedEpoch: Int?

  public static let record = ComponentRecord(
    "early_stopping", "ends training if a quantity no longer improves",
    settings: monitorSettings + [
      setting("min_delta", \.monitor.leastChange, in: .nonNegative, "a change up to this is no improvement"),
      setting("patience", \.patience, in: .nonNegative, "how many epochs without improvement are tolerated"),
      setting("baseline", \.baseline, "a value that must be improved on for the patience to start again"),
      setting("restore_best_weights", \.restoresBest, "whether the model ends with the weights of its best epoch"),
      setting("start_from_epoch", \.firstEpoch, in: .nonNegative, "the first epoch that is looked at, from 0"),
      setting("verbose", \.isVerbose, "whether it says what it does"),
    ])

  public init() {}

  public var watchesBatches: Bool { false }
  public var watchedLogs: [String] { [monitor.name] }
  public var title: String { "early stopping" }

  /// - Parameters:
  ///   - monitor: the log to watch.
  ///   - leastChange: a smaller change is no improvement.
  ///   - patience: how many epochs without improvement are tolerated.
  ///   - baseline: a value that must be improved on for the patience to start again.
  ///   - restoringBestWeights: whether the model ends with the weights of its best epoch. The optimizer's state stays as
  ///     it is.
  ///   - startingFrom: the first epoch that is looked at, from 0.
  public init(
    monitor: String = "val_loss", leastChange: Double = 0, patience: Int = 0, mode: MonitorMode = .auto,
    baseline: Double? = nil, restoringBestWeights: Bool = false, startingFrom firstEpoch: Int = 0,
    verbose: Bool = false
  ) {
    self.monitor = Monitor(monitor, mode, leastChange: leastChange)
    self.patience = patience
    self.baseline = baseline
    restoresBest = restoringBestWeights
    self.firstEpoch = firstEpoch
    isVerbose = verbose
  }

  public func trainingBegins(_ trainer: Trainer) throws {
    monitor.reset(for: trainer)
    (waited, bestWeights, stoppedEpoch) = (0, [], nil)
  }

  public func epochEnds(_ epoch: Int, _ logs: [String: Double], _ trainer: Trainer) throws {
    guard let value = try monitor.value(in: logs, of: trainer, for: title), epoch >= firstEpoch else { return }
    if restoresBest, bestWeights.isEmpty { (bestEpoch, bestWeights) = (epoch, trainer.weights) }
    waited += 1
    if monitor.take(value) {
      if restoresBest { (bestEpoch, bestWeights) = (epoch, trainer.weights) }
      if baseline == nil || monitor.improves(value, on: baseline) { waited = 0 }
      return
    }
    guard waited >= patience else { return }
    stoppedEpoch = epoch
    trainer.stop()
  }

  public func trainingEnds(_ trainer: Trainer) throws {
    if isVerbose, let stoppedEpoch { trainer.announce("Epoch \(stoppedEpoch + 1): early stopping") }
    guard restoresBest, !bestWeights.isEmpty else { return }
    if isVerbose {
      trainer.announce("Restoring model weights from the end of the best epoch: \(bestEpoch + 1).")
    }
    for (name, value) in bestWeights { try trainer.session.setValue(value, of: name) }
  }
}
