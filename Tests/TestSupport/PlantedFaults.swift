import Apus
import ApusGraph
import ApusOperators

/// A pass that rewrites by a law which does not hold.
public struct PlantedFault: Pass {
  public typealias Law = @Sendable (_ node: Node, _ operands: [Value]) throws -> Value?

  public static let record = PassRecord("planted", "rewrites by a wrong law")
  public var law: Law = { _, _ in nil }
  public init() {}
  public init(_ law: @escaping Law) { self.law = law }

  public func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
    try Self.rewritten(graph, law, &context)
  }

  static func rewritten(_ graph: Graph, _ law: Law, _ context: inout PassContext) throws -> Graph {
    try graph.rewritten { node, operands, builder in
      guard let value = try law(node, operands.map(builder.value)), context.permits() else { return .keep }
      return .replace([value.id])
    }
  }
}

/// The same for a pass that states that it rounds.
public struct PlantedRounding: Pass {
  public static let record = PassRecord("planted-rounding", "rewrites by a wrong law", precision: .rounded)
  public var law: PlantedFault.Law = { _, _ in nil }
  public init() {}
  public init(_ law: @escaping PlantedFault.Law) { self.law = law }

  public func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
    try PlantedFault.rewritten(graph, law, &context)
  }
}

/// A wrong law, and a graph on which it fires.
public struct GraphFault: Sendable, CustomStringConvertible {
  public let name: String
  /// The graph: parameters, and lines that end in `%r`.
  let parameters: String
  let body: String
  public let law: PlantedFault.Law
  /// Whether the pass says that it rounds.
  public var isRounding = false
  public var description: String { name }

  public init(
    _ name: String, _ parameters: String, _ body: String, isRounding: Bool = false, _ law: @escaping PlantedFault.Law
  ) {
    (self.name, self.parameters, self.body, self.law) = (name, parameters, body, law)
    self.isRounding = isRounding
  }

  public var graph: Graph {
    get throws { try Graph.parse("graph @g(\(parameters)) {\n\(body)\nreturn %r\n}")[0] }
  }

  public var pass: any Pass { isRounding ? PlantedRounding(law) : PlantedFault(law) }
}

extension GraphFault {
  /// The operand of the node that computes `value`, if that is a `type`.
  static func operand<Op: Operator>(_ value: Value, of type: Op.Type, _ position: Int = 0) -> Value? {
    let node = value.builder.graph.producer(of: value.id)
    return node.op is Op ? value.builder.value(node.operands[position]) : nil
  }

  static let one = "%x: f32[16]"
  static let two = "%x: f32[16], %y: f32[16]"
  static let three = "%x: f32[16], %y: f32[16], %z: f32[16]"

  /// Laws of real numbers that numbers of a machine do not keep.
  public static let laws: [GraphFault] = [
    GraphFault("log(exp(x)) → x", one, "%1 = exp(%x)\n%r = log(%1)") { node, x in
      node.op is Log ? operand(x[0], of: Exp.self) : nil
    },
    GraphFault("exp(log(x)) → x", one, "%1 = log(%x)\n%r = exp(%1)") { node, x in
      node.op is Exp ? operand(x[0], of: Log.self) : nil
    },
    GraphFault("a cast through f16 is dropped", one, "%1 = cast(%x, dtype: f16)\n%r = cast(%1, dtype: f32)") {
      node, x in
      node.op is Cast ? operand(x[0], of: Cast.self) : nil
    },
    GraphFault(
      "a cast of i64 through f64 is dropped", "%x: i64[16]", "%1 = cast(%x, dtype: f64)\n%r = cast(%1, dtype: i64)"
    ) {
      node, x in node.op is Cast ? operand(x[0], of: Cast.self) : nil
    },
    GraphFault("x · 0 → 0", one, "%0: f32 = constant(0)\n%r = multiply(%x, %0)") { node, x in
      node.op is ApusOperators.Multiply ? try x[1].broadcast(to: x[0].shape) : nil
    },
    GraphFault("x − x → 0", one, "%r = subtract(%x, %x)") { node, x in
      node.op is ApusOperators.Subtract ? try x[0].builder.constant(0).broadcast(to: x[0].shape) : nil
    },
    GraphFault("x / x → 1", one, "%r = divide(%x, %x)") { node, x in
      node.op is Divide ? try x[0].builder.constant(1).broadcast(to: x[0].shape) : nil
    },
    GraphFault("x + 0 → x", one, "%0: f32 = constant(0)\n%r = add(%x, %0)") { node, x in
      node.op is ApusOperators.Add ? x[0] : nil
    },
    GraphFault("0 − x → −x", one, "%0: f32 = constant(0)\n%r = subtract(%0, %x)") { node, x in
      node.op is ApusOperators.Subtract ? try -x[1] : nil
    },
    GraphFault("maximum by a comparison, which is false for NaN", one, "%0: f32 = constant(0)\n%r = maximum(%x, %0)") {
      node, x in node.op is ApusOperators.Maximum ? try x[0].greater(x[1]).select(x[0], x[1]) : nil
    },
    GraphFault("max(x, x) → |x|", one, "%r = maximum(%x, %x)") { node, x in
      node.op is ApusOperators.Maximum ? try x[0].abs() : nil
    },
    GraphFault("x = x → true", one, "%r = equal(%x, %x)") { node, x in
      node.op is Equal ? try x[0].abs().greaterEqual(0).or(x[0].isNaN()) : nil
    },
    GraphFault("not(x < y) → x ≥ y", two, "%1 = less(%x, %y)\n%r = not(%1)") { node, x in
      guard node.op is Not, let a = operand(x[0], of: Less.self), let b = operand(x[0], of: Less.self, 1) else {
        return nil
      }
      return try a.greaterEqual(b)
    },
    GraphFault("(x + y) − y → x", two, "%1 = add(%x, %y)\n%r = subtract(%1, %y)") { node, x in
      node.op is ApusOperators.Subtract ? operand(x[0], of: ApusOperators.Add.self) : nil
    },
    GraphFault("(x + y) + z → x + (y + z)", three, "%1 = add(%x, %y)\n%r = add(%1, %z)") { node, x in
      guard node.op is ApusOperators.Add, let a = operand(x[0], of: ApusOperators.Add.self),
        let b = operand(x[0], of: ApusOperators.Add.self, 1)
      else { return nil }
      return try a + (b + x[1])
    },
    GraphFault("x / 3 → x · (1 / 3)", one, "%3: f32 = constant(3)\n%r = divide(%x, %3)") { node, x in
      node.op is Divide ? try x[0] * (1 / 3) : nil
    },
    GraphFault("√(x · x) → |x|", one, "%1 = multiply(%x, %x)\n%r = sqrt(%1)") { node, x in
      node.op is Sqrt ? try operand(x[0], of: ApusOperators.Multiply.self)?.abs() : nil
    },
    GraphFault("1 / (1 / x) → x", one, "%1 = reciprocal(%x)\n%r = reciprocal(%1)") { node, x in
      node.op is Reciprocal ? operand(x[0], of: Reciprocal.self) : nil
    },
    GraphFault("exp(x) · exp(y) → exp(x + y)", two, "%1 = exp(%x)\n%2 = exp(%y)\n%r = multiply(%1, %2)") { node, x in
      guard node.op is ApusOperators.Multiply, let a = operand(x[0], of: Exp.self), let b = operand(x[1], of: Exp.self)
      else { return nil }
      return try (a + b).exp()
    },
    GraphFault("ties are rounded up", one, "%r = round(%x)") { node, x in
      node.op is Round ? try (x[0] + 0.5).floor() : nil
    },
    GraphFault("the last of equal maxima instead of the first", "%x: f32[4, 8]", "%r = arg_max(%x, axis: 1)") {
      node, x in
      guard node.op is ArgMax else { return nil }
      let index = try x[0].reversed(axes: [1]).argMax(axis: 1)
      return try 7 - index
    },
    GraphFault(
      "2 · x / 2 → x for integers", "%x: i32[16]", "%2: i32 = constant(2)\n%1 = multiply(%x, %2)\n%r = divide(%1, %2)"
    ) { node, x in
      node.op is Divide ? operand(x[0], of: ApusOperators.Multiply.self) : nil
    },
    GraphFault(
      "|x| of a negative integer is positive", "%x: i8[16]", "%0: i8 = constant(0)\n%1 = abs(%x)\n%r = less(%1, %0)"
    ) {
      node, x in node.op is Less ? try x[0].notEqual(x[0]) : nil
    },
    GraphFault(
      "gaps of padding are ignored", "%x: f32[6]", "%r = pad(%x, low: [0], high: [0], interior: [1])"
    ) { node, x in node.op is Pad ? try x[0].padded(low: [0], high: [5]) : nil },
    GraphFault(
      "a scan runs in the other direction", "%c: f32, %x: f32[8]",
      """
      %last: f32, %1: f32[8] = scan(%c, %x, carries: 1, sequences: 1, reverse: true) { (%s: f32, %e: f32) in
        %1: f32 = add(%s, %e)
        return %1, %1
      }
      %r = abs(%1)
      """
    ) { node, x in
      guard node.op is Abs else { return nil }
      let builder = x[0].builder
      let loop = builder.graph.producer(of: x[0].id)
      guard var scan = loop.op as? Scan else { return nil }
      scan.reverse = false
      return try builder.append(scan, loop.operands.map(builder.value), regions: loop.regions)[1].abs()
    },
    GraphFault("a sum of ones times x → its count times x", "%x: f32[4, 3]", "%r = reduce_sum(%x, axes: [0])") {
      node, x in
      node.op is ReduceSum ? try x[0].sliced(axis: 0, from: 0, to: 1).reshaped([3]) * 4 : nil
    },
    GraphFault(
      "x · y with a constant folded in f64", one,
      "%t: f32 = constant(0.1)\n%1 = multiply(%x, %t)\n%r = multiply(%1, %t)"
    ) { node, x in
      guard node.op is ApusOperators.Multiply, let a = operand(x[0], of: ApusOperators.Multiply.self) else {
        return nil
      }
      return try a * (0.1 * 0.1)
    },
  ]
}
