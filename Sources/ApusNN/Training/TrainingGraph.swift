import ApusAutodiff
import ApusCore
import ApusGraph
import ApusOperators

extension Graph {
  /// The name of the variable that counts training steps.
  package static let stepName = "step"

  /// A training step as one graph: this forward graph bound to training, the mean loss over the batch, metrics,
  /// gradients, and the optimizer's updates.
  ///
  /// Parameters: those of this graph, then `target`. Outputs: the loss, then each metric. Updates: variables, the
  /// optimizer's state, the step counter, moving averages.
  /// - Parameters:
  ///   - targetType: element type of the targets, as the data has it.
  /// - Throws: `ApusError` if this is no forward graph, the loss does not fit its output, or a variable has no gradient.
  public func training(loss: Loss, optimizer: any Optimizer, metrics: [Metric], targetType: TensorType) throws -> Graph
  {
    let forward = try bound(to: .training)
    let builder = GraphBuilder(extending: forward)
    builder.rename(name + ".training")
    let (outputs, lossValue) = try appendLoss(loss, metrics, targetType, forward, builder)
    let step = try builder.stepCounter()
    let trained = forward.variables.filter(\.declaration.trainable)
    guard !trained.isEmpty else {
      throw ApusError.input("graph @\(name) has no trainable variables", help: "declare weights by variable(…)")
    }
    let variables = trained.map { builder.value($0.id) }
    let gradients = try gradients(of: lossValue, withRespectTo: variables)
    try optimizer.apply(
      zip(trained, zip(variables, gradients)).map { ($0.declaration.label, $1.0, $1.1) }, step: step)
    return try builder.build(outputs)
  }

  /// The training step of a `Trainer` for inputs and targets of the usual types, as it is before any pass. No variable is
  /// initialized: for large models that takes longer than all else.
  /// - Throws: as `training`, and `ApusError` if a setting of the optimizer, the loss or a metric is outside its range.
  public func trainingStep(loss: Loss, optimizer: any Optimizer, metrics: [Metric] = []) throws -> Graph {
    try optimizer.checkSettings()
    try loss.checkSettings()
    for metric in metrics { try metric.checkSettings() }
    let model = try accepting(type(of: try singleInput()).dtype)
    return try model.training(
      loss: loss, optimizer: optimizer, metrics: metrics, targetType: usualTargetType(of: loss))
  }

  /// Class numbers as bytes, or what the output is.
  func usualTargetType(of loss: Loss) throws -> TensorType {
    let output = type(of: try singleOutput())
    return loss.takesClassNumbers ? TensorType(.u8, Shape(Array(output.shape.dims.dropLast()))) : output
  }

  /// Loss and metrics of this forward graph bound to inference; parameters and outputs as in `training`.
  public func evaluation(loss: Loss, metrics: [Metric], targetType: TensorType) throws -> Graph {
    let forward = try bound(to: .inference)
    let builder = GraphBuilder(extending: forward)
    builder.rename(name + ".evaluation")
    return try builder.build(appendLoss(loss, metrics, targetType, forward, builder).outputs)
  }

  private func appendLoss(
    _ loss: Loss, _ metrics: [Metric], _ targetType: TensorType, _ forward: Graph, _ builder: GraphBuilder
  ) throws -> (outputs: [Value], loss: Value) {
    let prediction = builder.value(try forward.singleOutput())
    builder.origin = Origin(name: loss.name)
    var target = try builder.parameter("target", targetType.dtype, targetType.shape)
    if loss.takesClassNumbers {
      // A column of labels is as good as a row.
      if target.rank == prediction.rank, target.shape.dims.last == 1 { target = try target.squeezed(axis: -1) }
    } else {
      target = try target.cast(to: prediction.dtype)
      if target.shape.dims + [1] == prediction.shape.dims { target = try target.expandedDims(at: -1) }
      guard target.shape == prediction.shape else {
        throw ApusError.input(
          "the loss \(loss.name) compares targets of shape \(target.shape) with outputs of shape \(prediction.shape)",
          help: loss.name.contains("categorical") ? "class numbers go with sparse_categorical_crossentropy" : nil)
      }
    }
    let lossValue = try loss.mean(target, prediction)
    builder.name(lossValue, "loss")
    var outputs = [lossValue]
    for metric in metrics {
      builder.origin = Origin(name: metric.name)
      let value = try metric.mean(target, prediction, loss.takesClassNumbers)
      builder.name(value, Identifier.sanitized(metric.name))
      outputs.append(value)
    }
    builder.origin = Origin()
    return (outputs, lossValue)
  }

  /// The output of a model.
  /// - Throws: `ApusError` if there is not exactly one, of floating type, batch first.
  func singleOutput() throws -> ValueID {
    guard outputs.count == 1, let output = outputs.first else {
      throw ApusError.input("a model has one output, but graph @\(name) returns \(outputs.count)")
    }
    let (type, batch) = (type(of: output), type(of: try singleInput()).shape.dims.first)
    guard type.dtype.isFloating, type.shape.dims.first == batch,
      type.shape.dims.dropFirst().allSatisfy({ $0.number != nil })
    else {
      throw ApusError.input(
        "the output of graph @\(name) is a \(type), which has no loss",
        help: "it must be of a floating type, with a row for each sample: f32[\(batch?.description ?? "batch"), …]")
    }
    return output
  }

  /// The input of a model: one parameter with a symbolic first dimension.
  func singleInput() throws -> ValueID {
    let parameters = self.parameters
    guard parameters.count == 1, let input = parameters.first else {
      throw ApusError.input("a model has one input, but graph @\(name) has \(parameters.count)")
    }
    guard type(of: input).shape.dims.first?.symbol != nil,
      Array(type(of: input).shape.dims.dropFirst()).allSatisfy({ $0.number != nil })
    else {
      throw ApusError.input(
        "the input of graph @\(name) is a \(type(of: input))",
        help: "its first dimension must be a symbol, as batch, and the others numbers")
    }
    return input
  }
}

extension GraphBuilder {
  /// The counter of training steps: the graph's own, or a new one; with its update.
  /// - Throws: `ApusError` if the graph uses the name for something else.
  func stepCounter() throws -> Value {
    let known = graph.variables.first { $0.declaration.label == Graph.stepName }.map { value($0.id) }
    if let known, known.type != .scalar(.i64) {
      throw ApusError.input(
        "variable '\(Graph.stepName)' is a \(known.type), but training counts its steps under that name",
        help: "give it another name, or declare %step: i64 = variable(zeros, trainable: false)")
    }
    let step = try known ?? variable(Graph.stepName, .i64, [], .zeros, trainable: false)
    if !graph.updates.contains(where: { $0.variable == step.id }) {
      try update(step, to: step + constant(1, .i64))
    }
    return step
  }
}

extension Graph {
  /// This graph with its only symbol bound to a batch size.
  package func bound(batch: Int) throws -> Graph {
    try specialized(Dictionary(uniqueKeysWithValues: symbols.map { ($0, batch) }))
  }
}
