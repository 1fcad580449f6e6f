import ApusCore
import ApusGraph

/// What training minimizes, and what it shows beside it.
struct Objective: Sendable {
  /// What is minimized and shown of one output.
  struct Part: Sendable {
    /// Nil if the output is not trained: it has no targets then.
    var loss: Loss?
    /// What the loss is multiplied by in the sum of all outputs' losses.
    var weight = 1.0
    var metrics: [Metric] = []
  }

  /// A part for each output; empty if there is a joint loss.
  var parts: [Part] = []
  /// One loss of several tensors.
  var joint: JointLoss?

  /// One loss for each output, the same for all.
  init(_ loss: Loss, metrics: [Metric], outputs: [String]) throws {
    // A graph without outputs is refused by its signature.
    guard outputs.count <= 1 || metrics.isEmpty else {
      throw ApusError.input(
        "the model has \(outputs.count) outputs: which do the metrics belong to?",
        help:
          "give them by output: metrics: [\"\(outputs[0])\": [\(metrics.map { "." + $0.name }.joined(separator: ", "))]]"
      )
    }
    parts = outputs.map { _ in Part(loss: loss, metrics: metrics) }
  }

  /// - Throws: `ApusError` if a name is not an output, a metric's output has no loss, or a weight is not finite.
  init(
    losses: ByName<Loss>, weights: ByName<Double>, metrics: ByName<[Metric]>, outputs: [String]
  ) throws {
    let losses = try losses.assigned(to: outputs, "loss", of: "output")
    let weights = try weights.assigned(to: outputs, "loss weight", of: "output")
    let metrics = try metrics.assigned(to: outputs, "list of metrics", of: "output")
    guard losses.contains(where: { $0 != nil }) else {
      throw ApusError.input(
        "no output has a loss", help: "give one for at least one of \(outputs.joined(separator: ", "))")
    }
    for (index, output) in outputs.enumerated() {
      if losses[index] == nil, let what = metrics[index]?.first?.name ?? weights[index].map({ "the loss weight \($0)" })
      {
        throw ApusError.input(
          "output '\(output)' has no loss, so it has no targets for \(what)",
          help: "give it a loss, or leave \(what) out")
      }
      if let weight = weights[index], !weight.isFinite {
        throw ApusError.input("the loss weight of output '\(output)' is \(weight)")
      }
      parts.append(Part(loss: losses[index], weight: weights[index] ?? 1, metrics: metrics[index] ?? []))
    }
  }

  init(_ joint: JointLoss) { self.joint = joint }

  /// - Throws: `ApusError` that names a setting outside its range, or what a joint loss has twice.
  func checkSettings() throws {
    try joint?.check()
    for part in parts {
      try part.loss?.checkSettings()
      for metric in part.metrics { try metric.checkSettings() }
    }
  }

  /// The first loss; of a joint loss its name.
  var loss: Loss {
    parts.lazy.compactMap(\.loss).first
      ?? Loss(joint?.name ?? "none") { _, _ in throw ApusError.defect("a loss of several tensors was asked for one") }
  }

  /// The positions of the outputs that have targets.
  var trained: [Int] { parts.indices.filter { parts[$0].loss != nil } }

  /// What the step logs, in the order of its outputs. Names as Keras has them: those of one output stand alone, those of
  /// several follow the name of their output.
  /// - Parameter masked: the outputs that have a mask.
  func logs(outputs: [String], masked: Set<String>) -> [StepLog] {
    if let joint { return [StepLog("loss")] + (joint.terms.count > 1 ? joint.terms.map { StepLog("\($0)_loss") } : []) }
    let showsParts = trained.count > 1
    var logs = [StepLog("loss")] + (showsParts ? trained.map { StepLog("\(outputs[$0])_loss") } : [])
    for (part, output) in zip(parts, outputs) {
      for metric in part.metrics {
        let name = outputs.count > 1 ? "\(output)_\(metric.name)" : metric.name
        func isTaken(_ name: String) -> Bool { logs.contains { $0.name == name } }
        // As in Keras the same metric with and without weights has two names.
        let weighted = outputs.count > 1 ? "\(output)_weighted_\(metric.name)" : "weighted_\(metric.name)"
        let hasPlain = part.metrics.contains { !$0.isWeighted && $0.name == metric.name }
        let base = metric.isWeighted && hasPlain ? weighted : name
        logs.append(
          StepLog(
            NumberedName.unused(base, isTaken: isTaken), largerIsBetter: metric.largerIsBetter,
            result: metric.result(isMasked: masked.contains(output)))
        )
      }
    }
    return logs
  }

  /// What the targets are called, in the order in which steps are fed: the outputs that have a loss, or what the joint
  /// loss declares.
  func targetNames(outputs: [String]) -> [String] { joint.map { $0.targets.map(\.key) } ?? trained.map { outputs[$0] } }
}
