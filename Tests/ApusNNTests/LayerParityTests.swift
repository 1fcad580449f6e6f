import Apus
import ApusGraph
import Testing

/// Layers against Keras's: outputs, and gradients by inputs and variables, in double precision. `make_layers.py` holds the
/// settings on Keras's side, `LayerParityTable` those here.
@Suite struct LayerParityTests {
  static let references: [LayerReference] = (try? resource("layers.json")) ?? []

  @Test func everyReferenceHasALayer() {
    #expect(Self.references.count > 100)
    #expect(Set(Self.references.map(\.name)) == Set(LayerParityTable.layers.keys))
  }

  @Test(arguments: references.map(\.name)) func computesWhatKerasComputes(_ name: String) throws {
    let reference = try #require(Self.references.first { $0.name == name })
    let inputs = try reference.tensors()
    let symbols = inputs.map { Input(Array($0.dimensions.dropFirst()), dtype: $0.dtype) }
    let build = try #require(LayerParityTable.layers[name])
    let model = try Model(inputs: symbols, outputs: build(symbols))
    let bound = try model.graph.bound(to: reference.moved == nil ? .inference : .training)
    let batch = inputs[0].dimensions[0]
    let graph = try withGradients(of: bound.specialized(["batch": batch]), isWanted: reference.gradients != nil)
    let variables = try reference.values(of: graph)
    let found = try Interpreter(graph).run(inputs, variables: variables)

    let count = reference.outputs.count
    for (position, expected) in reference.outputs.enumerated() {
      #expect(found.outputs[position].dimensions == reference.shapes[position])
      expectClose(found.outputs[position], expected, "\(name): output \(position)")
    }
    if let gradients = reference.inputGradients {
      for (position, expected) in gradients.enumerated() {
        expectClose(found.outputs[count + position], expected, "\(name): gradient by input \(position)")
      }
      let trained = graph.variables.filter(\.declaration.trainable)
      let byVariables = reference.gradients ?? [:]
      #expect(trained.count == byVariables.count, "\(name): trained variables")
      for (position, variable) in trained.enumerated() {
        let key = try #require(byVariables.keys.first { variable.declaration.label.hasSuffix("/" + $0) })
        expectClose(
          found.outputs[count + gradients.count + position], byVariables[key] ?? [],
          "\(name): gradient by \(key)")
      }
    }
    let moved = reference.moved ?? [:]
    let updates = found.updates.map { (label: graph.variables[$0.variable].declaration.label, value: $0.value) }
      .filter { $0.label != "step" }
    #expect(updates.count == (name.hasSuffix("frozen") ? 0 : moved.count), "\(name): updates")
    for update in updates {
      let label = update.label
      let key = try #require(moved.keys.first { label.hasSuffix("/" + $0) })
      expectClose(update.value, moved[key] ?? [], "\(name): \(key)")
    }
  }

  /// The graph's outputs, then the gradients of Σ output · cotangent by its parameters and its trained variables.
  private func withGradients(of graph: Graph, isWanted: Bool) throws -> Graph {
    let builder = GraphBuilder(extending: graph)
    let outputs = graph.outputs.map { builder.value($0) }
    guard isWanted else { return try builder.build(outputs) }
    let losses = try outputs.enumerated().map { position, y in
      let cotangent = try builder.constant(LayerReference.numbers(y.shape.numbers ?? [], salt: 70 + position))
      return try (y * cotangent).sum()
    }
    let loss = try losses.dropFirst().reduce(losses[0]) { try $0 + $1 }
    let sources = graph.parameters + graph.variables.filter(\.declaration.trainable).map(\.id)
    let found = try gradients(of: loss, withRespectTo: sources.map { builder.value($0) }, unused: .zeros)
    return try builder.build(outputs + found)
  }

  private func expectClose(_ found: Tensor, _ expected: [Double], _ what: String) {
    let values = found.doubles()
    guard values.count == expected.count else {
      Issue.record("\(what): \(values.count) elements, not \(expected.count)")
      return
    }
    let worst = zip(values, expected).map { abs($0 - $1) / max(1, abs($1)) }.max() ?? 0
    #expect(worst < 1e-5, "\(what) is off by \(worst): \(values.prefix(6)), not \(expected.prefix(6))")
  }
}

/// What `make_layers.py` writes for a layer.
struct LayerReference: Decodable, Sendable {
  let name: String
  let inputs: [[Int]]
  /// The inputs, if they do not follow the formula.
  let data: [[Double]]?
  /// Names and shapes of Keras's variables.
  let variables: [Variable]
  let outputs: [[Double]]
  let shapes: [[Int]]
  let inputGradients: [[Double]]?
  let gradients: [String: [Double]]?
  /// Moving averages after a training step.
  let moved: [String: [Double]]?

  struct Variable: Decodable, Sendable {
    let name: String
    let shape: [Int]

    init(from decoder: any Decoder) throws {
      var list = try decoder.unkeyedContainer()
      name = try list.decode(String.self)
      shape = try list.decode([Int].self)
    }
  }

  /// ((53 i + 29 salt) mod 97) / 48 − 1 for element i.
  static func numbers(_ shape: [Int], salt: Int) throws -> Tensor {
    try Tensor((0..<shape.reduce(1, *)).map { Double(($0 * 53 + salt * 29) % 97) / 48 - 1 }, shape)
  }

  func tensors() throws -> [Tensor] {
    try inputs.enumerated().map { position, shape in
      guard let data else { return try Self.numbers(shape, salt: 1 + position) }
      // Class numbers are whole.
      return name.hasPrefix("category")
        ? try Tensor(data[position].map(Int32.init), shape) : try Tensor(data[position], shape)
    }
  }

  /// The variables of a graph, each with the value that Keras's variable of that name has.
  func values(of graph: Graph) throws -> [Tensor] {
    #expect(graph.variables.count { $0.declaration.label != "step" } == variables.count, "\(name): variables")
    return try graph.variables.map { variable in
      let label = variable.declaration.label
      guard label != "step" else { return Tensor(scalar: Int64(0)) }
      let position = try #require(
        variables.firstIndex { label.hasSuffix("/" + $0.name) }, "\(name): no variable \(label)")
      #expect(variable.declaration.type.shape == Shape(variables[position].shape), "\(name): \(label)")
      let values = try Self.numbers(variables[position].shape, salt: 10 + position)
      guard label.contains("variance") else { return values }
      return try Tensor(values.doubles().map { $0 + 1.5 }, values.dimensions)
    }
  }
}
