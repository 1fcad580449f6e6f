import ApusCore

/// Sets the learning rate before each epoch.
public final class LearningRateScheduler: Callback {
  private let schedule: (_ epoch: Int, _ rate: Double) throws -> Double
  private let isVerbose: Bool

  /// - Parameter schedule: the rate of an epoch (from 0), from the rate of the one before.
  public init(verbose: Bool = false, _ schedule: @escaping (_ epoch: Int, _ rate: Double) throws -> Double) {
    self.schedule = schedule
    isVerbose = verbose
  }

  public var logsLearningRate: Bool { true }
  public var watchesBatches: Bool { false }

  public func epochBegins(_ epoch: Int, _ trainer: Trainer) throws {
    let rate = try schedule(epoch, trainer.learningRate)
    try trainer.setLearningRate(rate)
    if isVerbose { trainer.announce("Epoch \(epoch + 1): LearningRateScheduler setting learning rate to \(rate).") }
  }
}

/// Makes the learning rate smaller when a quantity no longer improves. Defaults and texts are Keras's.
public final class ReduceLROnPlateau: Callback, Monitoring {
  private var factor = 0.1
  private var patience = 10
  private var cooldown = 0
  private var leastRate = 0.0
  private var isVerbose = false
  var monitor = Monitor("val_loss", .auto, leastChange: 1e-4)
  private var waited = 0
  private var cooling = 0

  public static let record = ComponentRecord(
    "reduce_lr_on_plateau", "makes the learning rate smaller if a quantity no longer improves",
    settings: monitorSettings + [
      setting("factor", \.factor, in: .decay, "the new rate over the old one"),
      setting("patience", \.patience, in: .nonNegative, "how many epochs without improvement are tolerated"),
      setting("min_delta", \.monitor.leastChange, in: .nonNegative, "a change up to this is no improvement"),
      setting("cooldown", \.cooldown, in: .nonNegative, "how many epochs after a reduction are not counted"),
      setting("min_lr", \.leastRate, in: .nonNegative, "the rate is not made smaller than this"),
      setting("verbose", \.isVerbose, "whether it says what it does"),
    ])

  public init() {}

  public var watchesBatches: Bool { false }
  public var watchedLogs: [String] { [monitor.name] }
  public var title: String { "the learning rate's reduction" }

  /// - Parameters:
  ///   - monitor: the log to watch.
  ///   - factor: the new rate over the old one, below 1.
  ///   - patience: how many epochs without improvement are tolerated.
  ///   - leastChange: a smaller change is no improvement.
  ///   - cooldown: how many epochs after a reduction are not counted.
  ///   - leastRate: the rate is not made smaller than this.
  public init(
    monitor: String = "val_loss", factor: Double = 0.1, patience: Int = 10, mode: MonitorMode = .auto,
    leastChange: Double = 1e-4, cooldown: Int = 0, leastRate: Double = 0, verbose: Bool = false
  ) {
    self.monitor = Monitor(monitor, mode, leastChange: leastChange)
    self.factor = factor
    self.patience = patience
    self.cooldown = cooldown
    self.leastRate = leastRate
    isVerbose = verbose
  }

  public var logsLearningRate: Bool { true }

  public func trainingBegins(_ trainer: Trainer) throws {
    try trainer.checkRateCanBeSet()
    monitor.reset(for: trainer)
    (waited, cooling) = (0, 0)
  }

  public func epochEnds(_ epoch: Int, _ logs: [String: Double], _ trainer: Trainer) throws {
    // The rate can be watched, too, as Keras adds it to the logs.
    let logs = logs.merging(["learning_rate": trainer.learningRate]) { old, _ in old }
    guard let value = try monitor.value(in: logs, of: trainer, for: title) else { return }
    if cooling > 0 {
      cooling -= 1
      waited = 0
    }
    if monitor.take(value) {
      waited = 0
      return
    }
    guard cooling == 0 else { return }
    waited += 1
    // The rate is kept in f32: a least rate that f32 rounds up is reached too.
    guard waited >= patience, trainer.learningRate > Double(Float(leastRate)) else { return }
    let rate = max(trainer.learningRate * factor, leastRate)
    try trainer.setLearningRate(rate)
    (waited, cooling) = (0, cooldown)
    if isVerbose { trainer.announce("Epoch \(epoch + 1): ReduceLROnPlateau reducing learning rate to \(rate).") }
  }
}
