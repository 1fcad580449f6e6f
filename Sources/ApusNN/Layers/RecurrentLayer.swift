import ApusCore
import ApusGraph
import ApusOperators

/// The options that all recurrent layers have.
public struct RecurrentOptions: Sendable {
  /// The size of the state.
  public var units: Int
  public var activation: ActivationFunction
  public var useBias: Bool
  /// The share of the inputs' features, and of the state in its product, that are dropped while training. One mask
  /// serves all steps of a sequence and all gates: Gal and Ghahramani, "A theoretically grounded application of dropout
  /// in recurrent neural networks", 2016.
  public var dropout, recurrentDropout: Double
  /// Whether the output holds the state of every step, (batch, time, units), or of the last one, (batch, units).
  public var returnSequences: Bool
  /// Whether the states after the last step are outputs, too.
  public var returnState: Bool
  /// Whether the steps run from the last to the first. The output of every step is in the order of the steps then:
  /// reversed.
  public var goBackwards: Bool
  /// Whether the states after a batch are the first states for the next one: sample k of a batch goes on where sample k of
  /// the batch before ended. The size of the batch must be fixed then.
  public var stateful: Bool
  /// Whether the output of a step that is masked is 0, and not the one before it.
  public var zeroOutputForMask: Bool
  public var kernelInitializer, recurrentInitializer, biasInitializer: Initializer
  public var kernelRegularizer, recurrentRegularizer, biasRegularizer, activityRegularizer: Regularizer?
  public var kernelConstraint, recurrentConstraint, biasConstraint: Constraint?
}

/// A layer that carries a state from step to step of `(batch, time, features)`. The products of the inputs of all steps
/// with the kernel are one matrix product before the loop. The options are readable as properties: `lstm.units`.
///
/// If the input has a mask, a step that is masked keeps the state. `outputs(of:)` gives the output, and with
/// `returnState` the states after it: h, for `LSTM` h and c.
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
  ///   - inner: the products of the state with the recurrent kernel, with their bias if they have one.
  ///   - states: from the step before, each `(batch, units)`.
  /// - Returns: the new states.
  func step(_ x: Value, _ inner: Value, _ states: [Value]) throws -> [Value]
}

extension RecurrentLayer {
  public static var stateCount: Int { 1 }

  public subscript<Property>(dynamicMember option: WritableKeyPath<RecurrentOptions, Property>) -> Property {
    get { options[keyPath: option] }
    set { options[keyPath: option] = newValue }
  }

  public var outputCount: Int { options.returnState ? 1 + Self.stateCount : 1 }
  public var activityRegularizer: Regularizer? { options.activityRegularizer }

  /// The layer applied to `x`, from given states on.
  /// - Parameter states: each `(batch, units)`: h, for `LSTM` h and c.
  public func callAsFunction(_ x: SymbolicTensor, initialState states: [SymbolicTensor]) -> SymbolicTensor {
    outputs(of: x, initialState: states)[0]
  }

  /// All outputs of the layer applied to `x`, from given states on.
  public func outputs(of x: SymbolicTensor, initialState states: [SymbolicTensor]) -> [SymbolicTensor] {
    LayerCall(self, [x] + states).outputs
  }

  public func biases(
    _ width: Int, _ dtype: DType, _ context: LayerContext
  ) throws -> (input: Value, recurrent: Value?) {
    (try bias(dtype, [.number(width)], options.biasInitializer, context), nil)
  }

  func bias(_ dtype: DType, _ shape: Shape, _ initializer: Initializer, _ context: LayerContext) throws -> Value {
    try context.variable(
      "bias", dtype, shape, initializer, regularizer: options.biasRegularizer, constraint: options.biasConstraint)
  }

  /// The elements of one gate in products of all gates.
  func gate(_ products: Value, _ index: Int) throws -> Value {
    try products.sliced(axis: -1, from: index * options.units, to: (index + 1) * options.units)
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value { try buildOutputs([x], context)[0] }

  public func buildOutputs(_ inputs: [Value], _ context: LayerContext) throws -> [Value] {
    let (output, states) = try run(inputs, context)
    let isReversed = options.goBackwards && options.returnSequences
    return [try isReversed ? output.reversed(axes: [1]) : output] + (options.returnState ? states : [])
  }
}
