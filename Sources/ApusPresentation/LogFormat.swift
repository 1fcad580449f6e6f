import Foundation

/// Numbers and times as Keras prints them.
package enum LogFormat {
  /// A loss or a metric: four decimals, or four after the point and an exponent where |x| <= 0.001.
  package static func value(_ x: Double) -> String {
    if x.isNaN { return "nan" }
    return String(format: abs(x) > 1e-3 ? "%.4f" : "%.4e", x)
  }

  /// The time a step takes: whole seconds, milliseconds or microseconds.
  package static func perStep(_ seconds: Double) -> String {
    if seconds >= 1 || seconds == 0 { return String(format: "%.0fs/step", seconds) }
    if seconds >= 1e-3 { return String(format: "%.0fms/step", seconds * 1e3) }
    return String(format: "%.0fus/step", seconds * 1e6)
  }

  /// The time that is left: `7s`, `1:05`, `2:00:09`.
  package static func remaining(_ seconds: Double) -> String {
    let s = Int(clamping: seconds)
    if seconds > 3600 { return String(format: "%d:%02d:%02d", s / 3600, s % 3600 / 60, s % 60) }
    if seconds > 60 { return String(format: "%d:%02d", s / 60, s % 60) }
    return "\(s)s"
  }

  /// ` - accuracy: 0.8166 - loss: 0.5204`, the names in alphabetical order.
  package static func logs(_ logs: [(name: String, value: Double)]) -> String {
    logs.sorted { $0.name < $1.name }.map { " - \($0.name): \(value($0.value))" }.joined()
  }
}

extension Int {
  /// The number without its fraction; what does not fit is the nearest that does, NaN is 0.
  fileprivate init(clamping value: Double) {
    self = value.isNaN ? 0 : value >= 0x1p62 ? 1 << 62 : value <= -0x1p62 ? -(1 << 62) : Int(value)
  }
}
