import ApusCore
import ApusGraph
import ApusOperators

/// A learned vector for each id: y[…, :] = embeddings[x[…], :].
///
/// - Input: `(batch, …)`, ids in 0 … inputDim − 1; numbers with fractions are cut to whole ones.
/// - Output: `(batch, …, outputDim)`.
/// - Variables: `embeddings` `(inputDim, outputDim)`.
/// - Errors: a size is not positive. An id that is out of range is an error when the model runs.
///
/// Defaults as in Keras.
public struct Embedding: Layer {
  public static let typeName = "Embedding"
  /// How many ids there are.
  public var inputDim: Int
  /// The length of a vector.
  public var outputDim: Int
  public var embeddingsInitializer: Initializer
  public var embeddingsRegularizer, activityRegularizer: Regularizer?
  public var embeddingsConstraint: Constraint?
  /// Whether id 0 fills up sequences that are too short: steps with it do not count (`LayerContext.mask`).
  public var maskZero: Bool
  public var name: String?

  /// - Parameters:
  ///   - inputDim: how many ids there are.
  ///   - outputDim: the length of a vector.
  ///   - embeddingsRegularizer: what the vectors of all ids add to the loss.
  ///   - embeddingsConstraint: what they are brought back to after each step.
  ///   - activityRegularizer: what the output adds to the loss, divided by the number of samples.
  ///   - maskZero: whether id 0 marks steps that do not count; the input is `(batch, time)` then.
  public init(
    _ inputDim: Int, _ outputDim: Int, embeddingsInitializer: Initializer = .uniform(low: -0.05, high: 0.05),
    embeddingsRegularizer: Regularizer? = nil, activityRegularizer: Regularizer? = nil,
    embeddingsConstraint: Constraint? = nil, maskZero: Bool = false, name: String? = nil
  ) {
    (self.inputDim, self.outputDim, self.name) = (inputDim, outputDim, name)
    (self.embeddingsInitializer, self.maskZero) = (embeddingsInitializer, maskZero)
    (self.embeddingsRegularizer, self.embeddingsConstraint) = (embeddingsRegularizer, embeddingsConstraint)
    self.activityRegularizer = activityRegularizer
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    let y = try context.embedded(
      x, count: inputDim, size: outputDim, embeddingsInitializer, variable: "embeddings",
      regularizer: embeddingsRegularizer, constraint: embeddingsConstraint)
    if maskZero {
      guard x.rank == 2 else { throw context.error("maskZero takes ids of shape (batch, time), not \(x.type)") }
      try context.setMask(x.notEqual(0), of: y)
    }
    return y
  }
}

extension LayerContext {
  /// The vectors of the ids `x`, rows of a variable of shape (count, size).
  func embedded(
    _ x: Value, count: Int, size: Int, _ initializer: Initializer, variable name: String,
    regularizer: Regularizer? = nil, constraint: Constraint? = nil
  ) throws -> Value {
    try requirePositive(count, "the number of ids")
    try requirePositive(size, "the length of a vector")
    guard x.dtype != .bool else { throw error("the input must be ids, not \(x.type)") }
    let isIndex = x.dtype == .u8 || x.dtype == .i32 || x.dtype == .i64
    let ids = try isIndex ? x : x.cast(to: .i32)
    let embeddings = try variable(
      name, .f32, [.number(count), .number(size)], initializer, regularizer: regularizer, constraint: constraint)
    return try embeddings.gather(ids.checkedIndex(below: count))
  }
}
