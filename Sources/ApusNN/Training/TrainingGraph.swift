import ApusAutodiff
import ApusCore
import ApusGraph
import ApusOperators

extension Graph {
  /// The name of the variable that counts training steps.
  package static let stepName = Variable.stepLabel

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
    _ = try singleOutput()
    let objective = try Objective(loss, metrics: metrics, outputs: outputNames)
    return try training(objective, optimizer: optimizer, targets: [TargetFeed(targetType)])
  }

  /// The training step of any objective.
  /// - Parameter targets: what is fed besides the inputs, for each of the objective's targets.
  func training(_ objective: Objective, optimizer: any Optimizer, targets: [TargetFeed]) throws -> Graph {
    let forward = try bound(to: .training)
    let builder = GraphBuilder(extending: forward)
    builder.rename(name + ".training")
    let appended = try append(objective, targets, of: forward, to: builder)
    let points = try GradientPoints(
      builder.build(appended.outputs), forward.trainedVariables(), optimizer)
    let training = GraphBuilder(extending: points.graph)
    let outputs = points.graph.outputs.map(training.value)
    let step = try training.stepCounter()
    let gradients = try gradients(
      of: outputs[0], withRespectTo: points.trained.map { training.value($0.point) })
    try optimizer.apply(
      zip(points.trained, gradients).map { ($0.name, training.value($0.variable), $1) }, step: step)
    return try training.build(outputs)
  }

  /// The variables that training changes.
  /// - Throws: `ApusError` if there is none, or one of them holds no real numbers.
  private func trainedVariables() throws -> [(id: ValueID, declaration: Variable)] {
    let trained = variables.filter(\.declaration.trainable)
    guard !trained.isEmpty else {
      throw ApusError.input("graph @\(name) has no trainable variables", help: "declare weights by variable(…)")
    }
    for (_, variable) in trained where !variable.type.dtype.isFloating {
      throw ApusError.input(
        "variable '\(variable.label)' is a \(variable.type), and steps along a gradient are no whole numbers",
        help: "give it a floating type, or declare it with trainable: false")
    }
    return trained
  }

  /// The gradients of an objective's loss as one graph, with the same parameters as its training step. Nothing is
  /// updated: the counters of dropout and moving averages stay as they are.
  /// - Returns: a graph that gives the loss, then the gradient by each trainable variable; the variables' names.
  func gradientGraph(
    _ objective: Objective, optimizer: any Optimizer, targets: [TargetFeed]
  ) throws -> (graph: Graph, names: [String]) {
    let bound = try bound(to: .training)
    let builder = GraphBuilder(name)
    // Copied without its updates.
    let map = try bound.copy(into: builder, map: .init(repeating: nil, count: bound.valueCount))
    let forward = builder.build(outputs: bound.outputs.compactMap { map[$0.index] })
    let step = GraphBuilder(extending: forward)
    step.rename(name + ".gradients")
    let loss = try append(objective, targets, of: forward, to: step).loss
    let points = try GradientPoints(step.build([loss]), forward.trainedVariables(), optimizer)
    let whole = GraphBuilder(extending: points.graph)
    let value = whole.value(points.graph.outputs[0])
    let gradients = try gradients(of: value, withRespectTo: points.trained.map { whole.value($0.point) })
    return (try whole.build([value] + gradients), points.trained.map(\.name))
  }

  /// The training step of a `Trainer` for inputs and targets of the usual types, as it is before any pass. No variable is
  /// initialized: for large models that takes longer than all else.
  /// - Throws: as `training`, and `ApusError` if a setting of the optimizer, the loss or a metric is outside its range.
  public func trainingStep(loss: Loss, optimizer: any Optimizer, metrics: [Metric] = []) throws -> Graph {
    _ = try singleInput()
    _ = try singleOutput()
    let objective = try Objective(loss, metrics: metrics, outputs: outputNames)
    try optimizer.checkSettings()
    try objective.checkSettings()
    return try training(objective, optimizer: optimizer, targets: usualTargets(of: objective))
  }

  /// What an objective's targets are unless data say otherwise: class numbers as bytes, or what the output is.
  func usualTargets(of objective: Objective) throws -> [TargetFeed] {
    if let joint = objective.joint {
      let batch = type(of: try modelInputs()[0]).shape.dims.prefix(1)
      return joint.targets.map { TargetFeed(TensorType($0.value.dtype, Shape(batch + $0.value.shape.map(Dim.number)))) }
    }
    let outputs = try modelOutputs()
    return objective.trained.map { index in
      let output = type(of: outputs[index])
      return TargetFeed(
        objective.parts[index].loss?.takesClassNumbers ?? false
          ? TensorType(.u8, Shape(Array(output.shape.dims.dropLast()))) : output)
    }
  }

  /// Loss and metrics of this forward graph bound to inference; parameters and outputs as in `training`.
  public func evaluation(loss: Loss, metrics: [Metric], targetType: TensorType) throws -> Graph {
    _ = try singleOutput()
    return try evaluation(
      Objective(loss, metrics: metrics, outputs: outputNames), targets: [TargetFeed(targetType)])
  }

  /// - Parameter givesOutputs: whether the model's outputs follow what is logged.
  func evaluation(_ objective: Objective, targets: [TargetFeed], givesOutputs: Bool = false) throws -> Graph {
    let forward = try bound(to: .inference)
    let builder = GraphBuilder(extending: forward)
    builder.rename(name + ".evaluation")
    let logged = try append(objective, targets, of: forward, to: builder).outputs
    return try builder.build(logged + (givesOutputs ? forward.modelOutputs().map(builder.value) : []))
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
