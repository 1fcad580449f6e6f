import Apus
import ApusGraph
import ApusOperators
import Testing

/// A pass that rewrites by a law which does not hold, and says that it is exact.
struct PlantedFault: Pass {
  typealias Law = @Sendable (_ node: Node, _ operands: [Value]) throws -> Value?

  static let record = PassRecord("planted", "rewrites by a wrong law")
  var law: Law = { _, _ in nil }

  func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
    try graph.rewritten { node, operands, builder in
      guard let value = try law(node, operands.map(builder.value)) else { return .keep }
      return .replace([value.id])
    }
  }
}

/// Laws of real numbers that numbers of a machine do not keep, and slips of a kind that passes have made: validation has
/// to find each of them.
@Suite struct PlantedFaultTests {
  struct Fault: Sendable, CustomTestStringConvertible {
    let name: String
    /// The graph: parameters, and lines that end in `%r`.
    let parameters: String
    let body: String
    let law: PlantedFault.Law
    var testDescription: String { name }

    init(_ name: String, _ parameters: String, _ body: String, _ law: @escaping PlantedFault.Law) {
      (self.name, self.parameters, self.body, self.law) = (name, parameters, body, law)
    }
  }

  /// The operand of the node that computes `value`, if that is a `type`.
  private static func operand<Op: Operator>(_ value: Value, of type: Op.Type, _ position: Int = 0) -> Value? {
    let node = value.builder.graph.producer(of: value.id)
    return node.op is Op ? value.builder.value(node.operands[position]) : nil
  }

  private static let one = "%x: f32[16]"
  private static let two = "%x: f32[16], %y: f32[16]"
  private static let three = "%x: f32[16], %y: f32[16], %z: f32[16]"

  static let faults: [Fault] = [
    Fault("log(exp(x)) → x", one, "%1 = exp(%x)\n%r = log(%1)") { node, x in
      node.op is Log ? operand(x[0], of: Exp.self) : nil
    },
    Fault("exp(log(x)) → x", one, "%1 = log(%x)\n%r = exp(%1)") { node, x in
      node.op is Exp ? operand(x[0], of: Log.self) : nil
    },
    Fault("a cast through f16 is dropped", one, "%1 = cast(%x, dtype: f16)\n%r = cast(%1, dtype: f32)") { node, x in
      node.op is Cast ? operand(x[0], of: Cast.self) : nil
    },
    Fault("a cast of i64 through f64 is dropped", "%x: i64[16]", "%1 = cast(%x, dtype: f64)\n%r = cast(%1, dtype: i64)")
    {
      node, x in node.op is Cast ? operand(x[0], of: Cast.self) : nil
    },
    Fault("x · 0 → 0", one, "%0: f32 = constant(0)\n%r = multiply(%x, %0)") { node, x in
      node.op is ApusOperators.Multiply ? try x[1].broadcast(to: x[0].shape) : nil
    },
    Fault("x − x → 0", one, "%r = subtract(%x, %x)") { node, x in
      node.op is ApusOperators.Subtract ? try x[0].builder.constant(0).broadcast(to: x[0].shape) : nil
    },
    Fault("x / x → 1", one, "%r = divide(%x, %x)") { node, x in
      node.op is Divide ? try x[0].builder.constant(1).broadcast(to: x[0].shape) : nil
    },
    Fault("x + 0 → x", one, "%0: f32 = constant(0)\n%r = add(%x, %0)") { node, x in
      node.op is ApusOperators.Add ? x[0] : nil
    },
    Fault("0 − x → −x", one, "%0: f32 = constant(0)\n%r = subtract(%0, %x)") { node, x in
      node.op is ApusOperators.Subtract ? try -x[1] : nil
    },
    Fault("maximum by a comparison, which is false for NaN", one, "%0: f32 = constant(0)\n%r = maximum(%x, %0)") {
      node, x in node.op is ApusOperators.Maximum ? try x[0].greater(x[1]).select(x[0], x[1]) : nil
    },
    Fault("max(x, x) → |x|", one, "%r = maximum(%x, %x)") { node, x in
      node.op is ApusOperators.Maximum ? try x[0].abs() : nil
    },
    Fault("x = x → true", one, "%r = equal(%x, %x)") { node, x in
      node.op is Equal ? try x[0].abs().greaterEqual(0).or(x[0].isNaN()) : nil
    },
    Fault("not(x < y) → x ≥ y", two, "%1 = less(%x, %y)\n%r = not(%1)") { node, x in
      guard node.op is Not, let a = operand(x[0], of: Less.self), let b = operand(x[0], of: Less.self, 1) else {
        return nil
      }
      return try a.greaterEqual(b)
    },
    Fault("(x + y) − y → x", two, "%1 = add(%x, %y)\n%r = subtract(%1, %y)") { node, x in
      node.op is ApusOperators.Subtract ? operand(x[0], of: ApusOperators.Add.self) : nil
    },
    Fault("(x + y) + z → x + (y + z)", three, "%1 = add(%x, %y)\n%r = add(%1, %z)") { node, x in
      guard node.op is ApusOperators.Add, let a = operand(x[0], of: ApusOperators.Add.self),
        let b = operand(x[0], of: ApusOperators.Add.self, 1)
      else { return nil }
      return try a + (b + x[1])
    },
    Fault("x / 3 → x · (1 / 3)", one, "%3: f32 = constant(3)\n%r = divide(%x, %3)") { node, x in
      node.op is Divide ? try x[0] * (1 / 3) : nil
    },
    Fault("√(x · x) → |x|", one, "%1 = multiply(%x, %x)\n%r = sqrt(%1)") { node, x in
      node.op is Sqrt ? try operand(x[0], of: ApusOperators.Multiply.self)?.abs() : nil
    },
    Fault("1 / (1 / x) → x", one, "%1 = reciprocal(%x)\n%r = reciprocal(%1)") { node, x in
      node.op is Reciprocal ? operand(x[0], of: Reciprocal.self) : nil
    },
    Fault("exp(x) · exp(y) → exp(x + y)", two, "%1 = exp(%x)\n%2 = exp(%y)\n%r = multiply(%1, %2)") { node, x in
      guard node.op is ApusOperators.Multiply, let a = operand(x[0], of: Exp.self), let b = operand(x[1], of: Exp.self)
      else { return nil }
      return try (a + b).exp()
    },
    Fault("ties are rounded up", one, "%r = round(%x)") { node, x in
      node.op is Round ? try (x[0] + 0.5).floor() : nil
    },
    Fault("the last of equal maxima instead of the first", "%x: f32[4, 8]", "%r = arg_max(%x, axis: 1)") { node, x in
      guard node.op is ArgMax else { return nil }
      let index = try x[0].reversed(axes: [1]).argMax(axis: 1)
      return try 7 - index
    },
    Fault(
      "2 · x / 2 → x for integers", "%x: i32[16]", "%2: i32 = constant(2)\n%1 = multiply(%x, %2)\n%r = divide(%1, %2)"
    ) { node, x in
      node.op is Divide ? operand(x[0], of: ApusOperators.Multiply.self) : nil
    },
    Fault(
      "|x| of a negative integer is positive", "%x: i8[16]", "%0: i8 = constant(0)\n%1 = abs(%x)\n%r = less(%1, %0)"
    ) {
      node, x in node.op is Less ? try x[0].notEqual(x[0]) : nil
    },
    Fault(
      "gaps of padding are ignored", "%x: f32[6]", "%r = pad(%x, low: [0], high: [0], interior: [1])"
    ) { node, x in node.op is Pad ? try x[0].padded(low: [0], high: [5]) : nil },
    Fault(
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
    Fault("a sum of ones times x → its count times x", "%x: f32[4, 3]", "%r = reduce_sum(%x, axes: [0])") { node, x in
      node.op is ReduceSum ? try x[0].sliced(axis: 0, from: 0, to: 1).reshaped([3]) * 4 : nil
    },
    Fault(
      "x · y with a constant folded in f64", one,
      "%t: f32 = constant(0.1)\n%1 = multiply(%x, %t)\n%r = multiply(%1, %t)"
    ) { node, x in
      guard node.op is ApusOperators.Multiply, let a = operand(x[0], of: ApusOperators.Multiply.self) else {
        return nil
      }
      return try a * (0.1 * 0.1)
    },
  ]

  private func graph(_ fault: Fault) throws -> Graph {
    try #require(try Graph.parse("graph @g(\(fault.parameters)) {\n\(fault.body)\nreturn %r\n}").first)
  }

  @Test(arguments: faults) func isFound(_ fault: Fault) throws {
    var pass = PlantedFault()
    pass.law = fault.law
    let graph = try graph(fault)
    #expect(try Pipeline([pass]).run(graph).graph != graph, "the law does not fire")
    let found = defect { try Pipeline([pass]).run(graph, observers: [TranslationValidation()]) }
    #expect(found?.message.hasPrefix("pass 'planted' changed what @g computes: output 0, ") == true, "\(graph)")
  }

  /// The same graphs through the passes as they are.
  @Test(arguments: faults) func soundPassesPass(_ fault: Fault) throws {
    for name in NamedPipeline.all.map(\.name) {
      _ = try Pipeline.named(name).run(graph(fault), observers: [TranslationValidation()])
    }
  }

  /// What merges scans without a look at their directions is found, because the interpreter merges none.
  @Test func scansOfOppositeDirectionsMergedAreFound() throws {
    func scan(_ name: String, _ direction: String) -> String {
      """
      %l\(name): f32, %\(name): f32[4] = scan(%c, %x, carries: 1, sequences: 1\(direction)) { (%s: f32, %e: f32) in
        %1: f32 = add(%s, %e)
        return %1, %1
      }
      """
    }
    func graph(_ direction: String) throws -> Graph {
      let text = "graph @g(%c: f32, %x: f32[4]) {\n\(scan("a", ""))\n\(scan("b", direction))\nreturn %a, %b\n}"
      return try #require(try Graph.parse(text).first)
    }
    let (opposite, merged) = (try graph(", reverse: true"), try graph(""))
    #expect(try TranslationValidation().firstMismatch(opposite, merged)?.hasPrefix("output 1, ") == true)
  }

  // MARK: What is held to less

  /// Another order of sums is no fault of a pass that says so, and one of a pass that does not.
  @Test func precisionIsWhatAPassStates() throws {
    func sum(_ body: String) throws -> Graph {
      try #require(
        try Graph.parse("graph @g(%x: f32[64], %y: f32[64], %z: f32[64]) {\n\(body)\nreturn %2\n}").first)
    }
    let before = try sum("%1 = add(%x, %y)\n%2 = add(%1, %z)")
    let after = try sum("%1 = add(%y, %z)\n%2 = add(%x, %1)")
    let validation = TranslationValidation()
    #expect(try validation.firstMismatch(before, after) != nil)
    #expect(try validation.firstMismatch(before, after, precision: .rounded) == nil)
  }

  @Test func preciseComparisonKnowsZerosAndTheLastBit() throws {
    func difference(_ a: Float, _ b: Float, _ precision: PassPrecision) throws -> String? {
      TensorComparison.firstDifference(Tensor(scalar: a), Tensor(scalar: b), precision: precision)
    }
    #expect(try difference(0, -0.0, .exact) == "element 0: 0.0 became -0.0")
    #expect(try difference(0, -0.0, .exactButZeroSigns) == nil)
    #expect(try difference(1, Float(1).nextUp, .exactButZeroSigns) != nil)
    #expect(try difference(1, Float(1).nextUp, .rounded) == nil)
    #expect(try difference(1, 1.00005, .rounded) != nil)
    #expect(try difference(1, 1.00005, .approximate(error: 1e-4)) == nil)
    #expect(try difference(-.nan, .nan, .exact) == nil)
    #expect(try difference(.nan, .infinity, .exact) != nil)
    #expect(try difference(.infinity, .nan, .exact) != nil)
  }

  // MARK: The inputs

  /// Each kind holds what it promises, in every type that can hold it.
  @Test(arguments: DType.allCases) func kindsOfInputsHoldWhatTheyPromise(_ dtype: DType) throws {
    func draw(_ kind: RandomInputs.Kind, floats range: Range<Double> = -2..<2) throws -> [Double] {
      try RandomInputs(seed: 1, kind: kind).tensor("x", TensorType(dtype, [400]), floats: range).doubles()
    }
    let special = try draw(.special)
    let extreme = try draw(.extreme)
    if dtype.isFloating {
      #expect(special.contains(where: \.isNaN) && special.contains(.infinity) && special.contains(-.infinity))
      #expect(special.contains { $0 == 0 && $0.sign == .minus } && special.contains { $0 == 0 && $0.sign == .plus })
      #expect(special.contains { $0 != 0 && abs($0) < 1e-4 }, "subnormal numbers")
      #expect(extreme.contains { $0 >= 65504 } && extreme.allSatisfy { !$0.isNaN })
      #expect(Set(try draw(.tied)).count == 11)
      let sparse = try draw(.sparse).count { !$0.isFinite }
      #expect((10...50).contains(sparse), "\(sparse) of 400")
      #expect(try draw(.tied, floats: 0.5..<1.5).allSatisfy { $0 > 0 }, "a variance stays positive")
    } else if dtype != .bool {
      let unsigned = dtype == .u8
      #expect(extreme.contains(unsigned ? 255 : -(extreme.max() ?? 0) - (dtype == .i64 ? 0 : 1)))
      // Positions stay positions.
      #expect(special.allSatisfy { (0...3).contains($0) })
    }
  }
}
