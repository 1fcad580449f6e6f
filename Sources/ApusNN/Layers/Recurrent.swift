import ApusCore
import ApusGraph
import ApusOperators

/// Long short-term memory, with gates in the order input, forget, cell, output:
/// z = x · kernel + h · recurrent_kernel + bias; c ← σ(z_f) c + σ(z_i) tanh(z_c); h ← σ(z_o) tanh(c).
///
/// - Input: `(batch, time, features)`.
/// - Output: the last h, `(batch, units)`, or each step's, `(batch, time, units)`, if `returnSequences`.
/// - Variables: `kernel` `(features, 4 · units)`, `recurrent_kernel` `(units, 4 · units)`, `bias` `(4 · units)`.
/// - Errors: `units` is not positive; a dropout is not in [0, 1); the input does not have three axes, or its time or
///   features are unknown; the initial states have another number or shape; it is stateful, and the size of the batch
///   is not fixed.
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
  ///   - returnState: whether the states after the last step are outputs, too.
  ///   - goBackwards: whether the steps run from the last to the first.
  ///   - stateful: whether the states after a batch are the first states for the next one.
  ///   - dropout: the share of the inputs' features that are dropped while training.
  ///   - recurrentDropout: the share of the state that is dropped in its product while training.
  public init(
    _ units: Int, activation: ActivationFunction = .tanh, recurrentActivation: ActivationFunction = .sigmoid,
    useBias: Bool = true, unitForgetBias: Bool = true, returnSequences: Bool = false, returnState: Bool = false,
    goBackwards: Bool = false, stateful: Bool = false,
    kernelInitializer: Initializer = .glorotUniform,
    recurrentInitializer: Initializer = .orthogonal(gain: 1), biasInitializer: Initializer = .zeros,
    kernelRegularizer: Regularizer? = nil, recurrentRegularizer: Regularizer? = nil,
    biasRegularizer: Regularizer? = nil, activityRegularizer: Regularizer? = nil, kernelConstraint: Constraint? = nil,
    recurrentConstraint: Constraint? = nil, biasConstraint: Constraint? = nil, dropout: Double = 0,
    recurrentDropout: Double = 0, name: String? = nil
  ) {
    options = RecurrentOptions(
      units: units, activation: activation, useBias: useBias, dropout: dropout, recurrentDropout: recurrentDropout,
      returnSequences: returnSequences, returnState: returnState, goBackwards: goBackwards, stateful: stateful,
      zeroOutputForMask: false,
      kernelInitializer: kernelInitializer, recurrentInitializer: recurrentInitializer,
      biasInitializer: biasInitializer, kernelRegularizer: kernelRegularizer,
      recurrentRegularizer: recurrentRegularizer, biasRegularizer: biasRegularizer,
      activityRegularizer: activityRegularizer, kernelConstraint: kernelConstraint,
      recurrentConstraint: recurrentConstraint, biasConstraint: biasConstraint)
    (self.recurrentActivation, self.unitForgetBias, self.name) = (recurrentActivation, unitForgetBias, name)
  }

  public func biases(
    _ width: Int, _ dtype: DType, _ context: LayerContext
  ) throws -> (input: Value, recurrent: Value?) {
    let initializer = unitForgetBias ? .forgetGateOnes : options.biasInitializer
    return (try bias(dtype, [.number(width)], initializer, context), nil)
  }

  public func step(_ x: Value, _ inner: Value, _ states: [Value]) throws -> [Value] {
    try Self.states(
      of: x + inner, cell: states[1], units: options.units, options.activation, recurrentActivation)
  }

  /// The new states h and c.
  /// - Parameters:
  ///   - z: what the gates are functions of: the four of them along the last axis, each `units` wide.
  ///   - cell: c from the step before.
  static func states(
    of z: Value, cell: Value, units: Int, _ activation: ActivationFunction, _ recurrentActivation: ActivationFunction
  ) throws -> [Value] {
    func gate(_ index: Int) throws -> Value { try z.sliced(axis: -1, from: index * units, to: (index + 1) * units) }
    let kept = try recurrentActivation.apply(gate(1)) * cell
    let added = try recurrentActivation.apply(gate(0)) * activation.apply(gate(2))
    let next = try kept + added
    return [try recurrentActivation.apply(gate(3)) * activation.apply(next), next]
  }
}

/// Gated recurrent units, with gates in the order update, reset, candidate:
/// h ← z h + (1 − z) tanh(x_h + r · (h · U_h + b_h)), where z = σ(x_z + h · U_z + b_z) and r = σ(x_r + h · U_r + b_r).
///
/// - Input: `(batch, time, features)`.
/// - Output: the last h, `(batch, units)`, or each step's, `(batch, time, units)`, if `returnSequences`.
/// - Variables: `kernel` `(features, 3 · units)`, `recurrent_kernel` U `(units, 3 · units)`, `bias` `(2, 3 · units)`: a row
///   for the product with the inputs, and the row b for the product with the state.
/// - Errors: `units` is not positive; a dropout is not in [0, 1); the input does not have three axes, or its time or
///   features are unknown; the initial states have another number or shape; it is stateful, and the size of the batch
///   is not fixed.
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
  ///   - returnState: whether the states after the last step are outputs, too.
  ///   - goBackwards: whether the steps run from the last to the first.
  ///   - stateful: whether the states after a batch are the first states for the next one.
  ///   - dropout: the share of the inputs' features that are dropped while training.
  ///   - recurrentDropout: the share of the state that is dropped in its product while training.
  public init(
    _ units: Int, activation: ActivationFunction = .tanh, recurrentActivation: ActivationFunction = .sigmoid,
    useBias: Bool = true, returnSequences: Bool = false, returnState: Bool = false, goBackwards: Bool = false,
    stateful: Bool = false, kernelInitializer: Initializer = .glorotUniform,
    recurrentInitializer: Initializer = .orthogonal(gain: 1),
    biasInitializer: Initializer = .zeros, kernelRegularizer: Regularizer? = nil,
    recurrentRegularizer: Regularizer? = nil, biasRegularizer: Regularizer? = nil,
    activityRegularizer: Regularizer? = nil, kernelConstraint: Constraint? = nil,
    recurrentConstraint: Constraint? = nil, biasConstraint: Constraint? = nil, dropout: Double = 0,
    recurrentDropout: Double = 0, name: String? = nil
  ) {
    options = RecurrentOptions(
      units: units, activation: activation, useBias: useBias, dropout: dropout, recurrentDropout: recurrentDropout,
      returnSequences: returnSequences, returnState: returnState, goBackwards: goBackwards, stateful: stateful,
      zeroOutputForMask: false,
      kernelInitializer: kernelInitializer, recurrentInitializer: recurrentInitializer,
      biasInitializer: biasInitializer, kernelRegularizer: kernelRegularizer,
      recurrentRegularizer: recurrentRegularizer, biasRegularizer: biasRegularizer,
      activityRegularizer: activityRegularizer, kernelConstraint: kernelConstraint,
      recurrentConstraint: recurrentConstraint, biasConstraint: biasConstraint)
    (self.recurrentActivation, self.name) = (recurrentActivation, name)
  }

  public func biases(
    _ width: Int, _ dtype: DType, _ context: LayerContext
  ) throws -> (input: Value, recurrent: Value?) {
    let both = try bias(dtype, [2, .number(width)], options.biasInitializer, context)
    let recurrent = try both.sliced(axis: 0, from: 1, to: 2).reshaped([.number(width)])
    return (try both.sliced(axis: 0, from: 0, to: 1).reshaped([.number(width)]), recurrent)
  }

  public func step(_ x: Value, _ inner: Value, _ states: [Value]) throws -> [Value] {
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
/// - Errors: `units` is not positive; a dropout is not in [0, 1); the input does not have three axes, or its time or
///   features are unknown; the initial states have another number or shape; it is stateful, and the size of the batch
///   is not fixed.
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
  ///   - returnState: whether the states after the last step are outputs, too.
  ///   - goBackwards: whether the steps run from the last to the first.
  ///   - stateful: whether the states after a batch are the first states for the next one.
  ///   - dropout: the share of the inputs' features that are dropped while training.
  ///   - recurrentDropout: the share of the state that is dropped in its product while training.
  public init(
    _ units: Int, activation: ActivationFunction = .tanh, useBias: Bool = true, returnSequences: Bool = false,
    returnState: Bool = false, goBackwards: Bool = false, stateful: Bool = false,
    kernelInitializer: Initializer = .glorotUniform,
    recurrentInitializer: Initializer = .orthogonal(gain: 1), biasInitializer: Initializer = .zeros,
    kernelRegularizer: Regularizer? = nil, recurrentRegularizer: Regularizer? = nil,
    biasRegularizer: Regularizer? = nil, activityRegularizer: Regularizer? = nil, kernelConstraint: Constraint? = nil,
    recurrentConstraint: Constraint? = nil, biasConstraint: Constraint? = nil, dropout: Double = 0,
    recurrentDropout: Double = 0, name: String? = nil
  ) {
    options = RecurrentOptions(
      units: units, activation: activation, useBias: useBias, dropout: dropout, recurrentDropout: recurrentDropout,
      returnSequences: returnSequences, returnState: returnState, goBackwards: goBackwards, stateful: stateful,
      zeroOutputForMask: false,
      kernelInitializer: kernelInitializer, recurrentInitializer: recurrentInitializer,
      biasInitializer: biasInitializer, kernelRegularizer: kernelRegularizer,
      recurrentRegularizer: recurrentRegularizer, biasRegularizer: biasRegularizer,
      activityRegularizer: activityRegularizer, kernelConstraint: kernelConstraint,
      recurrentConstraint: recurrentConstraint, biasConstraint: biasConstraint)
    self.name = name
  }

  public func step(_ x: Value, _ inner: Value, _ states: [Value]) throws -> [Value] {
    [try options.activation.apply(x + inner)]
  }
}
