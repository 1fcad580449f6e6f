import ApusCore
import ApusGraph
import ApusOperators

/// A learned vector for each position, to be added to a sequence: y[n, t, :] = position_embeddings[t, :].
///
/// - Input: `(batch, time, features)`; only its shape counts.
/// - Output: the shape of the input.
/// - Variables: `position_embeddings` `(sequenceLength, features)`.
/// - Errors: `sequenceLength` is not positive; the input does not have three axes of which time and features are known, or
///   is longer than `sequenceLength`.
///
/// Defaults as in KerasHub.
public struct PositionEmbedding: Layer {
  public static let typeName = "PositionEmbedding"
  /// How many positions have a vector.
  public var sequenceLength: Int
  public var initializer: Initializer
  public var name: String?

  /// - Parameter sequenceLength: how many positions have a vector: the length of the longest sequence.
  public init(_ sequenceLength: Int, initializer: Initializer = .glorotUniform, name: String? = nil) {
    (self.sequenceLength, self.initializer, self.name) = (sequenceLength, initializer, name)
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    try context.positions(for: x, length: sequenceLength, initializer, variable: "position_embeddings")
      .broadcast(to: x.shape)
  }
}

/// The vector of each id, plus that of its position: y[n, t, :] = token_embedding[x[n, t], :] + position_embedding[t, :].
///
/// - Input: `(batch, time)`, ids in 0 … vocabularySize − 1.
/// - Output: `(batch, time, embeddingDim)`.
/// - Variables: `token_embedding/embeddings` `(vocabularySize, embeddingDim)`, `position_embedding/position_embeddings`
///   `(sequenceLength, embeddingDim)`.
/// - Errors: a size is not positive; the input does not have two axes, or its time is unknown or longer than
///   `sequenceLength`. An id that is out of range is an error when the model runs.
///
/// Defaults as in KerasHub.
public struct TokenAndPositionEmbedding: Layer {
  public static let typeName = "TokenAndPositionEmbedding"
  /// How many ids there are.
  public var vocabularySize: Int
  /// How many positions have a vector.
  public var sequenceLength: Int
  /// The length of a vector.
  public var embeddingDim: Int
  /// Of both variables.
  public var embeddingsInitializer: Initializer
  public var name: String?

  /// - Parameters:
  ///   - vocabularySize: how many ids there are.
  ///   - sequenceLength: how many positions have a vector: the length of the longest sequence.
  ///   - embeddingDim: the length of a vector.
  public init(
    vocabularySize: Int, sequenceLength: Int, embeddingDim: Int,
    embeddingsInitializer: Initializer = .uniform(low: -0.05, high: 0.05), name: String? = nil
  ) {
    (self.vocabularySize, self.sequenceLength, self.embeddingDim) = (vocabularySize, sequenceLength, embeddingDim)
    (self.embeddingsInitializer, self.name) = (embeddingsInitializer, name)
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    guard x.rank == 2 else { throw context.error("the input must be (batch, time), not \(x.type)") }
    let tokens = try context.embedded(
      x, count: vocabularySize, size: embeddingDim, embeddingsInitializer, variable: "token_embedding/embeddings")
    let positions = try context.positions(
      for: tokens, length: sequenceLength, embeddingsInitializer, variable: "position_embedding/position_embeddings")
    return try tokens + positions
  }
}

extension LayerContext {
  /// The vectors of the positions of `x`, of shape (time, features).
  fileprivate func positions(
    for x: Value, length: Int, _ initializer: Initializer, variable name: String
  ) throws -> Value {
    try requirePositive(length, "the length of a sequence")
    guard x.rank == 3, let time = x.shape[1].number, let features = x.shape[2].number else {
      throw error("the input must be (batch, time, features) of known time, not \(x.type)")
    }
    guard time <= length else {
      throw error("the input has \(time) positions, but only \(length) have a vector")
    }
    let all = try variable(name, x.dtype, [.number(length), .number(features)], initializer)
    return time == length ? all : try all.sliced(axis: 0, from: 0, to: time)
  }
}
