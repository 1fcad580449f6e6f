import ApusCore
import ApusGraph
import ApusOperators

/// Attention by several heads, each with its own projections of query, key and value:
/// y = Σ over heads of softmax(q · kᵀ / √keyDim) · v · kernel + bias, where q, k, v are projections of the inputs.
///
///     let attended = MultiHeadAttention(numHeads: 8, keyDim: 64)(x, value: x, useCausalMask: true)
///
/// - Inputs: query `(batch, target time, features)`, value `(batch, source time, features)`, perhaps a key like the value;
///   masks as `AttentionLayer` has them. What a mask hides has weight 0, so that a position that sees nothing gets the bias.
/// - Output: `(batch, target time, outputShape…)`; the query's features if `outputShape` is nil.
/// - Variables: `query/kernel` `(features, numHeads, keyDim)`, `query/bias` `(numHeads, keyDim)`, the same of `key` and, with
///   valueDim, of `value`; `attention_output/kernel` `(numHeads, valueDim, outputShape…)`, `attention_output/bias`
///   `(outputShape…)`.
/// - Errors: a size is not positive; `dropout` is not in [0, 1); inputs or masks do not fit.
///
/// Source: Vaswani et al., "Attention is all you need", 2017; defaults as in Keras.
public struct MultiHeadAttention: AttentionLayer {
  public static let typeName = "MultiHeadAttention"
  public var options: AttentionOptions
  public var numHeads: Int
  /// The size of a head's query and key.
  public var keyDim: Int
  /// The size of a head's value; nil for `keyDim`.
  public var valueDim: Int?
  /// Whether projections have a bias.
  public var useBias: Bool
  /// The output's axes after time; nil for the query's features.
  public var outputShape: [Int]?
  public var kernelInitializer: Initializer
  public var biasInitializer: Initializer
  /// Of all kernels, all biases, and all projections: those of query, key and value, and the output.
  public var kernelRegularizer, biasRegularizer, activityRegularizer: Regularizer?
  public var kernelConstraint, biasConstraint: Constraint?
  public var name: String?

  /// - Parameters:
  ///   - keyDim: the size of a head's query and key.
  ///   - valueDim: the size of a head's value; nil for `keyDim`.
  ///   - dropout: the probability that a weight is dropped in training.
  ///   - useBias: whether projections have a bias.
  ///   - outputShape: the output's axes after time; nil for the query's features.
  ///   - seed: the key of the dropout's generator; nil derives it from the layer's name.
  public init(
    numHeads: Int, keyDim: Int, valueDim: Int? = nil, dropout: Double = 0, useBias: Bool = true,
    outputShape: [Int]? = nil, kernelInitializer: Initializer = .glorotUniform, biasInitializer: Initializer = .zeros,
    kernelRegularizer: Regularizer? = nil, biasRegularizer: Regularizer? = nil,
    activityRegularizer: Regularizer? = nil, kernelConstraint: Constraint? = nil, biasConstraint: Constraint? = nil,
    seed: UInt64? = nil, name: String? = nil
  ) {
    options = AttentionOptions(dropout: dropout, seed: seed)
    (self.numHeads, self.keyDim, self.valueDim, self.useBias) = (numHeads, keyDim, valueDim, useBias)
    (self.outputShape, self.kernelInitializer, self.name) = (outputShape, kernelInitializer, name)
    self.biasInitializer = biasInitializer
    (self.kernelRegularizer, self.biasRegularizer) = (kernelRegularizer, biasRegularizer)
    (self.kernelConstraint, self.biasConstraint) = (kernelConstraint, biasConstraint)
    self.activityRegularizer = activityRegularizer
  }

  public func attend(_ inputs: AttentionOperands, _ context: LayerContext) throws -> Value {
    let valueDim = valueDim ?? keyDim
    for (size, what) in [
      (numHeads, "the number of heads"), (keyDim, "the size of a key"), (valueDim, "the size of a value"),
    ] { try context.requirePositive(size, what) }
    for size in outputShape ?? [] { try context.requirePositive(size, "each axis of the output") }

    let scale = 1 / Double(keyDim).squareRoot()
    let query = try heads(inputs.query, "query", size: keyDim, context) { try $0 * scale }
    let key = try heads(inputs.key, "key", size: keyDim, context)
    let value = try heads(inputs.value, "value", size: valueDim, context)
    let attended = try context.attention(
      query.matmul(key, transposeB: true), value, seeing: visible(inputs), options)
    return try output(attended.transposed([0, 2, 1, 3]), like: inputs.query, valueDim: valueDim, context)
  }

  /// The projection of `x` for each head: (batch, numHeads, time, size).
  private func heads(
    _ x: Value, _ part: String, size: Int, _ context: LayerContext, _ finish: (Value) throws -> Value = { $0 }
  ) throws -> Value {
    let shape: Shape = [x.shape[0], x.shape[1], .number(numHeads), .number(size)]
    // The output is a projection, too; it is added with the outputs of all layers.
    let projection = try context.penalized(
      project(x, part, to: [numHeads, size], inputAxes: 1, context), by: activityRegularizer)
    return try finish(projection).reshaped(shape).transposed([0, 2, 1, 3])
  }

  /// The heads (batch, time, numHeads, valueDim) together.
  private func output(_ x: Value, like query: Value, valueDim: Int, _ context: LayerContext) throws -> Value {
    let (batch, time) = (x.shape[0], x.shape[1])
    guard let features = query.shape[2].number else {
      throw context.error("the query's features must be known, not \(query.type)")
    }
    let axes = outputShape ?? [features]
    let joined = try x.reshaped([batch, time, .number(numHeads * valueDim)])
    return try project(joined, "attention_output", to: axes, inputAxes: 2, context)
      .reshaped(Shape([batch, time] + axes.map(Dim.number)))
  }

  /// x · kernel + bias with all axes after time as one. Variables have the axes that Keras gives them.
  private func project(
    _ x: Value, _ part: String, to axes: [Int], inputAxes: Int, _ context: LayerContext
  ) throws -> Value {
    guard let features = x.shape[2].number else {
      throw context.error("the features of its inputs must be known, not \(x.type)")
    }
    guard let count = Shape.elementCount(axes), count <= Limits.magnitude else {
      throw context.error("the axes \(axes) have too many elements")
    }
    let inputs = inputAxes == 1 ? [features] : [numHeads, features / numHeads]
    let kernel = try context.variable(
      "\(part)/kernel", x.dtype, Shape((inputs + axes).map(Dim.number)), kernelInitializer,
      regularizer: kernelRegularizer, constraint: kernelConstraint)
    let product = try x.matmul(kernel.reshaped([.number(features), .number(count)]))
    guard useBias else { return product }
    let bias = try context.variable(
      "\(part)/bias", x.dtype, Shape(axes.map(Dim.number)), biasInitializer, regularizer: biasRegularizer,
      constraint: biasConstraint)
    return try product + bias.reshaped([.number(count)])
  }

  /// What a head may see, of a shape that broadcasts to that of the scores.
  private func visible(_ inputs: AttentionOperands) throws -> Value? {
    var masks = [inputs.mask].compactMap(\.self)
    if let queryMask = inputs.queryMask { masks.append(try queryMask.expandedDims(at: -1)) }
    guard let mask = try masks.first.map({ try masks.dropFirst().reduce($0) { try $0.and($1) } }) else { return nil }
    return mask.rank == 3 ? try mask.expandedDims(at: 1) : mask
  }
}
