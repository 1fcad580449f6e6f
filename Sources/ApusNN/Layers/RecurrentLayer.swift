import ApusCore
import ApusGraph
import ApusOperators

/// The options that all recurrent layers have.
public struct RecurrentOptions: Sendable {
  /// The size of the state.
  public var units: Int
  public var activation: ActivationFunction
  public var useBias: Bool
  /// Whether the output holds the state of every step, (batch, time, units), or of the last one, (batch, units).
  public var returnSequences: Bool
  /// Whether the steps run from the last to the first; the outputs keep the order of the inputs.
  public var goBackwards: Bool
  public var kernelInitializer, recurrentInitializer: Initializer
}

/// A layer that carries a state from step to step of `(batch, time, features)`. The products of the inputs of all steps
/// with the kernel are one matrix product before the loop. The options are readable as properties: `lstm.units`.
@dynamicMemberLookup
public protocol RecurrentLayer: Layer {
  /// How many rows of `units` elements the products have.
  static var gateCount: Int { get }
  /// How many tensors of `(batch, units)` are carried; the first one is the output.
  static var stateCount: Int { get }
  var options: RecurrentOptions { get set }

  /// The biases of the product with the inputs, and of that with the state.
  /// - Parameter width: the size of the products' last axis.
  func biases(_ width: Int, _ dtype: DType, _ context: LayerContext) throws -> (input: Value, recurrent: Value?)

  /// One step.
  /// - Parameters:
  ///   - x: the products of this step's inputs with the kernel, with their bias: `(batch, gateCount · units)`.
  ///   - states: from the step before, each `(batch, units)`.
  ///   - recurrent: the recurrent kernel, then the bias of its product if it has one.
  /// - Returns: the new states.
  func step(_ x: Value, _ states: [Value], _ recurrent: [Value]) throws -> [Value]
}

extension RecurrentLayer {
  public static var stateCount: Int { 1 }

  public subscript<Property>(dynamicMember option: WritableKeyPath<RecurrentOptions, Property>) -> Property {
    get { options[keyPath: option] }
    set { options[keyPath: option] = newValue }
  }

  public func biases(
    _ width: Int, _ dtype: DType, _ context: LayerContext
  ) throws -> (input: Value, recurrent: Value?) {
    (try context.variable("bias", dtype, [.number(width)], .zeros), nil)
  }

  /// The elements of one gate in products of all gates.
  func gate(_ products: Value, _ index: Int) throws -> Value {
    try products.sliced(axis: -1, from: index * options.units, to: (index + 1) * options.units)
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    let (units, width) = (options.units, Self.gateCount &* options.units)
    guard units > 0, units <= Limits.magnitude / 4 else {
      throw context.error("the number of units must be positive, not \(units)")
    }
    guard x.rank == 3, let inputs = x.shape[2].number, x.shape[1].number != nil else {
      throw context.error("the input must be (batch, time, features), not \(x.type)")
    }
    let kernel = try context.variable(
      "kernel", x.dtype, [.number(inputs), .number(width)], options.kernelInitializer)
    // Transposed before the product, not after it: the inputs are smaller than the products.
    var products = try x.transposed([1, 0, 2]).matmul(kernel)
    let bias = options.useBias ? try biases(width, x.dtype, context) : nil
    if let bias { products = try products + bias.input }
    let recurrent = try context.variable(
      "recurrent_kernel", x.dtype, [.number(units), .number(width)], options.recurrentInitializer)
    let start = try x.builder.constant(0, x.dtype).broadcast(to: [x.shape[0], .number(units)])
    let result = try x.builder.scan(
      [Value](repeating: start, count: Self.stateCount), sequences: [products],
      invariants: [recurrent] + [bias?.recurrent].compactMap(\.self), reverse: options.goBackwards
    ) { states, elements, invariants in
      let next = try step(elements[0], states, invariants)
      return (carries: next, outputs: options.returnSequences ? [next[0]] : [])
    }
    // All states with the batch first again, or the last state.
    return try result.outputs.first?.transposed([1, 0, 2]) ?? result.carries[0]
  }
}
