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

  init(_ name: String, _ mode: MonitorMode, leastChange: Double = 0) {
    self.name = name
    self.mode = mode
    self.leastChange = abs(leastChange)
  }

  var direction: Direction {
    switch mode {
    case .min: .smaller
    case .max: .larger
    case .auto: name.hasSuffix("accuracy") || name.hasSuffix("acc") ? .larger : .smaller
    }
  }

  /// The quantity's value in an epoch's logs.
  /// - Throws: `ApusError` that lists what is logged where it is not among them.
  func value(in logs: [String: Double], for callback: String) throws -> Double {
    guard let value = logs[name] else {
      let logged = logs.keys.sorted()
      throw ApusError.input(
        "\(callback) watches '\(name)', which is not logged",
        help: name.hasPrefix("val_") && logs["val_loss"] == nil
          ? "give fit a validationSplit or validationData, or watch one of \(logged.joined(separator: ", "))"
          : Suggestion.didYouMean(name, among: logged) ?? "logged: \(logged.joined(separator: ", "))")
    }
    return value
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

  mutating func reset() { best = nil }
}

/// Which way a watched quantity improves.
public enum MonitorMode: String, Sendable, SettingChoice {
  /// Larger is better where the name ends with accuracy, else smaller.
  case auto
  case min, max
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
      setting("mode", \.monitor.mode, "which way it improves; auto: by its name"),
    ]
  }
}
