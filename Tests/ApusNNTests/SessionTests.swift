import Apus
import TestSupport
import Testing

@Suite struct SessionTests {
  /// y = x · w + offset, and a counter.
  private static func graph() throws -> Graph {
    let builder = GraphBuilder("affine")
    let x = try builder.parameter("x", .f32, ["batch", 2])
    let offset = try builder.parameter("offset", .f32, [])
    let w = try builder.variable("w", .f32, [2, 3], .ones)
    let count = try builder.variable("count", .i64, [], .zeros, trainable: false)
    try builder.update(count, to: count + builder.constant(1, .i64))
    let product = try x.matmul(w)
    builder.name(product, "product")
    return try builder.build([product + offset])
  }

  private static let offset = Tensor(scalar: Float(10))
  private static func x(_ rows: Int) throws -> Tensor {
    try Tensor((0..<rows * 2).map { Float($0) }, [rows, 2])
  }

  @Test func runsAnyBatch() throws {
    let session = Session()
    let program = try session.load(Self.graph())
    for rows in [2, 1, 3, 2, 0] {
      let y = try program.run([Self.x(rows), Self.offset])
      #expect(y.count == 1)
      #expect(y[0].dimensions == [rows, 3])
      let expected: [Double] = (0..<rows * 3).map { i in Double(4 * (i / 3) + 11) }
      #expect(y[0].doubles() == expected)
    }
    #expect(session.value(of: "count")?.elements(as: Int64.self) == [5])
  }

  @Test func fetchesByName() throws {
    let session = Session()
    let feeds = ["offset": Self.offset, "x": try Self.x(1)]
    #expect(try session.run(Self.graph(), feeds: feeds)[0].doubles() == [11, 11, 11])
    let fetched = try session.run(Self.graph(), fetching: ["%product", "w", "count"], feeds: feeds)
    #expect(fetched.map { $0.doubles() } == [[1, 1, 1], [1, 1, 1, 1, 1, 1], [1]])
    // Updates were applied both times.
    #expect(session.value(of: "count")?.elements(as: Int64.self) == [2])
    expectError("no value '%prodct'\n  help: did you mean 'product'?") {
      try session.run(Self.graph(), fetching: ["prodct"], feeds: feeds)
    }
  }

  @Test func feedsAreChecked() throws {
    let session = Session()
    let graph = try Self.graph()
    func fails(_ message: String, _ feeds: [String: Tensor]) {
      expectError(message) { try session.run(graph, feeds: feeds) }
    }
    let x = try Self.x(2)
    fails("input 'offset' of graph @affine is not fed", ["x": x])
    fails("has no input 'ofset'\n  help: did you mean 'offset'?", ["x": x, "ofset": Self.offset])
    fails(
      "input %x of graph @affine has shape [2], but [batch, 2] is declared",
      ["x": Tensor([1, 2] as [Float]), "offset": Self.offset])
    fails(
      "input %x of graph @affine has shape [1, 3], but [batch, 2]",
      ["x": try Tensor(zeros: .f32, [1, 3]), "offset": Self.offset])
    fails(
      "%x of graph @affine is a f32[1, 2], but was given a f64[1, 2]",
      ["x": try Tensor(zeros: .f64, [1, 2]), "offset": Self.offset])
    expectError("takes 2 inputs, not 1") { try session.load(graph).run([x]) }
    #expect(session.value(of: "count")?.doubles() == [0], "a run that fails updates nothing")
  }

  @Test func variablesAreShared() throws {
    let session = Session()
    let builder = GraphBuilder("other")
    let w = try builder.variable("w", .f32, [2, 3], .zeros)
    try builder.update(w, to: w * 2)
    let other = try builder.build([w])
    let first = try session.load(Self.graph())
    #expect(try session.run(other)[0].doubles() == [1, 1, 1, 1, 1, 1], "the first to load gave the value")
    #expect(try first.run([Self.x(1), Self.offset])[0].doubles() == [12, 12, 12])

    let clash = GraphBuilder("clash")
    _ = try clash.variable("w", .f64, [2, 3], .zeros)
    expectError("variable 'w' is a f64[2, 3] in graph @clash, but a f32[2, 3] in this session") {
      try session.load(clash.build([]))
    }
  }

  @Test func valuesAreChecked() throws {
    let session = Session()
    _ = try session.load(Self.graph())
    try session.setValue(Tensor(scalar: Int64(7)), of: "count")
    #expect(session.values.map(\.name) == ["count", "w"])
    #expect(session.value(of: "count") == Tensor(scalar: Int64(7)))
    #expect(session.value(of: "nothing") == nil)
    expectError("no variable 'cuont'\n  help: did you mean 'count'?") {
      try session.setValue(Tensor(scalar: Int64(7)), of: "cuont")
    }
    expectError("variable 'count' is a i64 and cannot become a f32") {
      try session.setValue(Tensor(scalar: Float(7)), of: "count")
    }
  }

  @Test func passesChangeNothing() throws {
    let data = try SyntheticImages(count: 40)
    func trained(_ passes: Compilation.Passes) throws -> Trainer {
      let trainer = try smallModel(dropout: 0.3).compile(
        optimizer: .adam(learningRate: 0.01), loss: .sparseCategoricalCrossEntropy, metrics: [.accuracy], seed: 3,
        passes: passes)
      _ = try trainer.fit(data.images, data.labels, batchSize: 12, epochs: 2, verbose: .silent)
      return trainer
    }
    let plain = try trained(.level(.none))
    for passes: Compilation.Passes in [.level(.standard), .level(.aggressive), .custom(try .named("training"))] {
      let optimized = try trained(passes)
      for (name, value) in plain.session.values {
        for (x, y) in zip(value.doubles(), try #require(optimized.session.value(of: name)).doubles()) {
          #expect(abs(x - y) < 1e-5, "\(name) after \(passes)")
        }
      }
    }
  }

  @Test func deadVariablesDoNotShiftOthers() throws {
    // No pass drops the first variable, though nothing reads it: callers find variables by position.
    let builder = GraphBuilder("dead")
    _ = try builder.variable("unused", .f32, [2], .zeros)
    let used = try builder.variable("used", .f32, [2], .ones)
    try builder.update(used, to: used * 3)
    let session = Session(passes: .custom(try Pipeline(parsing: "dce")))
    let program = try session.load(builder.build([used + 1]))
    #expect(try program.run([])[0].doubles() == [2, 2])
    #expect(try program.run([])[0].doubles() == [4, 4])
    #expect(session.value(of: "unused")?.doubles() == [0, 0])
  }

  @Test func tasksTakeTurns() async throws {
    let session = Session()
    let program = try session.load(Self.graph())
    let x = try Self.x(1)
    await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<64 { group.addTask { _ = try program.run([x, Self.offset]) } }
    }
    #expect(session.value(of: "count")?.elements(as: Int64.self) == [64], "no update is lost")
  }
}
