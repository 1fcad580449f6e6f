import Apus
import TestSupport
import Testing

/// Operators that depend on the mode, and the graphs that are bound to one.
@Suite struct CompositeModeTests {
  private func dropout(_ rate: Double) throws -> Graph {
    let b = GraphBuilder()
    let x = try b.parameter("x", .f32, ["batch", 50])
    return try b.build([x.dropout(rate: rate, seed: 3)])
  }

  private func run(_ graph: Graph, _ feeds: [Tensor], _ variables: [Tensor]) throws -> RunResult {
    try graph.verify(after: "binding")
    #expect(try Graph.parse(graph.description) == [graph])
    return try Interpreter(graph).run(feeds, variables: variables)
  }

  @Test func predictingDropoutIsItsOperand() throws {
    let graph = try dropout(0.3).bound(to: .inference)
    #expect(graph.computationCount == 0 && graph.variables.isEmpty)
    #expect(graph.outputs == graph.parameters)
  }

  @Test func trainingDropsTheShareAndKeepsTheMean() throws {
    let graph = try dropout(0.25).bound(to: .training).specialized(["batch": 200])
    #expect(graph.variables.map(\.declaration.label) == ["step"])
    #expect(graph.variables.allSatisfy { !$0.declaration.trainable })
    let ones = try Tensor(repeating: 1, .f32, [200, 50])
    let first = try run(graph, [ones], [Tensor(scalar: Int64(0))])
    #expect(first.updates.map { $0.value } == [Tensor(scalar: Int64(1))])
    let values = first.outputs[0].doubles()
    #expect(Set(values) == [0, Double(Float(1 / 0.75))])
    // 10,000 draws: four standard deviations of the share are 0.017.
    #expect(abs(Double(values.count { $0 == 0 }) / 10_000 - 0.25) < 0.017)
    // The same step draws the same mask, the next another.
    #expect(try run(graph, [ones], [Tensor(scalar: Int64(0))]).outputs == first.outputs)
    #expect(try run(graph, [ones], [Tensor(scalar: Int64(1))]).outputs != first.outputs)
  }

  @Test func ratesAtTheEnds() throws {
    let none = try dropout(0).bound(to: .training).specialized(["batch": 1])
    #expect(none.outputs == none.parameters)
    let all = try dropout(1).bound(to: .training).specialized(["batch": 1])
    let ones = try Tensor(repeating: 1, .f32, [1, 50])
    let zeros = try Tensor(zeros: .f32, [1, 50])
    #expect(try run(all, [ones], [Tensor(scalar: Int64(0))]).outputs == [zeros])
    expectError("'rate' must be between 0 and 1") { try dropout(1.5) }
  }

  @Test func gradientIsTheMask() throws {
    let graph = try dropout(0.5).bound(to: .training)
    let b = GraphBuilder(extending: graph)
    let (x, y) = (b.value(graph.parameters[0]), b.value(graph.outputs[0]))
    let bound = try b.build([y] + gradients(of: y.sum(), withRespectTo: [x])).specialized(["batch": 2])
    let found = try run(bound, [Tensor(repeating: 1, .f32, [2, 50])], [Tensor(scalar: Int64(7))]).outputs
    #expect(found[0] == found[1])
  }

  @Test func unboundGraphsSayWhatToDo() throws {
    let graph = try dropout(0.5)
    expectError("bound(to: .inference)") { try Interpreter(graph.specialized(["batch": 1])) }
    expectError("bind the graph to a mode first") { try graph.differentiated() }
  }

  @Test func theGraphsOwnCounterIsUsed() throws {
    let text = """
      graph @own(%x: f32[4]) {
        %1: f32[4] = dropout(%x, rate: 0.5, seed: 1)
        %2: f32[4] = dropout(%1, rate: 0.5, seed: 2)
        %step: i64 = variable(fill(value: 5), trainable: false)
        %4: i64 = constant(10)
        %5: i64 = add(%step, %4)
        update %step = %5
        return %2
      }

      """
    let bound = try Graph.parse(text)[0].bound(to: .training)
    #expect(bound.variables.count == 1 && bound.updates.count == 1)
    #expect(bound.variables[0].declaration.initializer == .constant(5))
    let found = try run(bound, [Tensor([1, 2, 3, 4] as [Float])], [Tensor(scalar: Int64(5))])
    #expect(found.updates.map { $0.value } == [Tensor(scalar: Int64(15))])
    let taken = "graph @g(%step: f32[4]) {\n  %1: f32[4] = dropout(%step, rate: 0.5)\n  return %1\n}\n"
    expectError("training counts its steps under that name") { try Graph.parse(taken)[0].bound(to: .training) }
  }

  // MARK: Batch normalization

  private func normalized(_ b: GraphBuilder, _ x: Value, variables: Bool = true) throws -> Value {
    let one = try b.constant(1, .f64).broadcast(to: [2])
    let zero = try b.constant(0, .f64).broadcast(to: [2])
    let mean = variables ? try b.variable("mean", .f64, [2], .zeros, trainable: false) : zero
    let variance = variables ? try b.variable("variance", .f64, [2], .ones, trainable: false) : one
    return try x.batchNorm(scale: one, offset: zero, movingMean: mean, movingVariance: variance, momentum: 0.9)
  }

  @Test func trainingMovesTheAverages() throws {
    let b = GraphBuilder()
    let x = try b.parameter("x", .f64, ["batch", 2])
    let graph = try b.build([normalized(b, x)])
    let state = [Tensor([1.0, 1.0]), Tensor([2.0, 2.0])]
    let batch = try Tensor([1.0, 10, 3, 20, 5, 30], [3, 2])

    let training = try graph.bound(to: .training)
    #expect(training.variables.count == 2, "nothing counts steps here")
    let found = try run(training.specialized(["batch": 3]), [batch], state)
    let moved = found.updates.map { $0.value.doubles() }
    let variance = [8.0 / 3, 200.0 / 3]
    for i in 0..<2 {
      #expect(abs(moved[0][i] - (0.9 + 0.1 * [3, 20][i])) < 1e-12)
      #expect(abs(moved[1][i] - (1.8 + 0.1 * variance[i])) < 1e-12)
    }
    for (i, y) in found.outputs[0].doubles().enumerated() {
      let expected = (batch.doubles()[i] - [3, 20][i % 2]) / (variance[i % 2] + 1e-3).squareRoot()
      #expect(abs(y - expected) < 1e-12)
    }

    let inference = try graph.bound(to: .inference)
    #expect(inference.updates.isEmpty)
    let predicted = try run(inference.specialized(["batch": 3]), [batch], state).outputs[0].doubles()
    for (i, y) in predicted.enumerated() {
      #expect(abs(y - (batch.doubles()[i] - 1) / 2.001.squareRoot()) < 1e-12)
    }
  }

  @Test func averagesMustBeVariablesUpdatedOnce() throws {
    let b = GraphBuilder()
    let x = try b.parameter("x", .f64, [3, 2])
    expectError("is not a variable, so training cannot update it") {
      try b.build([normalized(b, x, variables: false)]).bound(to: .training)
    }
    let c = GraphBuilder()
    let y = try normalized(c, c.parameter("x", .f64, [3, 2]))
    let mean = c.value(c.graph.variables[0].id)
    try c.update(mean, to: mean)
    expectError("%mean is updated by batch_norm and by the graph itself") { try c.build([y]).bound(to: .training) }
  }

  // MARK: Regions

  @Test func dropoutInsideAScan() throws {
    let b = GraphBuilder()
    let x = try b.parameter("x", .f32, [3, 8])
    let w = try b.parameter("w", .f32, [8])
    let found = try b.scan(sequences: [x], invariants: [w]) { _, x, w in
      ([], [try (x[0] * w[0]).dropout(rate: 0.5, seed: 1)])
    }
    let graph = try b.build(found.outputs)
    let feeds = [try Tensor(repeating: 1, .f32, [3, 8]), try Tensor(repeating: 1, .f32, [8])]
    #expect(try run(graph.bound(to: .inference), feeds, []).outputs == [feeds[0]])
    let result = try run(graph.bound(to: .training), feeds, [Tensor(scalar: Int64(4))])
    let rows = result.outputs[0].doubles()
    #expect(Set(rows) == [0, 2])
    #expect(Array(rows[0..<8]) == Array(rows[8..<16]), "one mask for all steps of a scan")
    #expect(result.updates.count == 1)
  }

  /// Every operator with regions takes the step as a last argument; the regions' own parameters keep their places.
  @Test func dropoutInsideOtherRegions() throws {
    func drop(_ x: Value) throws -> Value { try x.dropout(rate: 0.5, seed: 1) }
    let bodies: [(String, (GraphBuilder, Value) throws -> Value)] = [
      ("fusion", { b, x in try b.fusion([x]) { [try drop($0[0])] }[0] }),
      (
        "if",
        { b, x in
          try b.branch(b.constant(Tensor(scalar: true)), [x]) {
            [try drop($0[0])]
          } otherwise: {
            $0
          }[0]
        }
      ),
      (
        "while",
        { b, x in
          try b.loop([x, b.constant(Tensor(scalar: true))], tripCount: 2) { c, _ in
            c[1]
          } body: { c, _ in
            [try drop(c[0]), try c[1].not()]
          }[0]
        }
      ),
    ]
    for (name, body) in bodies {
      let b = GraphBuilder()
      let x = try b.parameter("x", .f32, [64])
      let graph = try b.build([body(b, x)])
      let ones = try Tensor(repeating: 1, .f32, [64])
      #expect(try run(graph.bound(to: .inference), [ones], []).outputs == [ones], "\(name)")
      let training = try graph.bound(to: .training)
      let first = try run(training, [ones], [Tensor(scalar: Int64(0))]).outputs
      #expect(Set(first[0].doubles()) == [0, 2], "\(name)")
      #expect(try run(training, [ones], [Tensor(scalar: Int64(1))]).outputs != first, "\(name)")
      let gradient = try training.differentiated(withRespectTo: ["x"])
      let found = try run(gradient, [ones, ones], [Tensor(scalar: Int64(0))]).outputs
      #expect(found[1] == found[0], "\(name)")
    }
  }
}
