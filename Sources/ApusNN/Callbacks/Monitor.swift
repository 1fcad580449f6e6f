import ApusCore

/// A logged quantity that a callback watches, and the best value of it so far.
struct Monitor {
  /// Which way a quantity improves.
  enum Direction { case smaller, larger }

  var name: String
  var mode: MonitorMode
  /// A change up to this is none.
  var leastChange: Double
  private(set) var best: Double?
  /// Whether the quantity is a metric of which larger values are better.
  private var isGrowing = false

  init(_ name: String, _ mode: MonitorMode, leastChange: Double = 0) {
    self.name = name
    self.mode = mode
    self.leastChange = abs(leastChange)
  }

  var direction: Direction {
    switch mode {
    case .min: .smaller
    case .max: .larger
    case .auto: isGrowing ? .larger : .smaller
    }
  }

  /// The quantity's value in an epoch's logs; nil if it is logged, but not after this epoch.
  /// - Throws: `ApusError` that lists what is logged where it is not among them.
  func value(in logs: [String: Double], of trainer: Trainer, for callback: String) throws -> Double? {
    if let value = logs[name] { return value }
    if trainer.expectedLogs.contains(name) { return nil }
    throw Monitor.missing(name, among: logs.keys.sorted(), for: callback)
  }

  /// The error for a name that is not logged.
  static func missing(_ name: String, among logged: [String], for callback: String) -> ApusError {
    let names = logged.joined(separator: ", ")
    let lacksValidation = name.hasPrefix("val_") && !logged.contains("val_loss")
    return .input(
      "\(callback) watches '\(name)', which is not logged",
      help: lacksValidation
        ? "give fit a validationSplit or validationData, or watch one of \(names)"
        : Suggestion.didYouMean(name, among: logged) ?? "logged: \(names)",
      commandHelp: lacksValidation
        ? "give --validation-split or --validation-data, or watch one of \(names)" : nil)
  }

  /// Whether `value` improves on `other`; a NaN never does.
  func improves(_ value: Double, on other: Double?) -> Bool {
    guard let other else { return !value.isNaN }
    return switch direction {
    case .smaller: value + leastChange < other
    case .larger: value - leastChange > other
    }
  }

  /// Takes `value` as the best where it improves on the one before; returns whether it does.
  mutating func take(_ value: Double) -> Bool {
    guard improves(value, on: best) else { return false }
    best = value
    return true
  }

  /// Begins anew with a trainer, whose metrics say which way they improve.
  mutating func reset(to value: Double? = nil, for trainer: Trainer) {
    best = value
    isGrowing = trainer.largerIsBetter(name)
  }
}

/// Which way a watched quantity improves.
public enum MonitorMode: String, Sendable, SettingChoice {
  /// Larger is better of metrics that say so: accuracies, precision, recall, scores and similarities. Else smaller is, of
  /// losses and of what is not a metric.
  case auto
  case min, max
}

/// A callback that finds before training what would fail only after an epoch: a name that is not logged when it is needed,
/// a place that cannot be written to.
protocol CheckedBeforeTraining {
  /// Called before any callback's `trainingBegins`. `expectedLogs` of the trainer are known.
  /// - Throws: `ApusError` for what would fail.
  func checkBeforeTraining(_ trainer: Trainer) throws
}

/// A callback that watches a quantity.
protocol Monitoring: Component {
  var monitor: Monitor { get set }
}

extension Monitoring {
  /// What these callbacks have in common.
  static var monitorSettings: [SettingRecord] {
    [
      setting("monitor", \.monitor.name, "the logged quantity to watch"),
      setting("mode", \.monitor.mode, "which way it improves; auto: as the metric says"),
    ]
  }
}
