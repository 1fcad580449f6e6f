import Apus
import ApusGraph
import ApusOperators
import Testing

/// For every value of every attribute of every operator: printing and parsing are inverse, and operators are equal exactly
/// if their texts are.
@Suite struct AttributeTextTests {
  /// Zeros of both signs, NaN with signs and payloads, infinities, extremes, and integers that no double holds.
  static let reals: [Double] = [
    0, -0.0, 1, -1, 0.1, 0.5, 1 / 3, .nan, -.nan, Double(nan: 5, signaling: false), .infinity, -.infinity,
    .leastNonzeroMagnitude, -.leastNonzeroMagnitude, .leastNormalMagnitude, .greatestFiniteMagnitude,
    9_007_199_254_740_992,
    -9_007_199_254_740_994, 9.223372036854775e18, 9.223372036854776e18, 1e19, 1e23, 7.038531e-26,
  ]
  static let integers: [Int128] = [
    0, 1, -1, 2, 255, 300, 2_147_483_647, -2_147_483_648, 9_007_199_254_740_993, Int128(Int64.max), Int128(Int64.min),
    Int128(UInt64.max), Int128(UInt64.max) + 1, .max, .min,
  ]

  static var values: [AttributeValue] {
    let numbers = reals.map(AttributeValue.float) + integers.map(AttributeValue.int)
    let words =
      DType.allCases.map(\.rawValue) + Initializer.names + [
        "none", "batch", "same", "valid", "max", "min", "filter", "result", "l1_l2", "non_neg",
      ]
    let names = [
      "fill", "uniform", "normal", "truncated_normal", "orthogonal", "identity", "l1", "l2", "max_norm", "unit_norm",
      "min_max_norm",
    ]
    let calls = names.flatMap { name in
      ["value", "low", "deviation", "gain", "factor", "limit", "axis", "rate"].flatMap { label in
        numbers.map { AttributeValue.call(name, [AttributeArgument(label, $0)]) }
      }
    }
    return numbers + [.bool(true), .bool(false), .string("a \"b\"\n")] + words.map(AttributeValue.name)
      + numbers.map { .list([$0]) } + numbers.map { .list([$0, .int(1)]) } + [
        .list([]), .list([.list([.int(1), .int(2)])]),
      ]
      + calls
  }

  @Test(arguments: OperatorCatalog.standard.names) func textsAreExact(_ name: String) throws {
    let type = try #require(OperatorCatalog.standard.type(named: name))
    for attribute in type.record.attributes {
      var seen: [String: any Operator] = [:]
      for value in Self.values {
        guard let op = attribute.write(type.init(), value), let stored = attribute.read(op) else { continue }
        let text = stored.text
        let place = "\(name), \(attribute.name): \(text)"
        let again = try #require(try? AttributeValue(parsing: text), "\(place)")
        let back = try #require(attribute.write(type.init(), again), "\(place)")
        #expect(attribute.read(back) == stored, "\(place)")
        // Both ways in which operators are compared.
        #expect(back.isEqual(to: op) && AnyHashable(back) == AnyHashable(op), "\(place)")
        #expect(AnyHashable(back).hashValue == AnyHashable(op).hashValue, "\(place)")
        for (other, known) in seen where other != text {
          #expect(!known.isEqual(to: op) && AnyHashable(known) != AnyHashable(op), "\(place) and \(other)")
        }
        seen[text] = op
        if !attribute.isRequired, !attribute.isPositional {
          #expect((text == attribute.defaultText) == (stored == attribute.read(type.init())), "\(place)")
        }
      }
      #expect(seen.count > 1, "\(name): no value for '\(attribute.name)', \(attribute.kind)")
    }
  }

  /// An attribute that is declared as a plain `Double` is told apart too, by its text.
  @Test func plainDoublesAreToldApart() throws {
    let builder = GraphBuilder()
    let x = try builder.parameter("x", .f32, [2])
    let y = try [0, -0.0, 0].map { try x.apply(Shifted(by: $0)) }
    #expect(y[0] != y[1] && y[0] == y[2])
    let graph = try builder.build(y)
    #expect(graph.description.contains("by: -0.0"))
    #expect(Shifted(by: 0).isEqual(to: Shifted(by: 0)) && !Shifted(by: 0).isEqual(to: Shifted(by: -0.0)))
  }

  private struct Shifted: CompositeOperator {
    var by = 0.0
    init() {}
    init(by: Double) { self.by = by }
    static let record = OperatorRecord(
      "shifted", .elementwise, "x + by", operands: [OperandRecord("x", .floating)],
      attributes: [attribute("by", \.by, "what is added")])
    func expand(_ operands: [Value], _ builder: GraphBuilder) throws -> [Value] { [try operands[0] + by] }
  }
}
