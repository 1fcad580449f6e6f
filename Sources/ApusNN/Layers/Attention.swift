import ApusCore
import ApusGraph
import ApusOperators

/// How `Attention` scores a query q and a key k.
public enum ScoreMode: String, Sendable, CaseIterable {
  /// q · k
  case dot
  /// Σ tanh(q + k), times a learned number.
  case concat
}

/// Attention by products (Luong et al. 2015): y = softmax(scores) · value, where scores = scale · q · kᵀ, or
/// weight · Σ tanh(scale · (q + k)).
///
/// - Inputs: query `(batch, target time, features)`, value `(batch, source time, …)`, perhaps a key `(batch, source time,
///   features)`; masks as `AttentionLayer` has them. 10⁹ (65,504 in `f16`) is taken off a score that a mask hides; a
///   position that the query mask leaves out is 0.
/// - Output: `(batch, target time, …)`, the value's features.
/// - Variables: the number `scale` if `useScale`, the number `concat_score_weight` if the mode is `concat`.
/// - Errors: `dropout` is not in [0, 1); the features of query and key differ; inputs or masks do not fit.
///
/// Defaults as in Keras.
public struct Attention: ScoredAttention {
  public static let typeName = "Attention"
  public var options: AttentionOptions
  /// Whether scores are multiplied by a learned number.
  public var useScale: Bool
  public var scoreMode: ScoreMode
  public var name: String?

  /// - Parameters:
  ///   - useScale: whether scores are multiplied by a learned number.
  ///   - dropout: the probability that a weight is dropped in training.
  ///   - seed: the key of the dropout's generator; nil derives it from the layer's name.
  public init(
    useScale: Bool = false, scoreMode: ScoreMode = .dot, dropout: Double = 0, seed: UInt64? = nil, name: String? = nil
  ) {
    options = AttentionOptions(dropout: dropout, seed: seed)
    (self.useScale, self.scoreMode, self.name) = (useScale, scoreMode, name)
  }

  public func scores(_ query: Value, _ key: Value, _ context: LayerContext) throws -> Value {
    let scale = useScale ? try context.variable("scale", query.dtype, [], .ones) : nil
    switch scoreMode {
    case .dot:
      let scores = try query.matmul(key, transposeB: true)
      return try scale.map { try scores * $0 } ?? scores
    case .concat:
      let weight = try context.variable("concat_score_weight", query.dtype, [], .ones)
      let sums = try pairs(query, key)
      return try (scale.map { try $0 * sums } ?? sums).tanh().sum(axes: [-1]) * weight
    }
  }
}

/// Attention by sums (Bahdanau et al. 2015): y = softmax(Σ scale · tanh(q + k)) · value.
///
/// - Inputs, output and masks: as those of `Attention`.
/// - Variables: `scale` `(features)` if `useScale`.
/// - Errors: as those of `Attention`.
///
/// Defaults as in Keras.
public struct AdditiveAttention: ScoredAttention {
  public static let typeName = "AdditiveAttention"
  public var options: AttentionOptions
  /// Whether each feature has a learned weight.
  public var useScale: Bool
  public var name: String?

  /// - Parameters:
  ///   - useScale: whether each feature has a learned weight.
  ///   - dropout: the probability that a weight is dropped in training.
  ///   - seed: the key of the dropout's generator; nil derives it from the layer's name.
  public init(useScale: Bool = true, dropout: Double = 0, seed: UInt64? = nil, name: String? = nil) {
    options = AttentionOptions(dropout: dropout, seed: seed)
    (self.useScale, self.name) = (useScale, name)
  }

  public func scores(_ query: Value, _ key: Value, _ context: LayerContext) throws -> Value {
    let sums = try pairs(query, key).tanh()
    guard useScale else { return try sums.sum(axes: [-1]) }
    return try (sums * context.variable("scale", query.dtype, [query.shape[2]], .glorotUniform)).sum(axes: [-1])
  }
}

/// Attention without projections, told apart by its scores.
public protocol ScoredAttention: AttentionLayer {
  /// The scores (batch, target time, source time) of a query and a key of the same known number of features.
  func scores(_ query: Value, _ key: Value, _ context: LayerContext) throws -> Value
}

extension ScoredAttention {
  public func attend(_ inputs: AttentionOperands, _ context: LayerContext) throws -> Value {
    let (query, key) = (inputs.query, inputs.key)
    guard query.shape[2].number != nil, query.shape[2] == key.shape[2] else {
      throw context.error("the features of query and key must be equal, not \(context.list([query, key]))")
    }
    var scores = try scores(query, key, context)
    if let mask = inputs.mask {
      scores = try mask.select(scores, scores - (scores.dtype == .f16 ? 65504 : 1e9))
    }
    let attended = try context.attention(scores, inputs.value, options)
    guard let queryMask = inputs.queryMask else { return attended }
    return try queryMask.expandedDims(at: -1).select(attended, attended.scalar(0))
  }

  /// q + k for each pair: (batch, target time, source time, features).
  func pairs(_ query: Value, _ key: Value) throws -> Value {
    try query.expandedDims(at: 2) + key.expandedDims(at: 1)
  }
}
