import Foundation

/// One axis of a plot: what it spans and where its ticks are.
struct PlotAxis {
  let low: Double
  let high: Double
  /// Multiples of 1, 2 or 5 times a power of ten.
  private(set) var ticks: [Double]
  private let step: Double

  /// Spans the finite ones of `values`, with a margin; 0 to 1 where there are none.
  /// - Parameter share: of the span, on each side.
  init(values: [Double], margin share: Double = 0.06) {
    // Beyond this a difference would overflow.
    let finite = values.filter(\.isFinite).map { min(max($0, -1e300), 1e300) }
    var (low, high) = (finite.min() ?? 0, finite.max() ?? 1)
    let magnitude = max(abs(low), abs(high))
    if high - low <= magnitude * 1e-9 {
      // A constant curve lies in the middle.
      let margin = magnitude > 1e-290 ? magnitude * 0.1 : 1
      (low, high) = (low - margin, high + margin)
    } else {
      let margin = (high - low) * share
      (low, high) = (low - margin, high + margin)
    }
    self.init(low: low, high: high, step: PlotAxis.step(for: (high - low) / 6))
  }

  /// Spans whole epochs.
  init(epochs: Int, first: Int) {
    let low = Double(first)
    let high = Double(first + max(epochs, 1) - 1)
    let margin = max((high - low) * 0.03, epochs > 1 ? 0 : 0.5)
    self.init(low: low - margin, high: high + margin, step: max(1, PlotAxis.step(for: (high - low) / 10)))
    // The margin holds no epochs.
    ticks.removeAll { $0 < low || $0 > high }
  }

  /// Spans a range, without a margin.
  init(range: ClosedRange<Double>) {
    self.init(
      low: range.lowerBound, high: range.upperBound,
      step: PlotAxis.step(for: (range.upperBound - range.lowerBound) / 6))
  }

  private init(low: Double, high: Double, step: Double) {
    self.low = low
    self.high = high
    self.step = step
    // Counted, not summed up: no rounding error gathers.
    let first = (low / step).rounded(.up)
    let last = (high / step).rounded(.down)
    ticks = first <= last && last - first < 100 ? (0...Int(last - first)).map { (first + Double($0)) * step } : []
  }

  /// Where a value lies: 0 at the low end, 1 at the high one.
  func fraction(of value: Double) -> Double { min(max((value - low) / (high - low), 0), 1) }

  /// As many decimals as the step has; powers of ten where these would be too many digits.
  func label(_ tick: Double) -> String {
    let tick = tick == 0 ? 0 : tick
    let lowest = Int(log10(step).rounded(.down))
    let highest = Int(log10(max(abs(low), abs(high))).rounded(.down))
    if highest < 7, highest > -5 { return String(format: "%.\(max(0, -lowest))f", tick) }
    return tick == 0 ? "0" : String(format: "%.\(max(0, highest - lowest))e", tick)
  }

  /// The least of 1, 2, 5, 10 times a power of ten that is not below `rough`.
  private static func step(for rough: Double) -> Double {
    guard rough > 0 else { return 1 }
    let power = pow(10, log10(rough).rounded(.down))
    return [1, 2, 5].map { $0 * power }.first { $0 >= rough * 0.999 } ?? 10 * power
  }
}
