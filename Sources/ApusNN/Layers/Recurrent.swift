import ApusCore
import ApusGraph
import ApusOperators

/// What recurrent layers share: samples are (time, features), a state is carried from step to step, and the products
/// with the inputs of all steps are one matrix product before the loop.
public protocol RecurrentLayer: Layer {
  var units: Int { get }
  /// Whether the output holds every step's state, (time, units), or the last one's, (units).
  var returnSequences: Bool { get }
  var goBackwards: Bool { get }
}

extension RecurrentLayer {
  /// x · kernel + bias for all steps, steps first.
  fileprivate func inputProducts(
    _ x: Value, gates: Int, bias: (LayerContext, DType) throws -> Value?, _ context: LayerContext,
    _ kernelInitializer: Initializer
  ) throws -> Value {
    guard units > 0, units <= Limits.magnitude / 4 else {
      throw context.error("the number of units must be positive, not \(units)")
    }
    guard x.rank == 3, let inputs = x.shape[2].number, x.shape[1].number != nil else {
      throw context.error("the input must be (batch, time, features), not \(x.type)")
    }
    let kernel = try context.variable(
      "kernel", x.dtype, [.number(inputs), .number(gates * units)], kernelInitializer)
    // Steps first before the product, not after: the inputs are smaller than the gates.
    let products = try x.transposed([1, 0, 2]).matmul(kernel)
    return try bias(context, x.dtype).map { try products + $0 } ?? products
  }

  fileprivate func initialState(_ x: Value) throws -> Value {
    try x.builder.constant(0, x.dtype).broadcast(to: [x.shape[0], .number(units)])
  }

  /// The last state, or all of them with the batch first again.
  fileprivate func output(_ last: Value, _ all: Value?) throws -> Value { try all?.transposed([1, 0, 2]) ?? last }
}

/// The elements of a gate in a row of gates.
private func gate(_ z: Value, _ index: Int, _ units: Int) throws -> Value {
  try z.sliced(axis: -1, from: index * units, to: (index + 1) * units)
}

/// Long short-term memory: Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000.
///
/// Gates stand in the order input, forget, cell, output:
/// z = x · kernel + h · recurrent_kernel + bias; c ← σ(z_f) c + σ(z_i) tanh(z_c); h ← σ(z_o) tanh(c).
public struct LSTM: RecurrentLayer {
  public static let typeName = "LSTM"
  public var units: Int
  public var activation: ActivationFunction
  public var recurrentActivation: ActivationFunction
  public var useBias: Bool
  /// Whether the forget gate's bias begins at 1 (Jozefowicz et al. 2015).
  public var unitForgetBias: Bool
  public var returnSequences: Bool
  public var goBackwards: Bool
  public var kernelInitializer: Initializer
  public var recurrentInitializer: Initializer
  public var name: String?

  public init(
    _ units: Int, activation: ActivationFunction = .tanh, recurrentActivation: ActivationFunction = .sigmoid,
    useBias: Bool = true, unitForgetBias: Bool = true, returnSequences: Bool = false, goBackwards: Bool = false,
    kernelInitializer: Initializer = .glorotUniform, recurrentInitializer: Initializer = .orthogonal(gain: 1),
    name: String? = nil
  ) {
    self.units = units
    self.activation = activation
    self.recurrentActivation = recurrentActivation
    self.useBias = useBias
    self.unitForgetBias = unitForgetBias
    self.returnSequences = returnSequences
    self.goBackwards = goBackwards
    self.kernelInitializer = kernelInitializer
    self.recurrentInitializer = recurrentInitializer
    self.name = name
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    let products = try inputProducts(
      x, gates: 4,
      bias: { context, dtype in
        guard useBias else { return nil }
        return try context.variable(
          "bias", dtype, [.number(4 * units)], unitForgetBias ? .forgetGateOnes : .zeros)
      }, context, kernelInitializer)
    let recurrent = try context.variable(
      "recurrent_kernel", x.dtype, [.number(units), .number(4 * units)], recurrentInitializer)
    let start = try initialState(x)
    let result = try x.builder.scan(
      [start, start], sequences: [products], invariants: [recurrent], reverse: goBackwards
    ) { carries, elements, invariants in
      let (h, c) = (carries[0], carries[1])
      let z = try elements[0] + h.matmul(invariants[0])
      let kept = try recurrentActivation.apply(gate(z, 1, units)) * c
      let added = try recurrentActivation.apply(gate(z, 0, units)) * activation.apply(gate(z, 2, units))
      let next = try kept + added
      let state = try recurrentActivation.apply(gate(z, 3, units)) * activation.apply(next)
      return (carries: [state, next], outputs: returnSequences ? [state] : [])
    }
    return try output(result.carries[0], result.outputs.first)
  }
}

/// Gated recurrent units: Cho et al. 2014, in the variant whose reset gate is applied after the product (`reset_after`).
///
/// Gates stand in the order update, reset, candidate; the bias has a row for the inputs' product and one for the state's:
/// h ← z h + (1 − z) tanh(x_h + r · (h · U_h + b_h)).
public struct GRU: RecurrentLayer {
  public static let typeName = "GRU"
  public var units: Int
  public var activation: ActivationFunction
  public var recurrentActivation: ActivationFunction
  public var useBias: Bool
  public var returnSequences: Bool
  public var goBackwards: Bool
  public var kernelInitializer: Initializer
  public var recurrentInitializer: Initializer
  public var name: String?

  public init(
    _ units: Int, activation: ActivationFunction = .tanh, recurrentActivation: ActivationFunction = .sigmoid,
    useBias: Bool = true, returnSequences: Bool = false, goBackwards: Bool = false,
    kernelInitializer: Initializer = .glorotUniform, recurrentInitializer: Initializer = .orthogonal(gain: 1),
    name: String? = nil
  ) {
    self.units = units
    self.activation = activation
    self.recurrentActivation = recurrentActivation
    self.useBias = useBias
    self.returnSequences = returnSequences
    self.goBackwards = goBackwards
    self.kernelInitializer = kernelInitializer
    self.recurrentInitializer = recurrentInitializer
    self.name = name
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    var recurrentBias: Value?
    let products = try inputProducts(
      x, gates: 3,
      bias: { context, dtype in
        guard useBias else { return nil }
        let bias = try context.variable("bias", dtype, [2, .number(3 * units)], .zeros)
        recurrentBias = try bias.sliced(axis: 0, from: 1, to: 2).reshaped([.number(3 * units)])
        return try bias.sliced(axis: 0, from: 0, to: 1).reshaped([.number(3 * units)])
      }, context, kernelInitializer)
    let recurrent = try context.variable(
      "recurrent_kernel", x.dtype, [.number(units), .number(3 * units)], recurrentInitializer)
    let result = try x.builder.scan(
      [initialState(x)], sequences: [products], invariants: [recurrent] + (recurrentBias.map { [$0] } ?? []),
      reverse: goBackwards
    ) { carries, elements, invariants in
      let h = carries[0]
      var inner = try h.matmul(invariants[0])
      if invariants.count > 1 { inner = try inner + invariants[1] }
      let x = elements[0]
      let update = try recurrentActivation.apply(gate(x, 0, units) + gate(inner, 0, units))
      let reset = try recurrentActivation.apply(gate(x, 1, units) + gate(inner, 1, units))
      let candidate = try activation.apply(gate(x, 2, units) + reset * gate(inner, 2, units))
      let state = try update * h + (1 - update) * candidate
      return (carries: [state], outputs: returnSequences ? [state] : [])
    }
    return try output(result.carries[0], result.outputs.first)
  }
}

/// The recurrent layer without gates: h ← activation(x · kernel + h · recurrent_kernel + bias). Elman 1990.
public struct SimpleRNN: RecurrentLayer {
  public static let typeName = "SimpleRNN"
  public var units: Int
  public var activation: ActivationFunction
  public var useBias: Bool
  public var returnSequences: Bool
  public var goBackwards: Bool
  public var kernelInitializer: Initializer
  public var recurrentInitializer: Initializer
  public var name: String?

  public init(
    _ units: Int, activation: ActivationFunction = .tanh, useBias: Bool = true, returnSequences: Bool = false,
    goBackwards: Bool = false, kernelInitializer: Initializer = .glorotUniform,
    recurrentInitializer: Initializer = .orthogonal(gain: 1), name: String? = nil
  ) {
    self.units = units
    self.activation = activation
    self.useBias = useBias
    self.returnSequences = returnSequences
    self.goBackwards = goBackwards
    self.kernelInitializer = kernelInitializer
    self.recurrentInitializer = recurrentInitializer
    self.name = name
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    let products = try inputProducts(
      x, gates: 1,
      bias: { context, dtype in
        useBias ? try context.variable("bias", dtype, [.number(units)], .zeros) : nil
      }, context, kernelInitializer)
    let recurrent = try context.variable(
      "recurrent_kernel", x.dtype, [.number(units), .number(units)], recurrentInitializer)
    let result = try x.builder.scan(
      [initialState(x)], sequences: [products], invariants: [recurrent], reverse: goBackwards
    ) { carries, elements, invariants in
      let state = try activation.apply(elements[0] + carries[0].matmul(invariants[0]))
      return (carries: [state], outputs: returnSequences ? [state] : [])
    }
    return try output(result.carries[0], result.outputs.first)
  }
}
