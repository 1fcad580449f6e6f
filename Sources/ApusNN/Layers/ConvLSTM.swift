import ApusCore
import ApusGraph
import ApusOperators

/// Long short-term memory whose products are convolutions, for sequences of images: z = x ∗ kernel + h ∗ recurrent_kernel
/// + bias, with the gates and states of `LSTM`. Written `ConvLSTM1D` or `ConvLSTM2D`.
///
/// - Input: `(batch, time, spatial…, channels)`.
/// - Output: the last h, `(batch, spatial…, filters)`, or each step's, `(batch, time, spatial…, filters)`, if
///   `returnSequences`; with `returnState` also the last h and c. Spatial axes are as long as the convolution of the input
///   makes them; the convolution of h keeps them.
/// - Variables: `kernel` `(kernelSize…, channels, 4 · filters)`, `recurrent_kernel` `(kernelSize…, filters, 4 · filters)`,
///   `bias` `(4 · filters)`.
/// - Errors: the input has another number of axes, or an unknown time or size; a size is not positive; a dropout is not in
///   [0, 1); the input has a mask; it is stateful, and the size of the batch is not fixed.
///
/// Source: Shi et al., "Convolutional LSTM network: a machine learning approach for precipitation nowcasting", 2015; defaults as
/// in Keras. One mask of dropout serves all steps and all gates.
public struct ConvLSTMLayer<Rank: SpatialRank>: Layer {
  public static var typeName: String { "ConvLSTM\(Rank.spatialAxes)D" }
  public static var passesMask: Bool { false }
  /// The channels of the state.
  public var filters: Int
  /// Of both kernels.
  public var kernelSize: SpatialSize
  /// Of the convolution of the input alone.
  public var strides, dilationRate: SpatialSize
  public var padding: Padding
  public var activation: ActivationFunction
  /// The function σ of the gates.
  public var recurrentActivation: ActivationFunction
  public var useBias: Bool
  /// Whether the forget gate's bias is initialized to 1.
  public var unitForgetBias: Bool
  /// Whether the output holds the state of every step.
  public var returnSequences: Bool
  /// Whether the states after the last step are outputs, too.
  public var returnState: Bool
  /// Whether the steps run from the last to the first; the output of every step is reversed then.
  public var goBackwards: Bool
  /// Whether the states after a batch are the first states for the next one.
  public var stateful: Bool
  public var dropout, recurrentDropout: Double
  public var kernelInitializer, recurrentInitializer, biasInitializer: Initializer
  public var kernelRegularizer, recurrentRegularizer, biasRegularizer, activityRegularizer: Regularizer?
  public var kernelConstraint, recurrentConstraint, biasConstraint: Constraint?
  public var name: String?

  /// - Parameters:
  ///   - filters: the channels of the state.
  ///   - kernelSize: the kernels' size along each spatial axis.
  ///   - activation: the function written tanh in `LSTM`.
  ///   - recurrentActivation: the function σ of the gates.
  ///   - dropout: the share of the inputs' elements that are dropped while training.
  ///   - recurrentDropout: the share of the state that is dropped in its convolution while training.
  public init(
    _ filters: Int, kernelSize: SpatialSize, strides: SpatialSize = 1, padding: Padding = .valid,
    dilationRate: SpatialSize = 1, activation: ActivationFunction = .tanh,
    recurrentActivation: ActivationFunction = .sigmoid, useBias: Bool = true, unitForgetBias: Bool = true,
    returnSequences: Bool = false, returnState: Bool = false, goBackwards: Bool = false, stateful: Bool = false,
    kernelInitializer: Initializer = .glorotUniform, recurrentInitializer: Initializer = .orthogonal(gain: 1),
    biasInitializer: Initializer = .zeros, kernelRegularizer: Regularizer? = nil,
    recurrentRegularizer: Regularizer? = nil, biasRegularizer: Regularizer? = nil,
    activityRegularizer: Regularizer? = nil, kernelConstraint: Constraint? = nil,
    recurrentConstraint: Constraint? = nil, biasConstraint: Constraint? = nil, dropout: Double = 0,
    recurrentDropout: Double = 0, name: String? = nil
  ) {
    (self.filters, self.kernelSize, self.strides, self.padding) = (filters, kernelSize, strides, padding)
    (self.dilationRate, self.activation, self.recurrentActivation) = (dilationRate, activation, recurrentActivation)
    (self.useBias, self.unitForgetBias, self.goBackwards) = (useBias, unitForgetBias, goBackwards)
    (self.returnSequences, self.returnState, self.stateful) = (returnSequences, returnState, stateful)
    (self.kernelInitializer, self.recurrentInitializer) = (kernelInitializer, recurrentInitializer)
    (self.biasInitializer, self.dropout, self.recurrentDropout) = (biasInitializer, dropout, recurrentDropout)
    (self.kernelRegularizer, self.recurrentRegularizer) = (kernelRegularizer, recurrentRegularizer)
    (self.biasRegularizer, self.activityRegularizer) = (biasRegularizer, activityRegularizer)
    (self.kernelConstraint, self.recurrentConstraint) = (kernelConstraint, recurrentConstraint)
    (self.biasConstraint, self.name) = (biasConstraint, name)
  }

  public var outputCount: Int { returnState ? 3 : 1 }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value { try buildOutputs([x], context)[0] }

  public func buildOutputs(_ inputs: [Value], _ context: LayerContext) throws -> [Value] {
    let rank = Rank.spatialAxes
    guard let x = inputs.first, inputs.count == 1, x.rank == rank + 3,
      x.shape.dims.dropFirst().allSatisfy({ $0.number != nil })
    else {
      throw context.error(
        "the input must be (batch, time, \(rank == 1 ? "length" : "height, width"), channels), not \(context.list(inputs))"
      )
    }
    guard context.mask(of: x) == nil else {
      throw context.error("the input has a mask, which this layer does not take")
    }
    try context.require(dropout, in: .decay, "the dropout")
    try context.require(recurrentDropout, in: .decay, "the recurrent dropout")
    try context.requirePositive(filters, "the number of filters")
    let window = try kernelSize.along(rank, "the kernel", context)
    let products = try inputProducts(x, window, context)
    let recurrent = try context.variable(
      "recurrent_kernel", x.dtype, Shape(window + [filters, 4 * filters]), recurrentInitializer,
      regularizer: recurrentRegularizer, constraint: recurrentConstraint)
    let shape = Shape([x.shape[0]] + products.shape.dims[2..<rank + 2] + [.number(filters)])
    let kept = stateful ? try context.keptStates(2, x.dtype, shape) : []
    let zero = try x.builder.constant(0, x.dtype).broadcast(to: shape)
    let seed = context.inner("recurrent_dropout").seed(nil)
    let result = try x.builder.scan(
      stateful ? kept : [zero, zero], sequences: [products], invariants: [recurrent], reverse: goBackwards
    ) { states, elements, invariants in
      // Inside the loop a dropout draws the same mask in each step.
      let state = recurrentDropout > 0 ? try states[0].dropout(rate: recurrentDropout, seed: seed) : states[0]
      let z = try elements[0] + state.convolution(invariants[0], padding: .same)
      let next = try LSTM.states(of: z, cell: states[1], units: filters, activation, recurrentActivation)
      return (carries: next, outputs: returnSequences ? [next[0]] : [])
    }
    try context.keep(result.carries, as: kept)
    guard let all = result.outputs.first else { return [result.carries[0]] + (returnState ? result.carries : []) }
    let output = try all.transposed([1, 0] + Array(2..<all.rank))
    return [try goBackwards ? output.reversed(axes: [1]) : output] + (returnState ? result.carries : [])
  }

  /// The convolutions of all steps, with the bias, time first: `(time, batch, spatial…, 4 · filters)`. Time is one more
  /// spatial axis, along which the kernel has one element.
  private func inputProducts(_ x: Value, _ window: [Int], _ context: LayerContext) throws -> Value {
    let rank = Rank.spatialAxes
    let width = 4 * filters
    let channels = x.shape.dims[rank + 2].number ?? 0
    let kernel = try context.variable(
      "kernel", x.dtype, Shape(window + [channels, width]), kernelInitializer, regularizer: kernelRegularizer,
      constraint: kernelConstraint)
    let padding: Padding
    if case .explicit(let sides) = self.padding {
      padding = .explicit([[0, 0]] + sides)
    } else {
      padding = self.padding
    }
    var products = try context.droppedSteps(x, rate: dropout).convolution(
      kernel.reshaped(Shape([1] + window + [channels, width])),
      strides: [1] + strides.along(rank, "strides", context), padding: padding,
      dilation: [1] + dilationRate.along(rank, "the dilation rate", context))
    if useBias {
      products =
        try products
        + context.variable(
          "bias", x.dtype, [.number(width)], unitForgetBias ? .forgetGateOnes : biasInitializer,
          regularizer: biasRegularizer, constraint: biasConstraint)
    }
    return try products.transposed([1, 0] + Array(2..<products.rank))
  }
}

/// Long short-term memory with convolutions of sequences; see `ConvLSTMLayer`.
public typealias ConvLSTM1D = ConvLSTMLayer<Spatial1D>
/// Long short-term memory with convolutions of images; see `ConvLSTMLayer`.
public typealias ConvLSTM2D = ConvLSTMLayer<Spatial2D>
