import ApusCore
import ApusGraph

/// States that a model keeps from batch to batch: those of recurrent layers with `stateful: true`.
///
/// As in Keras each batch of `fit`, `evaluate` and `predict` begins with the states that the batch before left, whatever it
/// was for; nothing but `resetStates` sets them back. `outputs(of:for:)` looks at a layer and leaves them as they are. They
/// are saved with a trained model, so that `resume` goes on with them; a model that takes its weights alone begins with
/// zeros.
extension Trainer {
  /// The states, by name: `lstm/state_0`.
  public var states: [(name: String, value: Tensor)] {
    model.states.compactMap { state in session.value(of: state.label).map { (state.label, $0) } }
  }

  /// Gives the states their first values: zeros.
  /// - Parameter layer: the layer whose states are meant, or a model inside the model; all if nil.
  /// - Throws: `ApusError` if the layer has none.
  public func resetStates(of layer: String? = nil) throws {
    let chosen = model.states.filter { state in layer.map { state.label.hasPrefix($0 + "/") } ?? true }
    if let layer, chosen.isEmpty {
      let layers = Set(model.states.map { $0.label.prefix { $0 != "/" } }).sorted()
      throw ApusError.input(
        "layer '\(layer)' has no states",
        help: layers.isEmpty ? "layers with stateful: true have some" : "these have: " + layers.joined(separator: ", "))
    }
    for state in chosen { try session.setValue(state.initialValue(seed: seed), of: state.label) }
  }

  /// Runs `body`, and gives the states back the values that they had before it.
  func keepingStates<Result>(_ body: () throws -> Result) throws -> Result {
    let (before, hadChanged) = (states, session.hasChanged)
    guard !before.isEmpty else { return try body() }
    let result = Swift.Result { try body() }
    for (name, value) in before { try session.setValue(value, of: name) }
    // A model that was only read is as new: its next trainer begins with first weights.
    if !hadChanged { session.forgetChanges() }
    return try result.get()
  }

  /// The size that all batches have; nil if they may have any.
  public var fixedBatchSize: Int? { inputTypes[0].shape.dims.first?.number }

  /// The size of batches: that of the model if it is fixed, else what is asked for, or 32.
  /// - Parameter count: how many samples there are.
  /// - Throws: `ApusError` if batches of a fixed size are asked to be others, or samples are left over.
  func batchSize(_ wanted: Int?, of count: Int) throws -> Int {
    guard let fixed = fixedBatchSize else { return wanted ?? 32 }
    guard wanted ?? fixed == fixed else {
      throw ApusError.input(
        "the model's batches have \(fixed) samples, for each of which it keeps a state, and not \(wanted ?? 0)",
        help: "leave the size of the batch out, or build the model with another one")
    }
    guard count.isMultiple(of: fixed) else {
      throw ApusError.input(
        "\(count) samples are not batches of \(fixed), which the model's states are for",
        help: "leave \(count % fixed) of them out")
    }
    return fixed
  }

  /// Samples of one batch.
  /// - Throws: `ApusError` if the model's batches have another size.
  func batch(of samples: Samples) throws -> Samples {
    try checkBatch(size: samples.count)
    return samples
  }

  /// - Throws: `ApusError` if the model's batches have another size.
  func checkBatch(size: Int) throws {
    guard let fixed = fixedBatchSize, size != fixed else { return }
    throw ApusError.input(
      "\(size) samples are not a batch of \(fixed), which the model's states are for",
      help: "give \(fixed) samples, or build the model with another size of the batch")
  }
}
