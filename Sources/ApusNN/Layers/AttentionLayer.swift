import ApusCore
import ApusGraph
import ApusOperators

/// The options that all attention layers have.
public struct AttentionOptions: Sendable {
  /// The probability that a weight is dropped in training.
  public var dropout: Double
  /// The key of the dropout's generator; nil derives it from the layer's name.
  public var seed: UInt64?
  /// Whether a position sees only those up to its own.
  var useCausalMask = false
  /// What follows query and value in the inputs; nil: a key if there are three.
  var extraInputs: [AttentionInput]?

  init(dropout: Double, seed: UInt64?) { (self.dropout, self.seed) = (dropout, seed) }
}

/// An input of an attention layer besides query and value.
enum AttentionInput { case key, queryMask, valueMask, attentionMask }

/// A layer that gives each position of a query a weighted mean of values: the weights are the softmax over the positions of
/// the keys of a score of query and key.
///
/// - Inputs: query `(batch, target time, …)`, value `(batch, source time, …)`, and key, of the value's time; the value is
///   the key if none is given.
/// - Masks are true for what counts: `queryMask` `(batch, target time)`, `valueMask` `(batch, source time)`,
///   `attentionMask` `(batch, target time, source time)`. A causal mask lets position i see the positions 0 … i.
@dynamicMemberLookup
public protocol AttentionLayer: MergeLayer {
  var options: AttentionOptions { get set }
  /// The output.
  func attend(_ inputs: AttentionOperands, _ context: LayerContext) throws -> Value
}

extension AttentionLayer {
  public subscript<Property>(dynamicMember option: WritableKeyPath<AttentionOptions, Property>) -> Property {
    get { options[keyPath: option] }
    set { options[keyPath: option] = newValue }
  }

  /// The layer applied to a query and what it attends to. `layer([query, value])` and `layer([query, value, key])` are the
  /// same without masks.
  /// - Parameter key: nil for the value.
  public func callAsFunction(
    _ query: SymbolicTensor, value: SymbolicTensor, key: SymbolicTensor? = nil, queryMask: SymbolicTensor? = nil,
    valueMask: SymbolicTensor? = nil, attentionMask: SymbolicTensor? = nil, useCausalMask: Bool = false
  ) -> SymbolicTensor {
    let extras: [(AttentionInput, SymbolicTensor?)] = [
      (.key, key), (.queryMask, queryMask), (.valueMask, valueMask), (.attentionMask, attentionMask),
    ]
    var layer = self
    layer.options.useCausalMask = useCausalMask
    layer.options.extraInputs = extras.filter { $0.1 != nil }.map(\.0)
    return SymbolicTensor(LayerCall(layer, [query, value] + extras.compactMap(\.1)))
  }

  /// The output has the query's mask, not that of the value.
  public static var passesMask: Bool { false }

  public func build(_ inputs: [Value], _ context: LayerContext) throws -> Value {
    try context.require(options.dropout, in: .decay, "the rate of dropout")
    let operands = try AttentionOperands(inputs, options, context)
    let output = try attend(operands, context)
    context.setMask(context.mask(of: operands.query), of: output)
    return output
  }
}

/// The inputs of an attention layer, checked.
public struct AttentionOperands {
  public let query, value, key: Value
  /// (batch, target time)
  public let queryMask: Value?
  /// What a query may see, of a shape that broadcasts to (batch, target time, source time); nil: everything.
  public let mask: Value?

  /// - Throws: `ApusError` that names the layer if ranks, element types, times or masks do not fit.
  init(_ inputs: [Value], _ options: AttentionOptions, _ context: LayerContext) throws {
    let kinds = options.extraInputs ?? (inputs.count == 3 ? [.key] : [])
    guard inputs.count == kinds.count + 2 else {
      throw context.error("it takes query, value and perhaps a key, not \(inputs.count) inputs")
    }
    func input(_ kind: AttentionInput) -> Value? { kinds.firstIndex(of: kind).map { inputs[$0 + 2] } }
    let (query, value) = (inputs[0], inputs[1])
    let key = input(.key) ?? value
    (self.query, self.value, self.key) = (query, value, key)
    let tensors = [query, value, key]
    guard tensors.allSatisfy({ $0.rank == 3 && $0.dtype == query.dtype && $0.dtype.isFloating }) else {
      throw context.error(
        "query, value and key must be (batch, time, features) of one floating type, not \(context.list(tensors))")
    }
    let (batch, target, source) = (query.shape[0], query.shape[1], value.shape[1])
    guard value.shape[0] == batch, key.shape[0] == batch, key.shape[1] == source else {
      throw context.error(
        "the batches of its inputs, and the times of value and key, must be equal: \(context.list(tensors))")
    }
    func isTrue(_ kind: AttentionInput, _ shape: Shape, _ name: String) throws -> Value? {
      guard let mask = input(kind) else { return nil }
      guard mask.shape == shape else {
        throw context.error("the \(name) must have the shape \(shape), not \(mask.type)")
      }
      return try mask.cast(to: .bool)
    }
    // Masks that earlier layers set count if none are given.
    queryMask = try isTrue(.queryMask, [batch, target], "query mask") ?? context.mask(of: query)
    var masks: [Value] = []
    let valueMask = try isTrue(.valueMask, [batch, source], "value mask") ?? context.mask(of: value)
    let keyMask = key.id == value.id ? nil : context.mask(of: key)
    for mask in [valueMask, keyMask].compactMap(\.self) { masks.append(try mask.expandedDims(at: 1)) }
    if let mask = try isTrue(.attentionMask, [batch, target, source], "attention mask") { masks.append(mask) }
    if options.useCausalMask {
      guard target.number != nil, source.number != nil else {
        throw context.error("a causal mask needs inputs of known time, not \(context.list([query, value]))")
      }
      let (row, column) = (
        try query.builder.iota(.i32, [target, 1], axis: 0), try query.builder.iota(.i32, [source], axis: 0)
      )
      masks.append(try row.greaterEqual(column))
    }
    mask = try masks.first.map { try masks.dropFirst().reduce($0) { try $0.and($1) } }
  }
}

extension LayerContext {
  /// dropout(softmax(scores)) · values
  /// - Parameter mask: which scores count; the others have weight 0. Nil: all.
  func attention(
    _ scores: Value, _ values: Value, seeing mask: Value? = nil, _ options: AttentionOptions
  ) throws -> Value {
    // Far below any score, and no infinity: a row of those alone would be NaN.
    var weights = try (mask?.select(scores, scores.scalar(scores.dtype == .f16 ? -3e4 : -1e9)) ?? scores).softmax()
    if let mask { weights = try mask.select(weights, weights.scalar(0)) }
    if options.dropout > 0 { weights = try weights.dropout(rate: options.dropout, seed: seed(options.seed)) }
    return try weights.matmul(values)
  }
}
