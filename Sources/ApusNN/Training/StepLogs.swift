import ApusCore

/// What steps in a row log: the loss and each metric.
struct StepLogs {
  /// The means over the steps.
  private(set) var means: [String: Double] = [:]
  /// The loss of each step.
  private(set) var losses: [Double] = []

  /// - Parameter series: for each of the names, the loss's first, a value for each step.
  init(names: [String], _ series: [Tensor]) {
    for (position, (name, values)) in zip(names, series).enumerated() {
      let numbers = values.doubles()
      if position == 0 { losses = numbers }
      means[name] = numbers.reduce(0, +) / Double(max(1, numbers.count))
    }
  }
}

/// Means of logs, each batch weighted by its samples.
struct RunningMeans {
  private var sums: [String: Double] = [:]
  private var count = 0

  mutating func add(_ logs: [String: Double], weight: Int) {
    count += weight
    for (name, value) in logs { sums[name, default: 0] += value * Double(weight) }
  }

  var values: [String: Double] { sums.mapValues { $0 / Double(max(1, count)) } }
  var sorted: [(name: String, value: Double)] { values.sorted { $0.key < $1.key }.map { ($0.key, $0.value) } }
}
