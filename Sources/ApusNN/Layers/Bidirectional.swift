import ApusCore
import ApusGraph
import ApusOperators

/// How the two directions of a `Bidirectional` become one output.
public enum MergeMode: String, Sendable, Hashable, CaseIterable {
  /// One after the other along the last axis.
  case concat
  case sum
  /// Their mean.
  case ave
  /// Their product.
  case mul
}

/// A recurrent layer that reads sequences in both directions, with variables of its own for each:
/// y[t] = merge(forward[t], backward[t]).
///
/// - Input: `(batch, time, features)`.
/// - Output: that of the layer, merged; with `.concat` twice as many units. If the layer returns its states, `outputs(of:)`
///   gives those of the forward layer after it, then those of the backward layer.
/// - Variables: those of the layer, under `forward_<layer>` and `backward_<layer>`.
/// - Errors: those of the layer.
///
/// If the layer returns sequences, the outputs of masked steps are 0, as in Keras.
///
/// Source: Schuster and Paliwal, "Bidirectional recurrent neural networks", 1997; defaults as in Keras.
public struct Bidirectional<Wrapped: RecurrentLayer>: Layer {
  public static var typeName: String { "Bidirectional" }
  public var layer: Wrapped
  /// The layer of the other direction; nil for one with the same options.
  public var backwardLayer: Wrapped?
  /// Nil leaves the two outputs apart: `outputs(of:)` gives both.
  public var mergeMode: MergeMode?
  public var name: String?

  /// - Parameters:
  ///   - layer: its options are those of both directions.
  ///   - mergeMode: how the outputs of the two directions become one; nil leaves them apart.
  ///   - backwardLayer: the layer of the other direction, which must run backwards; nil for `layer` the other way round.
  public init(
    _ layer: Wrapped, mergeMode: MergeMode? = .concat, backwardLayer: Wrapped? = nil, name: String? = nil
  ) {
    (self.layer, self.mergeMode, self.backwardLayer, self.name) = (layer, mergeMode, backwardLayer, name)
  }

  public var outputCount: Int {
    (mergeMode == nil ? 2 : 1) + (layer.options.returnState ? 2 * Wrapped.stateCount : 0)
  }

  /// The layer applied to `x`, from given states on.
  /// - Parameter states: those of the forward layer, then those of the backward layer.
  public func outputs(of x: SymbolicTensor, initialState states: [SymbolicTensor]) -> [SymbolicTensor] {
    LayerCall(self, [x] + states).outputs
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value { try buildOutputs([x], context)[0] }

  public func buildOutputs(_ inputs: [Value], _ context: LayerContext) throws -> [Value] {
    let (states, count) = (Array(inputs.dropFirst()), Wrapped.stateCount)
    guard states.isEmpty || states.count == 2 * count else {
      throw context.error("its initial state must be \(2 * count) tensors, not \(states.count)")
    }
    var (forward, backward) = (layer, backwardLayer ?? layer)
    if backwardLayer == nil { backward.options.goBackwards.toggle() }
    guard forward.options.goBackwards != backward.options.goBackwards,
      forward.options.returnSequences == backward.options.returnSequences,
      forward.options.returnState == backward.options.returnState
    else {
      throw context.error(
        "its layers must run in opposite directions and return the same",
        help: "backwardLayer with goBackwards, returnSequences and returnState to match")
    }
    forward.options.zeroOutputForMask = forward.options.returnSequences
    backward.options.zeroOutputForMask = backward.options.returnSequences
    let base = layer.name ?? LayerNames.snakeCase(Wrapped.typeName)
    let first = try forward.run(Array(inputs.prefix(1) + states.prefix(count)), context.inner("forward_\(base)"))
    let second = try backward.run(Array(inputs.prefix(1) + states.suffix(count)), context.inner("backward_\(base)"))
    let (read, readBack) = (
      try context.penalized(first.output, by: forward.options.activityRegularizer),
      try context.penalized(second.output, by: backward.options.activityRegularizer)
    )
    // The directions' outputs belong to the same steps, in the order of the inputs.
    let outputs: [Value] =
      switch mergeMode {
      case .concat: [try concatenate([read, readBack], axis: -1)]
      case .sum: [try read + readBack]
      case .ave: [try (read + readBack) * 0.5]
      case .mul: [try read * readBack]
      case nil: [read, readBack]
      }
    guard layer.options.returnState else { return outputs }
    return try outputs + first.states.map { try context.penalized($0, by: forward.options.activityRegularizer) }
      + second.states.map { try context.penalized($0, by: backward.options.activityRegularizer) }
  }
}
