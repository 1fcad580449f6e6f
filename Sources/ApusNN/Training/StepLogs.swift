import ApusCore

/// A quantity that each step logs.
struct StepLog: Sendable {
  let name: String
  /// What follows from the sums of several steps; nil if the quantity is a mean over samples.
  let result: (@Sendable (_ sums: [Double]) -> Double)?
  /// Whether larger values are better.
  let largerIsBetter: Bool

  init(_ name: String, largerIsBetter: Bool = false, result: (@Sendable ([Double]) -> Double)? = nil) {
    (self.name, self.largerIsBetter, self.result) = (name, largerIsBetter, result)
  }

  /// The quantity in one step.
  func value(of output: [Double]) -> Double? { result?(output) ?? output.first }
}

/// What steps in a row log: the loss and each metric.
struct StepLogs {
  /// The means over the steps.
  private(set) var means: [String: Double] = [:]
  /// The loss of each step.
  private(set) var losses: [Double] = []
  /// What follows from sums over the steps: metrics that are not means.
  private(set) var accumulated: [String: AccumulatedLog] = [:]

  /// - Parameter series: for each of the logs, the loss first, what each step gives.
  init(_ logs: [StepLog], _ series: [Tensor]) {
    for (position, (log, values)) in zip(logs, series).enumerated() {
      if let result = log.result {
        accumulated[log.name] = AccumulatedLog(series: values, result: result)
        continue
      }
      let numbers = values.doubles()
      if position == 0 { losses = numbers }
      means[log.name] = numbers.reduce(0, +) / Double(max(1, numbers.count))
    }
  }
}

/// Means of logs, each batch weighted by its samples, and metrics of sums over all samples.
struct RunningMeans {
  private var sums: [String: Double] = [:]
  private var accumulated: [String: AccumulatedLog] = [:]
  private var count = 0

  mutating func add(_ logs: StepLogs, weight: Int) {
    count += weight
    for (name, value) in logs.means { sums[name, default: 0] += value * Double(weight) }
    accumulated.merge(logs.accumulated) { $0.adding($1) }
  }

  var values: [String: Double] {
    sums.mapValues { $0 / Double(max(1, count)) }.merging(accumulated.mapValues(\.value)) { mean, _ in mean }
  }
  var sorted: [(name: String, value: Double)] { values.sorted { $0.key < $1.key }.map { ($0.key, $0.value) } }
}
