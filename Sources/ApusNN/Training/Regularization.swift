import ApusCore
import ApusGraph
import ApusOperators

extension Regularizer {
  /// What a value adds to the loss: a scalar of its element type, and of f32 if that has 16 bits, whose sums would be
  /// rough.
  func penalty(_ x: Value) throws -> Value {
    let w = try x.widened()
    switch self {
    case .l1l2(let l1, 0): return try w.abs().sum() * l1
    case .l1l2(0, let l2): return try w.square().sum() * l2
    case .l1l2(let l1, let l2): return try w.abs().sum() * l1 + w.square().sum() * l2
    case .orthogonality(let factor, let vectors):
      // Mean |cos| of the pairs; each pair is in the matrix of products twice.
      let axis = vectors == .rows ? 1 : 0
      let count = Double(w.shape[1 - axis].number ?? 0)
      guard count > 1 else { return try w.scalar(0) }
      let unit = try w.unit(axis)
      let products = try unit.matmul(unit, transposeA: vectors == .columns, transposeB: vectors == .rows)
      let index = try w.builder.iota(.i64, [w.shape[1 - axis]])
      let isPair = try index.expandedDims(at: 1).notEqual(index.expandedDims(at: 0))
      return try isPair.select(products.abs(), w.scalar(0)).sum() * (factor / (count * (count - 1)))
    }
  }
}

extension Constraint {
  /// The value that a variable is brought back to, as Keras computes it.
  func applied(to variable: Value) throws -> Value {
    let w = try variable.widened()
    func scaled(axis: Int, _ length: (Value) throws -> Value) throws -> Value {
      let norm = try w.square().sum(axes: [axis], keepDims: true).sqrt()
      return try (w * (length(norm) / (norm + Epsilon.value))).cast(to: variable.dtype)
    }
    switch self {
    case .maxNorm(let limit, let axis): return try scaled(axis: axis) { try $0.minimum(limit) }
    case .unitNorm(let axis): return try scaled(axis: axis) { try $0.scalar(1) }
    case .nonNegative: return try variable.maximum(0)
    case .minMaxNorm(let least, let most, let rate, let axis):
      return try scaled(axis: axis) { try $0.maximum(least).minimum(most) * rate + $0 * (1 - rate) }
    }
  }
}

extension Value {
  /// This value, as f32 if its element type has 16 bits: what is added up, or compared with small numbers.
  func widened() throws -> Value { try dtype == .f16 || dtype == .bf16 ? cast(to: .f32) : self }
}

extension Graph {
  /// A loss and what variables and layers add to it: penalties of trained variables, as in Keras, and `add_loss`.
  /// - Parameter loss: of a builder that extends this graph, bound to a mode.
  func regularized(_ loss: Value) throws -> Value {
    let builder = loss.builder
    let penalties = try variables.compactMap { try builder.penalty(ofVariable: $0.id) }
    let added = nodes.filter { $0.op is AddLoss }.map { builder.value($0.operands[1]) }
    return try (penalties + added).reduce(loss) { try $0 + $1.cast(to: loss.dtype) }
  }
}

extension GraphBuilder {
  /// What a variable adds to the loss; nil if it has no regularizer, or is not trained.
  func penalty(ofVariable id: ValueID) throws -> Value? {
    guard let variable = graph.producer(of: id).op as? Variable, variable.trainable else { return nil }
    return try variable.regularizer?.penalty(value(id))
  }
}
