import ApusAutodiff
import ApusCore
import ApusGraph
import ApusOperators
import ApusPasses

/// Models and training steps of one's own, for what one loss of one model does not say: adversarial training, several
/// optimizers, steps that take turns.
///
/// A step is one graph and one run, like that of a `Trainer`. Models keep their weights in one session, under their names:
/// `generator/dense/kernel`.
public final class CustomTraining {
  public let session: Session
  private var stepNames: Set<String> = []
  /// The models that were used, by name.
  private var owners: [String: ModelWeights] = [:]

  /// - Parameters:
  ///   - backend: if nil, that of `DefaultBackend`.
  ///   - seed: of initial weights.
  public init(
    backend: (any Backend)? = nil, seed: UInt64 = 0, passes: Compilation.Passes = .level(.standard)
  ) {
    session = Session(backend: backend, seed: seed, passes: passes)
  }

  /// A step that makes a loss smaller by changing the weights of one model; those of others stay.
  /// - Parameters:
  ///   - name: of the step; its optimizer's state is kept under it.
  ///   - model: whose weights are changed.
  ///   - optimizer: with a state of its own in each step.
  ///   - build: declares inputs, applies models, and returns the loss, whose mean is minimized.
  /// - Throws: `ApusError` if the name is taken, the loss does not depend on the model, or a shape does not fit.
  public func step(
    _ name: String, training model: some LayeredModel, with optimizer: any Optimizer,
    _ build: (StepBuilder) throws -> Value
  ) throws -> CustomStep {
    guard Identifier.isValid(name), !stepNames.contains(name) else {
      throw ApusError.input(
        "'\(name)' cannot name a step, or names one already", help: "a name of letters, digits and _, once")
    }
    try optimizer.checkSettings()
    let step = StepBuilder(name)
    var loss = try build(step)
    if loss.rank > 0 { loss = try loss.mean() }
    step.builder.name(loss, "loss")
    let points = try GradientPoints(
      step.builder.build([loss] + step.logs.map(\.value)), step.variables(of: model), optimizer)
    let builder = GraphBuilder(extending: points.graph)
    let outputs = points.graph.outputs.map(builder.value)
    let gradients = try gradients(of: outputs[0], withRespectTo: points.trained.map { builder.value($0.point) })
    try optimizer.apply(
      zip(points.trained, gradients).map { ($0.name, builder.value($0.variable), $1) }, step: builder.stepCounter())
    let graph = try builder.build(outputs)
    // All other variables belong to the optimizer.
    let own = try graph.renamingVariables { step.modelVariables.contains($0) ? $0 : "\(name)/\($0)" }
    try claim(step.models)
    let program = try session.load(own)
    stepNames.insert(name)
    return CustomStep(
      program: program, logNames: ["loss"] + step.logs.map(\.name), session: session, name: name)
  }

  /// Notes which models have which names, since weights are kept under them.
  /// - Throws: `ApusError` if two models have one name.
  private func claim(_ models: [String: ModelWeights]) throws {
    for (name, weights) in models.sorted(by: { $0.key < $1.key }) { try StepBuilder.add(weights, name, to: &owners) }
  }

  /// A model's output for each sample, with the weights that it has now.
  public func predict(_ model: some LayeredModel, _ inputs: Tensor...) throws -> Tensor {
    let step = StepBuilder(model.graph.name)
    let parameters = try model.graph.modelInputs().map { try step.declare($0, of: model.graph) }
    let output = try step.apply(model, parameters, mode: .inference)
    try claim(step.models)
    return try session.load(step.builder.build([output])).run(inputs)[0]
  }

  /// A model's weights by their names in it, in order of declaration; empty if no step or prediction has used it.
  public func weights(of model: some LayeredModel) -> [(name: String, value: Tensor)] {
    model.graph.variables.compactMap { _, variable in
      session.value(of: StepBuilder.label(variable.label, of: model)).map { (variable.label, $0) }
    }
  }
}

/// What a step is built with.
public final class StepBuilder {
  /// For operators beyond those of models: constants, random numbers.
  public let builder: GraphBuilder
  private(set) var logs: [(name: String, value: Value)] = []
  private(set) var modelVariables: Set<String> = []
  /// The models that are applied, by name.
  private(set) var models: [String: ModelWeights] = [:]
  /// What the layers of a model add to the loss, by the model's name.
  private var addedLosses: [String: [ValueID]] = [:]

  init(_ name: String) { builder = GraphBuilder(Identifier.sanitized(name)) }

  /// Something that each run of the step is fed.
  /// - Parameter shape: of one sample, without the batch.
  public func input(_ name: String, _ shape: [Int], dtype: DType = .f32) throws -> Value {
    try builder.parameter(name, dtype, Shape([.symbol("batch")] + shape.map(Dim.number)))
  }

  /// A model applied to values. Each application in a step uses the same weights.
  /// - Parameter mode: whether dropout drops and batch normalization looks at this batch.
  /// - Throws: `ApusError` if the model has several outputs, or an input does not fit.
  public func apply(_ model: some LayeredModel, _ inputs: Value..., mode: Mode = .training) throws -> Value {
    try apply(model, inputs, mode: mode)
  }

  /// As above, for a list of inputs.
  public func apply(_ model: some LayeredModel, _ inputs: [Value], mode: Mode = .training) throws -> Value {
    _ = try model.graph.singleOutput()
    return try outputs(of: model, inputs, mode: mode)[0]
  }

  /// All outputs of a model applied to values.
  public func outputs(of model: some LayeredModel, _ inputs: [Value], mode: Mode = .training) throws -> [Value] {
    try Self.add(model.weights, model.name, to: &models)
    let bound = try model.graph.bound(to: mode)
    guard inputs.count == bound.parameters.count else {
      throw ApusError.input("model '\(model.name)' has \(bound.parameters.count) inputs, not \(inputs.count)")
    }
    var map = [ValueID?](repeating: nil, count: bound.valueCount)
    for (parameter, input) in zip(bound.parameters, inputs) {
      let declared = bound.type(of: parameter)
      guard input.builder === builder, declared.shape == input.shape else {
        throw ApusError.input(
          "model '\(model.name)' is applied to \(input), but takes \(bound.label(of: parameter)): \(declared)")
      }
      map[parameter.index] = try input.cast(to: declared.dtype).id
    }
    let known = Dictionary(
      uniqueKeysWithValues: builder.graph.variables.map { ($0.declaration.label, $0.id) })
    map = try bound.copy(into: builder, map: map) { node, operands, builder in
      guard var variable = node.op as? Variable else {
        if node.op is AddLoss { addedLosses[Identifier.sanitized(model.name), default: []].append(operands[1]) }
        return .replace(try builder.append(node.op, operands, regions: node.regions, origin: node.origin))
      }
      variable.label = Self.label(variable.label, of: model)
      modelVariables.insert(variable.label)
      if let known = known[variable.label] { return .replace([known]) }
      return .replace(try builder.append(variable, [], names: [variable.label], origin: node.origin))
    }
    func value(_ id: ValueID) throws -> Value {
      guard let new = map[id.index] else { throw ApusError.defect("a value of '\(model.name)' was not copied") }
      return builder.value(new)
    }
    // Moving averages and counters advance once a step, by the first application.
    for update in bound.updates {
      let variable = try value(update.variable)
      if !builder.graph.updates.contains(where: { $0.variable == variable.id }) {
        try builder.update(variable, to: value(update.value))
      }
    }
    return try bound.outputs.map(value)
  }

  /// - Throws: `ApusError` if another model has that name.
  static func add(_ weights: ModelWeights, _ name: String, to models: inout [String: ModelWeights]) throws {
    // Variables are labeled by the name as an identifier.
    let key = Identifier.sanitized(name)
    guard models[key] == nil || models[key] === weights else {
      throw ApusError.input(
        "two models are named '\(name)', so their weights cannot be told apart",
        help: "give each a name: Sequential(name: \"generator\", …)")
    }
    models[key] = weights
  }

  /// What a model adds to a loss: the penalties of its trained variables and of its activities in each application so
  /// far, as the sum of `model.losses` in Keras. A step has none of it unless it is added.
  /// - Throws: `ApusError` if the step does not apply the model.
  public func regularization(of model: some LayeredModel) throws -> Value {
    let name = Identifier.sanitized(model.name)
    guard models[name] != nil else {
      throw ApusError.input("the step does not apply model '\(model.name)'", help: "call outputs(of:_:) first")
    }
    let penalties = try trainedVariables(of: model).compactMap { try builder.penalty(ofVariable: $0.id) }
    let all = penalties + (addedLosses[name] ?? []).map(builder.value)
    guard let first = all.first else { return try builder.constant(0) }
    return try all.dropFirst().reduce(first) { try $0 + $1.cast(to: $0.dtype) }
  }

  /// The mean of a loss; over the steps that count, if the prediction is an output with a mask.
  /// - Parameter target: a value of the prediction's shape, or class numbers.
  public func loss(_ loss: Loss, of prediction: Value, against target: Value) throws -> Value {
    try loss.checkSettings()
    return try loss.mean(
      loss.fitting(target, to: prediction), prediction, mask: builder.graph.mask(of: prediction.id).map(builder.value))
  }

  /// The mean of a loss against one number, such as 1 for all that should be taken for real.
  public func loss(_ loss: Loss, of prediction: Value, against target: Double) throws -> Value {
    try self.loss(
      loss, of: prediction, against: builder.constant(target, prediction.dtype).broadcast(to: prediction.shape))
  }

  /// Adds the mean of a value to what each run returns.
  public func log(_ name: String, _ value: Value) throws {
    guard name != "loss", !logs.contains(where: { $0.name == name }) else {
      throw ApusError.input("'\(name)' is logged already", help: "choose another name")
    }
    let number = value.rank == 0 ? value : try value.mean()
    logs.append((name, number))
  }

  /// Declares an input of a model as the model does.
  func declare(_ input: ValueID, of graph: Graph) throws -> Value {
    let type = graph.type(of: input)
    return try builder.parameter(String(graph.label(of: input).dropFirst()), type.dtype, type.shape)
  }

  /// - Throws: `ApusError` if the step does not apply the model.
  func variables(of model: some LayeredModel) throws -> [(id: ValueID, declaration: Variable)] {
    let trained = trainedVariables(of: model)
    guard !trained.isEmpty else {
      throw ApusError.input(
        "the step is to train model '\(model.name)', but does not apply it", help: "loss = f(step.apply(model, …))")
    }
    return trained
  }

  private func trainedVariables(of model: some LayeredModel) -> [(id: ValueID, declaration: Variable)] {
    let labels = Set(model.graph.variables.map { Self.label($0.declaration.label, of: model) })
    return builder.graph.variables.filter { labels.contains($0.declaration.label) && $0.declaration.trainable }
  }

  static func label(_ variable: String, of model: some LayeredModel) -> String {
    "\(Identifier.sanitized(model.name))/\(variable)"
  }
}

/// A step of `CustomTraining`.
public struct CustomStep {
  let program: Program
  let logNames: [String]
  let session: Session
  let name: String

  /// The step as it is before any pass.
  public var graph: Graph { program.graph }

  /// Runs the step once and applies its updates.
  /// - Parameter inputs: a tensor for each declared input, samples along axis 0.
  /// - Returns: `loss`, and what was logged, computed before the update.
  @discardableResult
  public func run(_ inputs: [String: Tensor]) throws -> [String: Double] {
    var logs: [String: Double] = [:]
    for (name, value) in zip(logNames, try program.run(inputs)) { logs[name] = value.doubles().first }
    return logs
  }

  /// - Throws: `ApusError` if the rate is not a number from 0.
  public func setLearningRate(_ rate: Double) throws {
    try session.setValue(Tensor.learningRate(rate), of: "\(name)/\(learningRateName)")
  }
}

extension Graph {
  fileprivate func renamingVariables(_ name: (String) -> String) throws -> Graph {
    try rewritten(sharingEqualNodes: false) { node, _, builder in
      guard var variable = node.op as? Variable else { return .keep }
      variable.label = name(variable.label)
      return .replace(try builder.append(variable, [], names: [variable.label], origin: node.origin))
    }
  }
}
