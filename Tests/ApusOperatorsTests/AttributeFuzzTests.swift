import Apus
import TestSupport
import Testing

/// Operators that compute with their attributes meet attributes that make no sense: each is refused by an error of the
/// input, or gives a graph that is sound and runs.
@Suite struct AttributeFuzzTests {
  static let families: [OperatorFamily] = [.contraction, .convolution, .window, .indexing, .random]
  static let operators = OperatorCatalog.standard.types.map { $0.record }
    .filter { families.contains($0.family) }.map(\.name)

  @Test(arguments: operators)
  func refusedOrSound(_ name: String) throws {
    guard let record = OperatorCatalog.standard.type(named: name)?.record else { return }
    var generator = PhiloxGenerator(seed: StableHash.fnv1a(name))
    var accepted = 0
    for _ in 0..<300 {
      let text = Self.text(record, &generator)
      do {
        let graph = try #require(try Graph.parse(text).first)
        try graph.verify(after: "parsing")
        _ = graph.flopCount
        #expect(try Graph.parse(graph.text()) == [graph])
        try run(graph)
        accepted += 1
      } catch let error as ApusError {
        #expect(error.fault == .input, "\(text)\(error)")
      }
    }
    // Operands whose shapes depend on each other seldom fit by chance.
    if record.operands.count == 1 && !["window_sum_gradient", "winograd_transpose"].contains(record.name) {
      #expect(accepted > 5, "\(accepted) accepted")
    }
  }

  /// Runs a graph on ones, if that is no great effort.
  private func run(_ graph: Graph) throws {
    let bound = try graph.specialized(["batch": 2])
    // Composites may compute more on the way than they give, but nothing on the way to an empty result.
    let expanded = try bound.expandingComposites()
    let types = expanded.nodes.flatMap(\.results).map(expanded.type)
    guard types.allSatisfy({ $0.shape.elementCount ?? .max < 1 << 20 }), bound.flopCount < 10_000 else { return }
    let feeds = try bound.parameters.map { id in
      try Tensor(repeating: 1, bound.type(of: id).dtype, bound.type(of: id).shape.numbers ?? [])
    }
    let outputs = try Interpreter(bound).run(feeds, variables: []).outputs
    #expect(outputs.map(\.type) == bound.outputTypes)
  }

  private static func text(_ record: OperatorRecord, _ generator: inout PhiloxGenerator) -> String {
    // Most often sizes that fit each other, sometimes any.
    let sizes = ["2", "2", "2", "2", "1", "3", "0", "batch", "4", "2147483647"]
    let likely = Int.random(in: 0...9, using: &generator) < 7 ? 5 : sizes.count
    func size(_ generator: inout PhiloxGenerator) -> String { sizes[Int.random(in: 0..<likely, using: &generator)] }
    let rank = Int.random(in: 0...5, using: &generator)
    func shape(_ generator: inout PhiloxGenerator) -> String {
      let rank = Int.random(in: 0...4, using: &generator) == 0 ? Int.random(in: 0...5, using: &generator) : rank
      return (0..<rank).map { _ in size(&generator) }.joined(separator: ", ")
    }
    let parameters = record.operands.enumerated().map { position, operand in
      let allowed = DType.allCases.filter(operand.dtypes.contains)
      let dtype = allowed.first { $0 == .f32 } ?? allowed.randomElement(using: &generator) ?? .f32
      let dims = shape(&generator)
      return "%x\(position): \(dtype)" + (dims.isEmpty || record.family == .random ? "" : "[\(dims)]")
    }
    var arguments = record.operands.indices.map { "%x\($0)" }
    for attribute in record.attributes
    where attribute.isRequired || Int.random(in: 0...2, using: &generator) == 0 {
      arguments.append("\(attribute.name): \(value(attribute, rank, &generator))")
    }
    let results = record.results.indices.map { "%y\($0)" }.joined(separator: ", ")
    return """
      graph @fuzz(\((parameters + ["%batch: f32[batch]"]).joined(separator: ", "))) {
        \(results) = \(record.name)(\(arguments.joined(separator: ", ")))
        return \(results)
      }

      """
  }

  private static func value(_ attribute: AttributeRecord, _ rank: Int, _ generator: inout PhiloxGenerator) -> String {
    func integer(_ generator: inout PhiloxGenerator) -> String {
      let wild = Int.random(in: 0...9, using: &generator) == 0
      return (wild ? ["0", "-1", "2147483647", "-2147483647", "3"] : ["1", "1", "2", "0"])
        .randomElement(using: &generator) ?? "1"
    }
    func list(_ count: Int, _ generator: inout PhiloxGenerator) -> String {
      "[\((0..<max(0, count)).map { _ in integer(&generator) }.joined(separator: ", "))]"
    }
    let count = Int.random(in: 0...4, using: &generator) == 0 ? Int.random(in: 0...3, using: &generator) : rank - 2
    switch attribute.name {
    case "padding":
      if Bool.random(using: &generator) { return Bool.random(using: &generator) ? "same" : "valid" }
      return "[\((0..<max(0, count)).map { _ in list(2, &generator) }.joined(separator: ", "))]"
    case "window", "strides", "dilation", "contracting_a", "contracting_b", "batch_a", "batch_b":
      return list(count, &generator)
    case "shape": return list(rank, &generator)
    case "dtype": return ["f32", "f64", "i32"].randomElement(using: &generator) ?? "f32"
    case "part": return ["data", "filter", "result"].randomElement(using: &generator) ?? "data"
    case "tile": return ["2", "4", "6", "6", "3", "-1"].randomElement(using: &generator) ?? "2"
    case "kind": return Bool.random(using: &generator) ? "max" : "min"
    case "low", "high", "mean", "deviation":
      return ["0", "1", "-1", "1e300", "-1e300", "0.5"].randomElement(using: &generator) ?? "0"
    default:
      return attribute.kind == Bool.attributeKind
        ? String(Bool.random(using: &generator)) : integer(&generator)
    }
  }
}
