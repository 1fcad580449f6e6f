import ApusGraph
import ApusPresentation

extension Trainer: CustomStringConvertible {
  /// The model, what it is trained for and by, and how far: what `print(trainer)` shows.
  public var description: String {
    let losses = OutputState.text(TrainingState(of: self).outputs)
    let count = model.variables.filter(\.declaration.trainable)
      .reduce(0) { $0 + ($1.declaration.type.shape.elementCount ?? 0) }
    var lines = [
      "Trainer of '\(model.name)': \(count) trainable parameters",
      "optimizer: \(optimizer.specification)",
      "loss: \(losses.isEmpty ? loss.specification : losses)",
    ]
    if !metrics.isEmpty { lines.append("metrics: \(metrics.map(\.specification).joined(separator: ", "))") }
    lines.append("trained: \(history.epochs.count) epochs, \(stepCount) steps")
    if let last = history.epochs.indices.last {
      let logs = history.curves.map { (name: $0.name, value: $0.values[last]) }.filter { !$0.value.isNaN }
      lines.append("epoch \(history.epochs[last] + 1)\(LogFormat.logs(logs))")
    }
    return lines.joined(separator: "\n")
  }
}

extension History: CustomStringConvertible {
  /// A line an epoch, numbers as progress shows them: what `print(history)` shows.
  public var description: String {
    let head = ["epoch"] + names
    let rows = epochs.indices.map { row in
      ["\(epochs[row] + 1)"] + curves.map { $0.values[row].isNaN ? "-" : LogFormat.value($0.values[row]) }
    }
    let widths = head.indices.map { column in ([head] + rows).map { $0[column].count }.max() ?? 0 }
    return ([head] + rows).map { row in
      zip(row, widths).map { String(repeating: " ", count: $1 - $0.count) + $0 }.joined(separator: "  ")
    }.joined(separator: "\n")
  }
}
