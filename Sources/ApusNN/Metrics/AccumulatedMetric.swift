import ApusCore
import ApusGraph

/// A metric that is not a mean over samples: it follows from sums over all of them, as precision from two counts.
///
/// Each step computes the sums of its batch; those of an epoch are added up, and begin anew with the next one. Stored
/// properties are settings, `record` declares them, and `MetricRegistry.register` makes the name known.
public protocol AccumulatedMetric: Component, Sendable {
  /// The sums of a batch: a tensor of any shape.
  /// - Parameter takesClassNumbers: whether the loss takes targets as class numbers, one for each row of predictions.
  /// - Throws: `ApusError` in words that a user of the metric understands.
  func statistics(of prediction: Value, against target: Value, takesClassNumbers: Bool) throws -> Value

  /// The metric.
  /// - Parameter sums: over all batches, in the order of the tensor's elements.
  func result(_ sums: [Double]) -> Double

  /// Whether larger values are better: callbacks that watch it ask.
  static var largerIsBetter: Bool { get }
}

extension AccumulatedMetric {
  public static var kind: String { "metric" }
  public static var largerIsBetter: Bool { false }
}

/// How a metric follows from the sums of several batches.
struct AccumulatedLog {
  let result: @Sendable ([Double]) -> Double
  private(set) var sums: [Double]

  init(_ sums: [Double], result: @escaping @Sendable ([Double]) -> Double) {
    (self.sums, self.result) = (sums, result)
  }

  /// - Parameter series: the sums of several batches, one after the other.
  init(series: Tensor, result: @escaping @Sendable ([Double]) -> Double) {
    let (numbers, batches) = (series.doubles(), max(1, series.dimensions.first ?? 1))
    let count = numbers.count / batches
    sums = [Double](repeating: 0, count: count)
    for (position, number) in numbers.enumerated() { sums[position % max(1, count)] += number }
    self.result = result
  }

  func adding(_ other: AccumulatedLog) -> AccumulatedLog {
    AccumulatedLog(zip(sums, other.sums).map { $0 + $1 }, result: result)
  }

  var value: Double { result(sums) }
}

extension Double {
  /// self / other, and 0 if other is 0.
  func over(_ other: Double) -> Double { other == 0 ? 0 : self / other }
}
