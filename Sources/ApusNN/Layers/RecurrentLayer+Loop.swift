import ApusCore
import ApusGraph
import ApusOperators

extension RecurrentLayer {
  /// The output, in the order of the inputs even if the steps run backwards, and the states after the last step.
  /// - Parameter inputs: the sequences, then the first states if they are given.
  func run(_ inputs: [Value], _ context: LayerContext) throws -> (output: Value, states: [Value]) {
    let (units, width) = (options.units, Self.gateCount &* options.units)
    guard units > 0, units <= Limits.magnitude / 4 else {
      throw context.error("the number of units must be positive, not \(units)")
    }
    try context.require(options.dropout, in: .decay, "the dropout")
    try context.require(options.recurrentDropout, in: .decay, "the recurrent dropout")
    guard let x = inputs.first, x.rank == 3, let features = x.shape[2].number, x.shape[1].number != nil else {
      throw context.error(
        "the input must be (batch, time, features), not \(inputs.first.map { "\($0.type)" } ?? "none")")
    }
    let kernel = try context.variable(
      "kernel", x.dtype, [.number(features), .number(width)], options.kernelInitializer,
      regularizer: options.kernelRegularizer, constraint: options.kernelConstraint)
    // Transposed before the product, not after it: the inputs are smaller than the products.
    var products = try context.droppedSteps(x, rate: options.dropout).transposed([1, 0, 2]).matmul(kernel)
    let bias = options.useBias ? try biases(width, x.dtype, context) : nil
    if let bias { products = try products + bias.input }
    let recurrent = try context.variable(
      "recurrent_kernel", x.dtype, [.number(units), .number(width)], options.recurrentInitializer,
      regularizer: options.recurrentRegularizer, constraint: options.recurrentConstraint)
    let shape: Shape = [x.shape[0], .number(units)]
    let kept = options.stateful ? try context.keptStates(Self.stateCount, x.dtype, shape) : []
    let start = try firstStates(Array(inputs.dropFirst()), TensorType(x.dtype, shape), kept: kept, context)
    let mask = try context.mask(of: x).map { try $0.transposed([1, 0]).expandedDims(at: -1) }
    let seed = context.inner("recurrent_dropout").seed(nil)
    let result = try x.builder.scan(
      start, sequences: [products] + [mask].compactMap(\.self),
      invariants: [recurrent] + [bias?.recurrent].compactMap(\.self), reverse: options.goBackwards
    ) { states, elements, invariants in
      // Inside the loop a dropout draws the same mask in each step.
      let state =
        options.recurrentDropout > 0 ? try states[0].dropout(rate: options.recurrentDropout, seed: seed) : states[0]
      var inner = try state.matmul(invariants[0])
      if invariants.count > 1 { inner = try inner + invariants[1] }
      var next = try step(elements[0], inner, states)
      if elements.count > 1 { next = try zip(next, states).map { try elements[1].select($0, $1) } }
      guard options.returnSequences else { return (carries: next, outputs: []) }
      let isZeroed = options.zeroOutputForMask && elements.count > 1
      return (carries: next, outputs: [isZeroed ? try elements[1].select(next[0], next[0].scalar(0)) : next[0]])
    }
    try context.keep(result.carries, as: kept)
    // All states with the batch first again, or the last state.
    return (try result.outputs.first?.transposed([1, 0, 2]) ?? result.carries[0], result.carries)
  }

  /// - Parameter kept: the states that the batch before left; none if the layer is not stateful.
  private func firstStates(
    _ given: [Value], _ type: TensorType, kept: [Value], _ context: LayerContext
  ) throws -> [Value] {
    if given.isEmpty {
      if !kept.isEmpty { return kept }
      let zeros = try context.builder.constant(0, type.dtype).broadcast(to: type.shape)
      return [Value](repeating: zeros, count: Self.stateCount)
    }
    guard given.count == Self.stateCount, given.allSatisfy({ $0.type == type }) else {
      throw context.error(
        "its initial state must be \(Self.stateCount) of \(type), not \(context.list(given))")
    }
    return given
  }
}

extension LayerContext {
  /// A sequence with a share of its elements dropped while training, in all steps the same ones.
  func droppedSteps(_ x: Value, rate: Double) throws -> Value {
    guard rate > 0 else { return x }
    let ones = try x.builder.constant(1, x.dtype).broadcast(to: Shape([x.shape[0], 1] + x.shape.dims.dropFirst(2)))
    let mask = try ones.dropout(rate: rate, seed: seed(nil))
    return try (x * mask).whileTraining(otherwise: x)
  }
}
