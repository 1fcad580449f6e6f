import ApusCore
import ApusGraph
import ApusOperators

/// Long short-term memory, with gates in the order input, forget, cell, output:
/// z = x · kernel + h · recurrent_kernel + bias; c ← σ(z_f) c + σ(z_i) tanh(z_c); h ← σ(z_o) tanh(c).
///
/// - Input: `(batch, time, features)`.
/// - Output: the last h, `(batch, units)`, or each step's, `(batch, time, units)`, if `returnSequences`.
/// - Variables: `kernel` `(features, 4 · units)`, `recurrent_kernel` `(units, 4 · units)`, `bias` `(4 · units)`.
/// - Errors: `units` is not positive; the input does not have three axes, or its time or features are unknown.
///
/// Source: Hochreiter and Schmidhuber, "Long short-term memory", 1997, with the forget gate of Gers et al., "Learning to
/// forget", 2000; defaults as in Keras.
public struct LSTM: RecurrentLayer {
  public static let typeName = "LSTM"
  public static let (gateCount, stateCount) = (4, 2)
  public var options: RecurrentOptions
  /// The function σ of the gates.
  public var recurrentActivation: ActivationFunction
  /// Whether the forget gate's bias is initialized to 1: Jozefowicz et al., "An empirical exploration of recurrent
  /// network architectures", 2015.
  public var unitForgetBias: Bool
  public var name: String?

  /// - Parameters:
  ///   - units: the size of the state.
  ///   - activation: the function written tanh above.
  ///   - recurrentActivation: the function σ of the gates.
  ///   - unitForgetBias: whether the forget gate's bias is initialized to 1.
  ///   - returnSequences: whether the output holds the state of every step.
  ///   - goBackwards: whether the steps run from the last to the first.
  public init(
    _ units: Int, activation: ActivationFunction = .tanh, recurrentActivation: ActivationFunction = .sigmoid,
    useBias: Bool = true, unitForgetBias: Bool = true, returnSequences: Bool = false, goBackwards: Bool = false,
    kernelInitializer: Initializer = .glorotUniform, recurrentInitializer: Initializer = .orthogonal(gain: 1),
    name: String? = nil
  ) {
    options = RecurrentOptions(
      units: units, activation: activation, useBias: useBias, returnSequences: returnSequences,
      goBackwards: goBackwards, kernelInitializer: kernelInitializer, recurrentInitializer: recurrentInitializer)
    (self.recurrentActivation, self.unitForgetBias, self.name) = (recurrentActivation, unitForgetBias, name)
  }

  public func biases(
    _ width: Int, _ dtype: DType, _ context: LayerContext
  ) throws -> (input: Value, recurrent: Value?) {
    (try context.variable("bias", dtype, [.number(width)], unitForgetBias ? .forgetGateOnes : .zeros), nil)
  }

  public func step(_ x: Value, _ states: [Value], _ recurrent: [Value]) throws -> [Value] {
    let z = try x + states[0].matmul(recurrent[0])
    let kept = try recurrentActivation.apply(gate(z, 1)) * states[1]
    let added = try recurrentActivation.apply(gate(z, 0)) * options.activation.apply(gate(z, 2))
    let cell = try kept + added
    return [try recurrentActivation.apply(gate(z, 3)) * options.activation.apply(cell), cell]
  }
}

/// Gated recurrent units, with gates in the order update, reset, candidate:
/// h ← z h + (1 − z) tanh(x_h + r · (h · U_h + b_h)), where z = σ(x_z + h · U_z + b_z) and r = σ(x_r + h · U_r + b_r).
///
/// - Input: `(batch, time, features)`.
/// - Output: the last h, `(batch, units)`, or each step's, `(batch, time, units)`, if `returnSequences`.
/// - Variables: `kernel` `(features, 3 · units)`, `recurrent_kernel` U `(units, 3 · units)`, `bias` `(2, 3 · units)`: a row
///   for the product with the inputs, and the row b for the product with the state.
/// - Errors: `units` is not positive; the input does not have three axes, or its time or features are unknown.
///
/// Source: Cho et al., "Learning phrase representations using RNN encoder-decoder", 2014, in the variant that applies the
/// reset gate after the product (`reset_after` in Keras); defaults as in Keras.
public struct GRU: RecurrentLayer {
  public static let typeName = "GRU"
  public static let gateCount = 3
  public var options: RecurrentOptions
  /// The function σ of the gates.
  public var recurrentActivation: ActivationFunction
  public var name: String?

  /// - Parameters:
  ///   - units: the size of the state.
  ///   - activation: the function written tanh above.
  ///   - recurrentActivation: the function σ of the gates.
  ///   - returnSequences: whether the output holds the state of every step.
  ///   - goBackwards: whether the steps run from the last to the first.
  public init(
    _ units: Int, activation: ActivationFunction = .tanh, recurrentActivation: ActivationFunction = .sigmoid,
    useBias: Bool = true, returnSequences: Bool = false, goBackwards: Bool = false,
    kernelInitializer: Initializer = .glorotUniform, recurrentInitializer: Initializer = .orthogonal(gain: 1),
    name: String? = nil
  ) {
    options = RecurrentOptions(
      units: units, activation: activation, useBias: useBias, returnSequences: returnSequences,
      goBackwards: goBackwards, kernelInitializer: kernelInitializer, recurrentInitializer: recurrentInitializer)
    (self.recurrentActivation, self.name) = (recurrentActivation, name)
  }

  public func biases(
    _ width: Int, _ dtype: DType, _ context: LayerContext
  ) throws -> (input: Value, recurrent: Value?) {
    let both = try context.variable("bias", dtype, [2, .number(width)], .zeros)
    let recurrent = try both.sliced(axis: 0, from: 1, to: 2).reshaped([.number(width)])
    return (try both.sliced(axis: 0, from: 0, to: 1).reshaped([.number(width)]), recurrent)
  }

  public func step(_ x: Value, _ states: [Value], _ recurrent: [Value]) throws -> [Value] {
    var inner = try states[0].matmul(recurrent[0])
    if recurrent.count > 1 { inner = try inner + recurrent[1] }
    let update = try recurrentActivation.apply(gate(x, 0) + gate(inner, 0))
    let reset = try recurrentActivation.apply(gate(x, 1) + gate(inner, 1))
    let candidate = try options.activation.apply(gate(x, 2) + reset * gate(inner, 2))
    return [try update * states[0] + (1 - update) * candidate]
  }
}

/// The recurrent layer without gates: h ← activation(x · kernel + h · recurrent_kernel + bias).
///
/// - Input: `(batch, time, features)`.
/// - Output: the last h, `(batch, units)`, or each step's, `(batch, time, units)`, if `returnSequences`.
/// - Variables: `kernel` `(features, units)`, `recurrent_kernel` `(units, units)`, `bias` `(units)`.
/// - Errors: `units` is not positive; the input does not have three axes, or its time or features are unknown.
///
/// Source: Elman, "Finding structure in time", 1990; defaults as in Keras.
public struct SimpleRNN: RecurrentLayer {
  public static let typeName = "SimpleRNN"
  public static let gateCount = 1
  public var options: RecurrentOptions
  public var name: String?

  /// - Parameters:
  ///   - units: the size of the state.
  ///   - returnSequences: whether the output holds the state of every step.
  ///   - goBackwards: whether the steps run from the last to the first.
  public init(
    _ units: Int, activation: ActivationFunction = .tanh, useBias: Bool = true, returnSequences: Bool = false,
    goBackwards: Bool = false, kernelInitializer: Initializer = .glorotUniform,
    recurrentInitializer: Initializer = .orthogonal(gain: 1), name: String? = nil
  ) {
    options = RecurrentOptions(
      units: units, activation: activation, useBias: useBias, returnSequences: returnSequences,
      goBackwards: goBackwards, kernelInitializer: kernelInitializer, recurrentInitializer: recurrentInitializer)
    self.name = name
  }

  public func step(_ x: Value, _ states: [Value], _ recurrent: [Value]) throws -> [Value] {
    [try options.activation.apply(x + states[0].matmul(recurrent[0]))]
  }
}
