import Apus
import TestSupport
import Testing

/// What the interpreter promises beyond the numbers of its kernels.
@Suite struct InterpreterTests {
  private static let size = 1000
  private static let bytes = size * 4

  /// Live bytes after each node of a graph with one parameter.
  private func liveBytes(_ body: (Value) throws -> Value) throws -> [Int] {
    let builder = GraphBuilder()
    let x = try builder.parameter("x", .f32, [.number(InterpreterTests.size)])
    let graph = try builder.build([body(x)])
    var live: [Int] = []
    _ = try Interpreter(graph).run([Tensor(zeros: .f32, [InterpreterTests.size])], variables: []) { live.append($0) }
    return live
  }

  // MARK: Memory

  @Test func chainsHoldOneValue() throws {
    let live = try liveBytes { x in try (0..<50).reduce(x) { value, _ in try value.tanh() } }
    #expect(live == [Int](repeating: InterpreterTests.bytes, count: 50))
  }

  @Test func aValueLivesUntilItsLastReader() throws {
    let live = try liveBytes { x in try (0..<50).reduce(x) { value, _ in try value.tanh() } + x }
    #expect(live.max() == 2 * InterpreterTests.bytes)
    #expect(live.last == InterpreterTests.bytes)
  }

  /// A reader of the same value twice frees it once.
  @Test func squaresHoldOneValue() throws {
    let live = try liveBytes { x in try (0..<10).reduce(x) { value, _ in try value * value } }
    #expect(live.max() == InterpreterTests.bytes)
  }

  /// Constants belong to the program, not to the run.
  @Test func constantsAreNotCounted() throws {
    let live = try liveBytes { x in try (x + 1).tanh() * 3 }
    #expect(live.max() == InterpreterTests.bytes)
  }

  /// Two results, one of them without a reader: dropped as soon as it is there.
  @Test func unusedResultsAreDropped() throws {
    let live = try liveBytes { x in try x.topK(InterpreterTests.size).values.tanh() }
    #expect(live == [InterpreterTests.bytes, InterpreterTests.bytes])
  }

  /// What judges passes shares no rewrite with them: equal nodes are computed apart, in the definitions of composites and
  /// in regions too.
  @Test func whatIsWrittenIsRun() throws {
    let text = """
      graph @twice(%x: f32[2, 3]) {
        %1 = exp(%x)
        %2 = exp(%x)
        %3 = softmax(%x)
        %4 = softmax(%x)
        return %1, %2, %3, %4
      }
      """
    let graph = try #require(try Graph.parse(text).first)
    var nodes = 0
    _ = try Interpreter(graph).run([Tensor(zeros: .f32, [2, 3])], variables: []) { _ in nodes += 1 }
    // reduce_max, subtract, exp, reduce_sum and divide for each softmax.
    #expect(nodes == 2 + 2 * 5)
    let expanded = try graph.expandingComposites(sharingEqualNodes: false)
    #expect(expanded.nodes.count == 1 + nodes)
    #expect(try graph.expandingComposites().nodes.count == 1 + nodes / 2)
  }

  @Test func scansOfTheSameCarriesAreRunApart() throws {
    let scan = """
      scan(%c, %x, carries: 1, sequences: 1) { (%s: f32, %e: f32) in
          %1 = add(%s, %e)
          return %1, %1
        }
      """
    let text = "graph @g(%c: f32, %x: f32[4]) {\n  %a, %b = \(scan)\n  %d, %e = \(scan)\n  return %b, %e\n}"
    var scans = 0
    let graph = try #require(try Graph.parse(text).first)
    let feeds = [Tensor(scalar: Float(1)), Tensor([1, 2, 3, 4] as [Float])]
    let result = try Interpreter(graph).run(feeds, variables: []) { _ in scans += 1 }
    #expect(scans == 2)
    #expect(result.outputs.map { $0.doubles() } == [[2, 4, 7, 11], [2, 4, 7, 11]])
  }

  /// What no output needs is not computed, even where it could not be.
  @Test func deadNodesAreNotRun() throws {
    let builder = GraphBuilder()
    let x = try builder.parameter("x", .f32, [2])
    let index = try builder.constant(Tensor([7] as [Int64]))
    _ = try x.gather(index)
    var nodes = 0
    let program = try Interpreter(builder.build([x.exp()]))
    let result = try program.run([Tensor([0, 0] as [Float])], variables: []) { _ in nodes += 1 }
    #expect(nodes == 1)
    #expect(result.outputs == [Tensor([1, 1] as [Float])])
  }

  /// Kernels write into operands that nothing needs: never into the caller's tensors.
  @Test func feedsAndVariablesStay() throws {
    let builder = GraphBuilder()
    let x = try builder.parameter("x", .f32, [3])
    let w = try builder.variable("w", .f32, [3], .zeros)
    let program = try Interpreter(builder.build([x.exp(), -w]))
    let (feed, weight) = (Tensor([1, 2, 3] as [Float]), Tensor([4, 5, 6] as [Float]))
    for _ in 0..<2 {
      let outputs = try program.run([feed], variables: [weight]).outputs
      #expect(outputs[1] == Tensor([-4, -5, -6] as [Float]))
    }
    #expect(feed == Tensor([1, 2, 3] as [Float]))
    #expect(weight == Tensor([4, 5, 6] as [Float]))
  }

  // MARK: Results

  @Test func outputsMayRepeatParametersAndConstants() throws {
    let builder = GraphBuilder()
    let x = try builder.parameter("x", .f32, [2])
    let c = try builder.constant(Tensor([7, 8] as [Int32]))
    let program = try Interpreter(builder.build([x, c, x, x.exp()]))
    let feed = Tensor([0, 0] as [Float])
    let outputs = try program.run([feed], variables: []).outputs
    #expect(outputs == [feed, Tensor([7, 8] as [Int32]), feed, Tensor([1, 1] as [Float])])
  }

  /// Updates are returned with their variables' places; all are computed from the old state.
  @Test func updatesAreReturned() throws {
    let builder = GraphBuilder()
    let a = try builder.variable("a", .f32, [], .zeros)
    let b = try builder.variable("b", .f32, [], .zeros)
    let c = try builder.variable("c", .f32, [], .zeros)
    try builder.update(c, to: a + 10)
    try builder.update(a, to: b)
    let program = try Interpreter(builder.build([b * 2]))
    let state: [Tensor] = [1, 2, 3].map { Tensor(scalar: Float($0)) }
    let result = try program.run([], variables: state)
    #expect(result.outputs == [Tensor(scalar: Float(4))])
    #expect(result.updates.map(\.0) == [2, 0])
    #expect(result.updates.map(\.1) == [Tensor(scalar: Float(11)), Tensor(scalar: Float(2))])
  }

  @Test func emptyGraphs() throws {
    let result = try Interpreter(GraphBuilder().build([])).run([], variables: [])
    #expect(result.outputs.isEmpty && result.updates.isEmpty)
  }

  // MARK: Refusals

  @Test func feedsMustFit() throws {
    let builder = GraphBuilder("net")
    let x = try builder.parameter("x", .f32, [2])
    let y = try builder.parameter("y", .i64, [])
    let w = try builder.variable("w", .f32, [2], .zeros)
    let program = try Interpreter(builder.build([x + w, y]))
    let (fx, fy, fw) = (Tensor([1, 2] as [Float]), Tensor(scalar: Int64(1)), Tensor([3, 4] as [Float]))
    expectError("graph @net takes 2") { try program.run([fx], variables: [fw]) }
    expectError("graph @net") { try program.run([fx, fy], variables: []) }
    expectError("%x") { try program.run([Tensor([1, 2, 3] as [Float]), fy], variables: [fw]) }
    expectError("f32[3]") { try program.run([Tensor([1, 2, 3] as [Float]), fy], variables: [fw]) }
    expectError("%y") { try program.run([fx, Tensor(scalar: Int32(1))], variables: [fw]) }
    expectError("%w") { try program.run([fx, fy], variables: [Tensor([1, 2] as [Double])]) }
    #expect(try program.run([fx, fy], variables: [fw]).outputs == [Tensor([4, 6] as [Float]), fy])
  }

  @Test func symbolsMustBeBound() throws {
    let builder = GraphBuilder("net")
    let x = try builder.parameter("x", .f32, ["batch", 2])
    let graph = try builder.build([x.exp()])
    expectError("graph @net has the symbolic dimension 'batch'") { try Interpreter(graph) }
    expectError("specialized([\"batch\": 32])") { try Interpreter(graph) }
    let result = try Interpreter(graph.specialized(["batch": 1])).run([Tensor(zeros: .f32, [1, 2])], variables: [])
    #expect(result.outputs == [try Tensor([1, 1] as [Float], [1, 2])])
  }

  @Test func modesMustBeBound() throws {
    let builder = GraphBuilder()
    let x = try builder.parameter("x", .f32, [4])
    let graph = try builder.build([x.dropout(rate: 0.5, seed: 1)])
    expectError("dropout does different things while training and predicting") { try Interpreter(graph) }
    expectError("bind the graph first: bound(to: .inference)") { try Interpreter(graph) }
    let feed = Tensor([1, 2, 3, 4] as [Float])
    #expect(try Interpreter(graph.bound(to: .inference)).run([feed], variables: []).outputs == [feed])
  }

  /// An error of a kernel names the node.
  @Test func errorsNameTheNode() throws {
    let graph = try Graph.parse(
      """
      graph @g(%x: f32[3], %i: i64[1]) {
        %picked = gather(%x, %i, axis: 0)
        return %picked
      }

      """)[0]
    let feeds = [Tensor([1, 2, 3] as [Float]), Tensor([5] as [Int64])]
    expectError("%picked = gather: index 5") { try Interpreter(graph).run(feeds, variables: []) }
  }
}
