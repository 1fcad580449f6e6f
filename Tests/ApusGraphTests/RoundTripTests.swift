import Apus
import Testing

/// `print` and `parse` are inverse to each other, in both directions.
@Suite struct RoundTripTests {
  static let texts = [
    "graph @empty() {\n  return\n}\n",
    """
    graph @chain(%x: f32[batch, 3], %y: f32[3]) {
      %2: f32[batch, 3] = add(%x, %y)
      %sum: f32[batch, 3] = multiply(%2, %2)
      %4: f32[batch, 3] = exp(%sum) from "layer \\"one\\"\\n"
      return %4, %2
    }

    """,
    """
    graph @state(%x: f32[2]) {
      %w: f32[2] = variable(glorot_uniform)
      %m: f32[2] = variable(zeros, trainable: false)
      %u: f32[2] = variable(uniform(low: -1, high: 0.25), seed: 7)
      %v: f32[2] = variable(truncated_normal(mean: 0, deviation: 0.05))
      %5: f32[2] = add(%w, %m)
      %late: i64[] = parameter()
      update %w = %5
      update %m = %w
      return %u, %v
    }

    """.replacing("i64[]", with: "i64"),
    """
    graph @constants() {
      %0: f32 = constant(0.1)
      %1: f64 = constant(-0.0)
      %2: f32[3] = constant([1, -inf, nan])
      %3: i64[2, 2] = constant([[1, -9223372036854775808], [3, 9223372036854775807]])
      %4: bool[2] = constant([true, false])
      %5: u8[2, 0, 3] = constant([])
      %6: bf16[2] = constant([1.5, inf])
      %7: f16[4] = constant(0.25)
      %8: f32 = constant(base64: "AQCAfw==")
      %9: i8 = constant(-128)
      return %0
    }

    """,
  ]

  @Test(arguments: texts) func textIsExact(_ text: String) throws {
    let graphs = try Graph.parse(text)
    #expect(graphs.map(\.description).joined() == text)
    #expect(graphs.allSatisfy { $0.violations().isEmpty })
  }

  @Test func builtGraphComesBackEqual() throws {
    let b = GraphBuilder("built")
    let x = try b.parameter("x", .f32, ["batch", 4])
    b.origin = Origin(name: "dense")
    let w = try b.variable("dense/kernel", .f32, [4])
    let y = try (x * w + x) * 2
    b.name(y, "y")
    // A parameter that comes late keeps its number.
    let z = try b.parameter("z", .f32, [4])
    try b.update(w, to: z)
    let graph = try b.build([y, try y.exp()])
    let again = try Graph.parse(graph.description)
    #expect(again == [graph])
    #expect(again[0].description == graph.description)
  }

  /// Every f32 near the limits and a seeded sample of all bit patterns survive as text.
  @Test func floatsAreExact() throws {
    var generator = PhiloxGenerator(seed: 1)
    var floats: [Float] = [.greatestFiniteMagnitude, .leastNonzeroMagnitude, -.leastNormalMagnitude, 0.1, 1 / 3]
    while floats.count < 64 {
      let candidate = Float(bitPattern: UInt32(truncatingIfNeeded: generator.next()))
      if !candidate.isNaN { floats.append(candidate) }
    }
    let doubles = floats.map { Double($0) * 1.000_000_000_1 }
    let b = GraphBuilder()
    let outputs = [try b.constant(Tensor(floats)), try b.constant(Tensor(doubles))]
    let graph = try b.build(outputs)
    #expect(try Graph.parse(graph.description) == [graph])
  }

  @Test func largeConstantsArePrintedAsBytes() throws {
    for count in [65, 66, 67, 300] {
      let b = GraphBuilder()
      let values = (0..<count).map { Float($0) * 0.37 - 3 }
      let graph = try b.build([b.constant(Tensor(values))])
      #expect(graph.description.contains("base64"))
      #expect(try Graph.parse(graph.description) == [graph])
      #expect(graph.text(.readable).contains("constant(elided)"))
      #expect(throws: ApusError.self) { try Graph.parse(graph.text(.readable)) }
    }
  }

  @Test func parserKeepsEqualNodesApart() throws {
    let text = """
      graph @twice(%x: f32[2]) {
        %1: f32[2] = exp(%x)
        %2: f32[2] = exp(%x)
        return %1, %2
      }

      """
    #expect(try Graph.parse(text)[0].description == text)
  }

  @Test func builderSharesEqualNodes() throws {
    let b = GraphBuilder()
    let x = try b.parameter("x", .f32, [2])
    #expect(try x.exp() == x.exp())
    #expect(try b.variable("a", .f32, [2], .zeros) != b.variable("b", .f32, [2], .zeros))
    // 0 and -0 are equal numbers but different constants.
    #expect(try b.constant(0.0) != b.constant(-0.0))
    #expect(try b.constant(0.0) == b.constant(0.0))
  }
}
