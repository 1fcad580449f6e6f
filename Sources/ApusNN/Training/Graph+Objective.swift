import ApusCore
import ApusGraph
import ApusOperators

/// What a step is fed for one target of an objective.
struct TargetFeed: Hashable {
  /// As the data has it, batch first.
  var type: TensorType
  /// Of the weights of samples; nil if they are not weighted.
  var weights: TensorType?

  init(_ type: TensorType, weights: TensorType? = nil) {
    self.type = type
    self.weights = weights
  }
}

/// Loss and metrics as nodes.
extension Graph {
  /// Appends an objective's loss and metrics.
  /// - Parameters:
  ///   - targets: in the objective's order. One target is a parameter `target`, several are `<output>_target`; weights
  ///     follow their target as `sample_weight`.
  ///   - forward: this graph, bound to a mode; `builder` extends it.
  /// - Returns: what the step logs, the loss first.
  func append(
    _ objective: Objective, _ targets: [TargetFeed], of forward: Graph, to builder: GraphBuilder
  ) throws -> (outputs: [Value], loss: Value) {
    let predictions = try forward.modelOutputs().map(builder.value)
    let result =
      if let joint = objective.joint {
        try append(joint, targets, forward, predictions, builder)
      } else {
        try append(objective, targets, forward, predictions, builder)
      }
    builder.origin = Origin()
    return result
  }

  private func append(
    _ objective: Objective, _ feeds: [TargetFeed], _ forward: Graph, _ predictions: [Value], _ builder: GraphBuilder
  ) throws -> (outputs: [Value], loss: Value) {
    let names = outputNames
    let isSingle = names.count == 1
    var (losses, shown, metrics): ([Value], [Value], [Value]) = ([], [], [])
    var targets: [Int: (target: Value, weights: Value?)] = [:]
    for (index, feed) in zip(objective.trained, feeds) {
      let part = objective.parts[index]
      guard let loss = part.loss else { continue }
      let prefix = isSingle ? "" : "\(names[index])_"
      builder.origin = Origin(name: loss.name)
      let (target, weights) = try builder.feed(feed, prefix)
      let fitting = try loss.fitting(target, to: predictions[index])
      targets[index] = (fitting, weights)
      let value = try loss.mean(
        fitting, predictions[index], weights: weights, mask: forward.mask(of: predictions[index].id).map(builder.value))
      if objective.trained.count > 1 {
        builder.name(value, Identifier.sanitized("\(prefix)loss"))
        shown.append(value)
      }
      losses.append(part.weight == 1 ? value : try value * part.weight)
    }
    var total = losses[0]
    for value in losses.dropFirst() { total = try total + value.cast(to: total.dtype) }
    total = try complete(total, of: forward)
    for (index, part) in objective.parts.enumerated() {
      for metric in part.metrics {
        guard let loss = part.loss, let (target, weights) = targets[index] else { continue }
        builder.origin = Origin(name: metric.name)
        let value = try metric.output(
          target, predictions[index], loss.takesClassNumbers,
          mask: forward.mask(of: predictions[index].id).map(builder.value), weights: weights)
        builder.name(value, Identifier.sanitized(isSingle ? metric.name : "\(names[index])_\(metric.name)"))
        metrics.append(value)
      }
    }
    return ([total] + shown + metrics, total)
  }

  private func append(
    _ joint: JointLoss, _ feeds: [TargetFeed], _ forward: Graph, _ predictions: [Value], _ builder: GraphBuilder
  ) throws -> (outputs: [Value], loss: Value) {
    builder.origin = Origin(name: joint.name)
    let targets = try zip(joint.targets, feeds).map { declared, feed in
      (declared.key, try builder.feed(feed, "\(declared.key)_").target.cast(to: declared.value.dtype))
    }
    let tensors = LossTensors(
      inputs: zip(inputNames, forward.parameters).map { ($0, builder.value($1)) },
      targets: targets.map { (name: $0.0, value: $0.1) },
      outputs: zip(outputNames, predictions).map { (name: $0, value: $1) })
    let terms = try joint.means(tensors)
    var total = terms[0]
    for term in terms.dropFirst() { total = try total + term.cast(to: total.dtype) }
    if terms.count > 1 {
      for (name, term) in zip(joint.terms, terms) { builder.name(term, Identifier.sanitized("\(name)_loss")) }
    }
    total = try complete(total, of: forward)
    return ([total] + (terms.count > 1 ? terms : []), total)
  }

  /// The sum of the losses of all outputs with what the model adds itself, named `loss`.
  private func complete(_ loss: Value, of forward: Graph) throws -> Value {
    loss.builder.origin = Origin(name: "regularization")
    let total = try forward.regularized(loss)
    loss.builder.name(total, "loss")
    return total
  }
}

extension GraphBuilder {
  /// Declares what is fed for one target.
  fileprivate func feed(_ feed: TargetFeed, _ prefix: String) throws -> (target: Value, weights: Value?) {
    let prefix = prefix.isEmpty ? "" : Identifier.sanitized(prefix)
    let target = try parameter("\(prefix)target", feed.type.dtype, feed.type.shape)
    let weights = try feed.weights.map { try parameter("\(prefix)sample_weight", $0.dtype, $0.shape) }
    return (target, weights)
  }
}

extension Loss {
  /// The target in the form in which the loss compares it with a prediction.
  /// - Throws: `ApusError` that names both shapes if they cannot be compared.
  func fitting(_ given: Value, to prediction: Value) throws -> Value {
    var target = given
    if takesClassNumbers {
      // A column of labels is as good as a row.
      if target.rank == prediction.rank, target.shape.dims.last == 1 { target = try target.squeezed(axis: -1) }
      return target
    }
    target = try target.cast(to: prediction.dtype)
    if target.shape.dims + [1] == prediction.shape.dims { target = try target.expandedDims(at: -1) }
    guard target.shape == prediction.shape else {
      throw ApusError.input(
        "the loss \(name) compares targets of shape \(target.shape) with outputs of shape \(prediction.shape)",
        help: name.contains("categorical") ? "class numbers go with sparse_categorical_crossentropy" : nil)
    }
    return target
  }
}

extension Value {
  /// A loss of each sample, times the sample's weight. Weights have the leading axes of the losses.
  /// - Throws: `ApusError` that names both shapes if they do not fit.
  func weighted(by weights: Value) throws -> Value {
    var weights = try weights.cast(to: dtype)
    if weights.rank == rank + 1, weights.shape.dims.last == 1 { weights = try weights.squeezed(axis: -1) }
    let leading = Array(shape.dims.prefix(weights.rank))
    guard weights.rank <= rank, weights.shape.dims == leading else {
      throw ApusError.input(
        "weights of shape \(weights.shape) do not fit losses of shape \(shape)",
        help: "a weight for each sample, or for each of the first axes of the losses")
    }
    return try self * weights.withAxes(rank)
  }

  /// This value with axes of size 1 at its end, `rank` in all.
  fileprivate func withAxes(_ rank: Int) throws -> Value {
    var result = self
    while result.rank < rank { result = try result.expandedDims(at: -1) }
    return result
  }

  /// Which elements of values of this shape a mask of an output counts; nil if the values have lost its axes, as sums over
  /// steps have.
  func counted(by mask: Value) throws -> Value? {
    guard mask.rank <= rank, mask.shape.dims == Array(shape.dims.prefix(mask.rank)) else { return nil }
    return try mask.withAxes(rank).broadcast(to: shape)
  }
}
