import ApusCore
import ApusData
import ApusGraph

/// What steps are fed, in the form in which the model and its objective take it: samples along axis 0.
struct Samples: Sendable {
  /// Of the model's inputs, in order.
  let inputs: [Tensor]
  /// Of the objective's targets, in order.
  let targets: [Tensor]
  /// For each target; nil if its samples are not weighted.
  let weights: [Tensor?]
  let count: Int

  /// In the order of a step's parameters.
  var feeds: [Tensor] { inputs + zip(targets, weights).flatMap { [$0] + ($1.map { [$0] } ?? []) } }

  /// Whether its tensors are of the same types as those of other samples, as many.
  func hasTypes(of other: Samples) -> Bool {
    inputs.map(\.type) == other.inputs.map(\.type) && targets.map(\.type) == other.targets.map(\.type)
      && weights.map { $0?.type } == other.weights.map { $0?.type }
  }

  /// All samples, one part after the other.
  static func joined(_ parts: [Samples]) throws -> Samples {
    func join(_ tensors: [Tensor?]) throws -> Tensor? {
      let there = tensors.compactMap(\.self)
      return there.isEmpty ? nil : try Tensor.joiningRows(there)
    }
    let first = parts[0]
    return Samples(
      inputs: try first.inputs.indices.compactMap { index in try join(parts.map { $0.inputs[index] }) },
      targets: try first.targets.indices.compactMap { index in try join(parts.map { $0.targets[index] }) },
      weights: try first.weights.indices.map { index in try join(parts.map { $0.weights[index] }) },
      count: parts.reduce(0) { $0 + $1.count })
  }

  func gathered(_ rows: some Collection<Int>) throws -> Samples {
    try Samples(
      inputs: inputs.map { try $0.gather(rows: rows) }, targets: targets.map { try $0.gather(rows: rows) },
      weights: weights.map { try $0?.gather(rows: rows) }, count: rows.count)
  }
}

extension Trainer {
  /// Samples that fit the model and its objective.
  /// - Throws: `ApusError` that names what does not fit, or the first sample whose label is not a class.
  func samples(
    _ inputs: [Tensor], _ targets: [Tensor], weights: [Tensor?] = [], classWeights: [Int: Double] = [:]
  ) throws -> Samples {
    let fitting = try zip(inputs.indices, inputs).map { try fitted($1, to: $0) }
    guard let count = fitting.first?.dimensions.first, count > 0 else { throw ApusError.input("there are no samples") }
    for (name, input) in zip(inputNames, fitting) where input.dimensions[0] != count {
      throw ApusError.input(
        "input '\(name)' has \(input.dimensions[0]) samples, but '\(inputNames[0])' has \(count)")
    }
    var allWeights = weights.isEmpty ? targets.map { _ in nil } : weights
    for (position, target) in targets.enumerated() { try check(target, at: position, count: count) }
    for (position, weights) in allWeights.enumerated() {
      if let weights { try check(weights: weights, at: position, count: count) }
    }
    if !classWeights.isEmpty {
      guard targets.count == 1, let target = targets.first, objective.joint == nil else {
        throw ApusError.input(
          "class weights are for models with one output, and this one has \(outputNames.count)",
          help: "give sampleWeights for each output instead")
      }
      allWeights = [
        try ClassWeights(classWeights).weights(
          of: target, areClassNumbers: loss.takesClassNumbers, count: count, times: allWeights[0])
      ]
    }
    return Samples(inputs: fitting, targets: targets, weights: allWeights, count: count)
  }

  /// As above, from tensors by name.
  func samples(
    inputs: ByName<Tensor>, targets: ByName<Tensor>, weights: ByName<Tensor> = [:], classWeights: [Int: Double] = [:]
  ) throws -> Samples {
    try samples(
      inputs.required(for: inputNames, "samples", of: "input"),
      targets.required(for: targetNames, "targets", of: objective.joint == nil ? "output" : "target"),
      weights: weights.assigned(
        to: targetNames, "sample weights", of: objective.joint == nil ? "output" : "target"),
      classWeights: classWeights)
  }

  /// The tensors of a model with one input and one target.
  /// - Throws: `ApusError` if the model has several of one of them.
  func samples(
    _ inputs: Tensor, _ targets: Tensor, weights: Tensor? = nil, classWeights: [Int: Double] = [:]
  ) throws -> Samples {
    try checkTakesOneOfEach()
    return try samples([inputs], [targets], weights: [weights], classWeights: classWeights)
  }

  /// - Throws: `ApusError` if the model has several inputs or targets.
  package func checkTakesOneOfEach() throws {
    guard inputNames.count == 1, targetNames.count == 1 else {
      throw ApusError.input(
        "the model has the inputs \(inputNames.joined(separator: ", ")) and the targets "
          + "\(targetNames.joined(separator: ", ")), but one of each is given",
        help: "give them by name: inputs: [\"\(inputNames[0])\": …], targets: [\"\(targetNames.first ?? "…")\": …]",
        commandHelp: "train it from Swift: fit(inputs:targets:) takes them by name")
    }
  }

  /// Inputs alone, for prediction.
  func fitted(_ inputs: ByName<Tensor>) throws -> [Tensor] {
    let all = try inputs.required(for: inputNames, "samples", of: "input").enumerated().map { try fitted($1, to: $0) }
    for (name, input) in zip(inputNames, all) where input.dimensions[0] != all[0].dimensions[0] {
      throw ApusError.input(
        "input '\(name)' has \(input.dimensions[0]) samples, but '\(inputNames[0])' has \(all[0].dimensions[0])")
    }
    return all
  }

  /// What the step is fed for each target, as these samples have it.
  func targetFeeds(_ samples: Samples) -> [TargetFeed] {
    let batch = inputTypes[0].shape[0]
    func type(_ tensor: Tensor) -> TensorType {
      TensorType(tensor.dtype, Shape([batch] + tensor.dimensions.dropFirst().map(Dim.number)))
    }
    return zip(samples.targets, samples.weights).map { TargetFeed(type($0), weights: $1.map(type)) }
  }
}
