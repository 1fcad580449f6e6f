import ApusCore
import ApusGraph
import ApusPasses

/// Single steps.
extension Trainer {
  /// One step on one batch.
  /// - Parameter sampleWeights: what each sample's loss is multiplied by.
  /// - Returns: the batch's loss and metrics by name, computed before the update.
  /// - Throws: `ApusError` if data and model do not fit; nothing is updated then.
  public func trainOnBatch(
    _ inputs: Tensor, _ targets: Tensor, sampleWeights: Tensor? = nil, classWeights: [Int: Double] = [:]
  ) throws -> [String: Double] {
    try trainingStep(batch(of: samples(inputs, targets, weights: sampleWeights, classWeights: classWeights)))
  }

  /// One step on one batch, for a model with several inputs or targets.
  public func trainOnBatch(
    inputs: ByName<Tensor>, targets: ByName<Tensor> = [:], sampleWeights: ByName<Tensor> = [:]
  ) throws -> [String: Double] {
    try trainingStep(batch(of: samples(inputs: inputs, targets: targets, weights: sampleWeights)))
  }

  /// The batch's loss and metrics by name.
  public func testOnBatch(
    _ inputs: Tensor, _ targets: Tensor, sampleWeights: Tensor? = nil
  ) throws -> [String: Double] {
    try evaluationStep(batch(of: samples(inputs, targets, weights: sampleWeights)))
  }

  /// The batch's loss and metrics by name, for a model with several inputs or targets.
  public func testOnBatch(
    inputs: ByName<Tensor>, targets: ByName<Tensor> = [:], sampleWeights: ByName<Tensor> = [:]
  ) throws -> [String: Double] {
    try evaluationStep(batch(of: samples(inputs: inputs, targets: targets, weights: sampleWeights)))
  }

  /// The gradients that a training step on this batch would apply, before clipping: ∂loss/∂weight for each trainable
  /// weight, in order of declaration. Nothing is updated.
  public func gradients(
    _ inputs: Tensor, _ targets: Tensor, sampleWeights: Tensor? = nil
  ) throws -> [(name: String, value: Tensor)] {
    try gradients(of: batch(of: samples(inputs, targets, weights: sampleWeights)))
  }

  /// The gradients of a step, for a model with several inputs or targets.
  public func gradients(
    inputs: ByName<Tensor>, targets: ByName<Tensor> = [:], sampleWeights: ByName<Tensor> = [:]
  ) throws -> [(name: String, value: Tensor)] {
    try gradients(of: batch(of: samples(inputs: inputs, targets: targets, weights: sampleWeights)))
  }

  private func gradients(of samples: Samples) throws -> [(name: String, value: Tensor)] {
    let (graph, names) = try model.accepting(samples.inputs.map(\.dtype))
      .gradientGraph(objective, optimizer: optimizer, targets: targetFeeds(samples))
    return Array(zip(names, try session.load(graph).run(samples.feeds).dropFirst())).map { (name: $0, value: $1) }
  }

  // MARK: On samples that are known to fit

  func trainingStep(_ samples: Samples) throws -> [String: Double] {
    try named(programs(for: samples).training.run(samples.feeds))
  }

  func evaluationStep(_ samples: Samples) throws -> [String: Double] {
    try named(programs(for: samples).evaluation.run(samples.feeds))
  }

  /// One step on each batch of rows.
  func trainingSteps(_ chunk: Chunk) throws -> StepLogs {
    try StepLogs(logs, chunk.run(programs(for: chunk.samples).training))
  }

  func evaluationSteps(_ chunk: Chunk) throws -> StepLogs {
    try StepLogs(logs, chunk.run(programs(for: chunk.samples).evaluation))
  }

  private func named(_ outputs: [Tensor]) -> [String: Double] {
    var values: [String: Double] = [:]
    for (log, output) in zip(logs, outputs) { values[log.name] = log.value(of: output.doubles()) }
    return values
  }

  // MARK: Graphs

  /// The training step for inputs and targets of the usual types, as it is before any pass: loss, metrics, gradients,
  /// updates.
  public var trainingStep: Graph {
    get throws { try programs(usualFeeds).training.graph }
  }

  /// The training step for this data, as it is before any pass, and the data as the step takes them.
  package func prepared(_ inputs: Tensor, _ targets: Tensor) throws -> (step: Graph, inputs: Tensor, targets: Tensor) {
    let samples = try samples(inputs, targets)
    return (try stepGraph(samples), samples.inputs[0], samples.targets[0])
  }

  /// Builds the programs for samples that were checked.
  /// - Throws: `ApusError` that names both shapes where the loss or a metric does not compare them with the output.
  func prepare(_ samples: Samples) throws { _ = try programs(for: samples) }

  /// The training step for samples, as it is before any pass.
  func stepGraph(_ samples: Samples) throws -> Graph { try programs(for: samples).training.graph }

  private func programs(for samples: Samples) throws -> (training: Program, evaluation: Program) {
    try programs(StepFeeds(inputs: samples.inputs.map(\.dtype), targets: targetFeeds(samples)))
  }

  var usualFeeds: StepFeeds {
    get throws { StepFeeds(inputs: inputTypes.map(\.dtype), targets: try model.usualTargets(of: objective)) }
  }

  func programs(_ feeds: StepFeeds) throws -> (training: Program, evaluation: Program) {
    if let known = programs[feeds] { return known }
    let model = try model.accepting(feeds.inputs)
    let training = try model.training(objective, optimizer: optimizer, targets: feeds.targets)
    let evaluation = try model.evaluation(objective, targets: feeds.targets)
    let loaded = (training: try session.load(training), evaluation: try session.load(evaluation))
    programs[feeds] = loaded
    return loaded
  }
}

/// What a training step depends on: the types that it is fed.
struct StepFeeds: Hashable {
  let inputs: [DType]
  let targets: [TargetFeed]
}
