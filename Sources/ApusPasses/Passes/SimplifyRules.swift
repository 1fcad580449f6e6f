import ApusCore
import ApusGraph
import ApusOperators

extension Simplify {
  /// The table. Order matters only for speed: at most one rule fires at a time, and all are tried again.
  static let rules: [Rule] = [
    Rule("identity", "f(x) → x where f changes nothing on these types") { site in
      guard let first = site.operands.first, try site.op.isIdentity(site.operandTypes, [site.resultType()]),
        try site.resultType() == site.type(0)
      else { return nil }
      return .value(first)
    },

    Rule("identity-element", "x ∘ e → x, e ∘ x → x") { site in
      guard site.hasConstant, let op = site.op as? any AlgebraicOperator else { return nil }
      let dtype = site.type(0).dtype
      for (element, other, identity) in [(1, 0, op.rightIdentity(dtype)), (0, 1, op.leftIdentity(dtype))] {
        if let identity, let constant = site.constant(element), constant.isSame(as: identity, dtype),
          try site.resultType() == site.type(other)
        {
          return .value(site.operands[other])
        }
      }
      return nil
    },

    Rule("absorbing-element", "x ∘ z → z for integers and truth values") { site in
      guard site.hasConstant, site.op.traits.contains(.commutative), let op = site.op as? any AlgebraicOperator,
        let absorber = op.rightAbsorber(site.type(0).dtype)
      else { return nil }
      for operand in 0..<2 {
        if let constant = site.constant(operand), constant == absorber {
          return try site.broadcast(operand, to: site.resultType().shape)
        }
      }
      return nil
    },

    Rule("involution", "f(f(x)) → x") { site in
      guard site.op.traits.contains(.involution), site.producer(0).op.isSame(as: site.op) else { return nil }
      return .value(site.producer(0).operands[0])
    },

    Rule("idempotent", "f(f(x)) → f(x)") { site in
      guard site.op.traits.contains(.idempotent), site.producer(0).op.isSame(as: site.op) else { return nil }
      return .value(site.operands[0])
    },

    Rule("compose", "f(g(x)) → (f ∘ g)(x) for moves of the same kind, and casts where the first is exact") { site in
      func composed<Op: ComposableOperator>(_ op: Op) -> (any Operator)? {
        guard let inner = site.producer(0).op as? Op else { return nil }
        return op.composed(after: inner, site.builder.graph.type(of: site.producer(0).operands[0]))
      }
      guard !site.operands.isEmpty, type(of: site.producer(0).op) == type(of: site.op),
        let op = site.op as? any ComposableOperator, let result = composed(op)
      else { return nil }
      return .node(result, [site.producer(0).operands[0]])
    },

    Rule("implicit-broadcast", "f(broadcast(x), y) → f(x, y) where y makes f broadcast x anyway") { site in
      guard site.op.traits.contains(.elementwise), site.operands.count > 1 else { return nil }
      let result = try site.resultType()
      for position in site.operands.indices where site.producer(position).op is Broadcast {
        var operands = site.operands
        operands[position] = site.producer(position).operands[0]
        if try site.with(operands).resultType() == result { return .node(site.op, operands) }
      }
      return nil
    },

    Rule("reduce-ones", "reduction of axes of size 1 → reshape, but for sums: 0 + −0 is 0") { site in
      guard let op = site.op.asReduction as? any SingletonPreserving else { return nil }
      let (x, result) = (site.type(0), try site.resultType())
      let axes = try Axis.normalized(op.axes, rank: x.rank)
      return axes.allSatisfy { x.shape[$0] == 1 } ? .node(Reshape(result.shape), site.operands) : nil
    },

    Rule("add-negated", "a + (−b) → a − b, (−a) + b → b − a") { site in
      guard site.op is Add else { return nil }
      if site.producer(1).op is Negate { return .node(Subtract(), [site.operands[0], site.producer(1).operands[0]]) }
      if site.producer(0).op is Negate { return .node(Subtract(), [site.operands[1], site.producer(0).operands[0]]) }
      return nil
    },

    Rule("subtract-negated", "a − (−b) → a + b") { site in
      guard site.op is Subtract, site.producer(1).op is Negate else { return nil }
      return .node(Add(), [site.operands[0], site.producer(1).operands[0]])
    },

    Rule("divide-by-power-of-two", "x / 2ⁿ → x · 2⁻ⁿ, both normal") { site in
      guard site.op is Divide, site.type(0).dtype.isFloating, let divisor = site.constant(1),
        let inverse = divisor.exactReciprocal(site.type(0).dtype), let dimensions = site.type(1).shape.numbers
      else { return nil }
      let factor = try site.builder.append(
        Constant(Tensor(repeating: inverse, site.type(1).dtype, dimensions)), [], origin: site.origin)
      return .node(Multiply(), [site.operands[0], factor[0]])
    },

    Rule("square", "x² → x · x") { site in
      guard site.op is Power, site.constant(1) == 2, try site.resultType() == site.type(0) else { return nil }
      return .node(Multiply(), [site.operands[0], site.operands[0]])
    },

    Rule("select-constant", "select(true, a, b) → a, select(false, a, b) → b") { site in
      guard site.op is Select, let condition = site.constant(0) else { return nil }
      return try site.broadcast(condition != 0 ? 1 : 2, to: site.resultType().shape)
    },

    Rule("select-same", "select(c, a, a) → a") { site in
      guard site.op is Select, site.operands[1] == site.operands[2] else { return nil }
      return try site.broadcast(1, to: site.resultType().shape)
    },

    Rule("matmul-transposed", "matmul(aᵀ, b) → matmul(a, b, transpose_a), and so for b") { site in
      guard let matmul = site.op as? Matmul else { return nil }
      for operand in 0..<2 {
        let producer = site.producer(operand)
        guard let transpose = producer.op as? Transpose, transpose.swapsLastTwo else { continue }
        var op = matmul
        if operand == 0 { op.transposeA.toggle() } else { op.transposeB.toggle() }
        var operands = site.operands
        operands[operand] = producer.operands[0]
        return .node(op, operands)
      }
      return nil
    },
  ]
}

extension Site {
  /// An operand in the shape of the result: itself, or broadcast.
  fileprivate func broadcast(_ operand: Int, to shape: Shape) throws -> Rule.Result {
    type(operand).shape == shape ? .value(operands[operand]) : .node(Broadcast(shape), [operands[operand]])
  }
}

extension Operator {
  fileprivate func isSame(as other: any Operator) -> Bool { (other as? Self) == self }
}

extension Transpose {
  /// Whether the last two axes change places and the others stay.
  fileprivate var swapsLastTwo: Bool {
    let rank = permutation.count
    return rank >= 2 && permutation == Array(0..<rank - 2) + [rank - 1, rank - 2]
  }
}

extension Double {
  /// Equality in bits for floats, where 0 and −0 are different elements.
  fileprivate func isSame(as other: Double, _ dtype: DType) -> Bool {
    dtype.isFloating ? bitPattern == other.bitPattern : self == other
  }

  /// 1 / x where x is a power of two and neither x nor 1 / x is subnormal, infinite or zero in this type.
  fileprivate func exactReciprocal(_ dtype: DType) -> Double? {
    guard isNormal, significand == 1, abs(exponent) <= (dtype == .f64 ? 1022 : 126) else { return nil }
    return 1 / self
  }
}
