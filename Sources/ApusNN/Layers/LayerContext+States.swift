import ApusCore
import ApusGraph
import ApusOperators

/// States that a layer keeps from one batch to the next.
extension LayerContext {
  /// The states of a layer, as the last run of the model left them: variables of zeros at first, `<layer>/state_0` and so
  /// on. No gradient reaches the batch before.
  /// - Parameters:
  ///   - count: how many states there are.
  ///   - shape: of each, batch first.
  /// - Throws: `ApusError` that names the layer if the size of the batch is not fixed, or the layer is called twice or
  ///   from inside a loop.
  func keptStates(_ count: Int, _ dtype: DType, _ shape: Shape) throws -> [Value] {
    guard builder === assembly.builder, callIndex == 0 else {
      throw error(
        "a stateful layer cannot be \(callIndex > 0 ? "shared" : "inside a loop"): it has one state from batch to batch",
        help: "stateful: false, and initialState: for states of another layer")
    }
    guard shape.dims.first?.number != nil else {
      throw error(
        "it is stateful, so the size of the batch must be fixed",
        help: "Sequential(input: …, batchSize: 32), or Input(…, batchSize: 32)")
    }
    return try (0..<count).map { try variable("state_\($0)", dtype, shape, .zeros, trainable: false) }
  }

  /// Makes the states that a run of the model ends with those with which the next one begins.
  func keep(_ last: [Value], as states: [Value]) throws {
    for (state, value) in zip(states, last) { try builder.update(state, to: value) }
  }
}
