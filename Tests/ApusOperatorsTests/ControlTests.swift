import Apus
import ApusOperators
import TestSupport
import Testing

/// Control flow: values, gradients of first and second order, and the corners: no steps, no carries, no sequences.
@Suite struct ControlTests {
  private func run(_ outputs: [Value], _ feeds: [Tensor]) throws -> [[Double]] {
    let graph = try outputs[0].builder.build(outputs)
    try graph.verify(after: "building")
    #expect(try Graph.parse(graph.description) == [graph])
    return try Interpreter(graph).run(feeds, variables: []).outputs.map { $0.doubles() }
  }

  private let wave = Tensor([0.3, -0.8, 1.2, 0.5])

  // MARK: fusion

  @Test func fusionIsItsRegion() throws {
    let b = GraphBuilder()
    let x = try b.parameter("x", .f64, [2])
    let y = try b.fusion([x]) { [try $0[0].exp(), try $0[0] + 1] }
    #expect(try run(y, [Tensor([0.0, 0.0])]) == [[1, 1], [1, 1]])
    try expectGradients([wave, wave]) { b, p in
      try b.fusion(p) { [try ($0[0] * $0[1]).tanh() + $0[0].exp()] }[0]
    }
  }

  // MARK: if

  @Test(arguments: [true, false]) func branches(_ condition: Bool) throws {
    let b = GraphBuilder()
    let c = try b.parameter("c", .bool, [])
    let x = try b.parameter("x", .f64, [2])
    let y = try b.branch(c, [x]) {
      [try $0[0] * 2]
    } otherwise: {
      [try -$0[0]]
    }
    let gradient = try gradients(of: y[0].sum(), withRespectTo: [x])
    let feeds = [Tensor(scalar: condition), Tensor([1.0, 2.0])]
    #expect(try run(y + gradient, feeds) == (condition ? [[2, 4], [2, 2]] : [[-1, -2], [-1, -1]]))
  }

  /// The branch that is not taken may not run: here it would read out of range.
  @Test func theOtherBranchIsNotRun() throws {
    let b = GraphBuilder()
    let i = try b.parameter("i", .i64, [])
    let x = try b.parameter("x", .f64, [2])
    let y = try b.branch(i.less(2), [x, i]) {
      [try $0[0].gather($0[1])]
    } otherwise: {
      [try $0[0].sum()]
    }
    #expect(try run(y, [Tensor(scalar: Int64(1)), Tensor([1.0, 5.0])]) == [[5]])
    #expect(try run(y, [Tensor(scalar: Int64(9)), Tensor([1.0, 5.0])]) == [[6]])
  }

  @Test func gradientsThroughIf() throws {
    for sign in [1.0, -1.0] {
      try expectGradients([wave, wave]) { b, p in
        // Only one branch reads the second argument.
        try b.branch(b.constant(sign, .f64).greater(0), p) {
          [try ($0[0] * $0[1]).sin(), try $0[0].sum()]
        } otherwise: {
          [try $0[0] * $0[0] * $0[0], try $0[0].exp().sum()]
        }.reduce(b.constant(0, .f64)) { try $0 + $1 }
      }
    }
  }

  // MARK: while

  private func power(_ b: GraphBuilder, _ x: Value, rounds: Int, tripCount: Int?) throws -> Value {
    let count = try b.constant(Tensor(scalar: Int64(0)))
    let limit = try b.constant(Tensor(scalar: Int64(rounds)))
    let one = try b.constant(1, .f64).broadcast(to: x.shape)
    return try b.loop([count, one], invariants: [x, limit], tripCount: tripCount) { carries, invariants in
      try carries[0].less(invariants[1])
    } body: { carries, invariants in
      [try carries[0] + carries[0].builder.constant(Tensor(scalar: Int64(1))), try carries[1] * invariants[0]]
    }[1]
  }

  @Test(arguments: [0, 1, 3]) func whileCountsRounds(_ rounds: Int) throws {
    let b = GraphBuilder()
    let x = try b.parameter("x", .f64, [])
    let y = try power(b, x, rounds: rounds, tripCount: nil)
    #expect(try run([y], [Tensor(scalar: 2.0)]) == [[[1, 2, 4, 8][rounds]]])
  }

  @Test func tripCountBoundsTheRounds() throws {
    let b = GraphBuilder()
    let x = try b.parameter("x", .f64, [])
    let y = try [0, 2, 5].map { try power(b, x, rounds: 1_000_000_000, tripCount: $0) }
    #expect(try run(y, [Tensor(scalar: 2.0)]) == [[1], [4], [32]])
  }

  @Test(arguments: [(0, 4), (1, 4), (3, 4), (4, 4), (9, 4), (2, 0)])
  func gradientsThroughWhile(_ rounds: Int, _ tripCount: Int) throws {
    try expectGradients([wave]) { b, p in try power(b, p[0], rounds: rounds, tripCount: tripCount).sin() }
  }

  @Test func whileWithoutTripCountHasNoGradient() throws {
    let b = GraphBuilder()
    let x = try b.parameter("x", .f64, [])
    b.origin = Origin(name: "power")
    let y = try power(b, x, rounds: 3, tripCount: nil)
    expectError("trip_count") { _ = try gradients(of: y, withRespectTo: [x]) }
    expectError("(in 'power')") { _ = try gradients(of: y, withRespectTo: [x]) }
  }

  // MARK: scan

  /// h ← tanh(w h + x), as recurrent networks do it.
  private func recurrence(
    _ h: Value, _ x: Value, _ w: Value, reverse: Bool = false
  ) throws -> (last: Value, all: Value) {
    let found = try h.builder.scan([h], sequences: [x], invariants: [w], reverse: reverse) { h, x, w in
      let next = try (h[0].expandedDims(at: 0).matmul(w[0]).squeezed(axis: 0) + x[0]).tanh()
      return ([next], [next])
    }
    return (found.carries[0], found.outputs[0])
  }

  private let steps = try? Tensor([0.1, 0.2, -0.3, 0.4, 0.5, -0.6], [3, 2])
  private let weights = try? Tensor([0.5, -0.25, 0.75, 0.1], [2, 2])

  @Test(arguments: [false, true]) func scanEqualsItsUnrolling(_ reverse: Bool) throws {
    let (x, w, h) = (try #require(steps), try #require(weights), Tensor([0.2, -0.1]))
    let b = GraphBuilder()
    let p = try [("h", h), ("x", x), ("w", w)].map { try b.parameter($0.0, .f64, $0.1.shape) }
    let found = try recurrence(p[0], p[1], p[2], reverse: reverse)
    var state = p[0]
    var states = [Value?](repeating: nil, count: 3)
    for t in reverse ? [2, 1, 0] : [0, 1, 2] {
      let element = try p[1].sliced(axis: 0, from: t, to: t + 1).squeezed(axis: 0)
      state = try (state.expandedDims(at: 0).matmul(p[2]).squeezed(axis: 0) + element).tanh()
      states[t] = try state.expandedDims(at: 0)
    }
    let all = try concatenate(states.compactMap { $0 }, axis: 0)
    let (scanLoss, loss) = (try (found.last.sum() + found.all.square().sum()), try state.sum() + all.square().sum())
    let results = try run(
      [found.last, found.all] + gradients(of: scanLoss, withRespectTo: p)
        + [state, all] + gradients(of: loss, withRespectTo: p), [h, x, w])
    for (a, b) in zip(results.prefix(5), results.suffix(5)) {
      #expect(a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) < 1e-14 }, "\(a) \(b)")
    }
  }

  @Test(arguments: [false, true]) func gradientsThroughScan(_ reverse: Bool) throws {
    let (x, w) = (try #require(steps), try #require(weights))
    try expectGradients([Tensor([0.2, -0.1]), x, w]) { _, p in
      let found = try recurrence(p[0], p[1], p[2], reverse: reverse)
      return try found.last.sum() + found.all.square().sum()
    }
  }

  @Test func gradientsThroughNestedScans() throws {
    let (x, w) = (try #require(steps), try #require(weights))
    try expectGradients([Tensor([0.2, -0.1]), x, w]) { b, p in
      let found = try b.scan([p[0]], invariants: [p[1], p[2]], length: 2) { h, _, invariants in
        let inner = try recurrence(h[0], invariants[0], invariants[1])
        return ([inner.last], [try inner.all.sum()])
      }
      return try found.carries[0].sum() * found.outputs[0].sum()
    }
  }

  /// Carries that reach the loss through another carry only, one that does not reach it, and counters beside them.
  @Test func carriesThatFeedEachOther() throws {
    try expectGradients([Tensor(scalar: 0.4), Tensor(scalar: 0.7), Tensor(scalar: -0.2), wave]) { b, p in
      let count = try b.constant(Tensor(scalar: Int64(0)))
      let found = try b.scan([p[0], p[1], p[2], count], sequences: [p[3]]) { c, x, _ in
        let step = try c[3] + c[3].builder.constant(Tensor(scalar: Int64(1)))
        return ([try c[0] + c[1] * x[0], try c[1] * c[0].cos(), try c[2] * x[0], step], [])
      }
      return found.carries[0]
    }
  }

  /// A body with composites, masks and a value that depends on invariants alone.
  @Test func compositesAndInvariantsInTheBody() throws {
    let w = try #require(weights)
    try expectGradients([wave, w]) { b, p in
      let found = try b.scan([p[0].sum()], sequences: [p[0]], invariants: [p[1]]) { c, x, w in
        let scale = try w[0].exp().dotGeneral(w[0], contractingA: [1], contractingB: [0]).sum()
        let next = try c[0].greater(0.9).select(c[0] * x[0] * scale, c[0].sin() + x[0] * scale)
        return ([next], [next])
      }
      return try found.outputs[0].sum()
    }
  }

  @Test func noSequencesNoCarriesNoSteps() throws {
    // No sequences: x ← x² + x, three times.
    try expectGradients([Tensor(scalar: 0.3)]) { b, p in
      try b.scan([p[0]], length: 3) { c, _, _ in ([try c[0] * c[0] + c[0]], []) }.carries[0]
    }
    // No carries: a map.
    try expectGradients([wave, Tensor(scalar: 1.5)]) { b, p in
      try b.scan(sequences: [p[0]], invariants: [p[1]]) { _, x, w in ([], [try (x[0] * w[0]).sin()]) }.outputs[0]
    }
    // No steps: the carry comes through, nothing is stacked, nothing reaches the invariant.
    let b = GraphBuilder()
    let p = [try b.parameter("c", .f64, [2]), try b.parameter("x", .f64, [0, 2]), try b.parameter("w", .f64, [2])]
    let found = try b.scan([p[0]], sequences: [p[1]], invariants: [p[2]]) { c, x, w in
      let next = try c[0] * w[0] + x[0]
      return ([next], [next])
    }
    let loss = try found.carries[0].square().sum() + found.outputs[0].sum()
    let results = try run(
      found.carries + found.outputs + gradients(of: loss, withRespectTo: p),
      [Tensor([1.0, 2.0]), Tensor(zeros: .f64, [0, 2]), Tensor([3.0, 4.0])])
    #expect(results == [[1, 2], [], [2, 4], [], [0, 0]])
  }

  @Test func symbolicLength() throws {
    let b = GraphBuilder()
    let x = try b.parameter("x", .f64, ["time", "batch"])
    let c = try b.parameter("c", .f64, ["batch"])
    let found = try b.scan([c], sequences: [x]) { c, x, _ in
      let next = try (c[0] * x[0]).sin()
      return ([next], [try next.square()])
    }
    let loss = try found.carries[0].sum() + found.outputs[0].sum()
    let graph = try b.build([loss] + gradients(of: loss, withRespectTo: [x, c]))
    #expect(graph.violations().isEmpty)
    for (time, batch) in [(3, 2), (0, 2), (2, 0)] {
      let bound = try graph.specialized(["time": time, "batch": batch])
      #expect(bound.violations().isEmpty)
      let feeds = [try Tensor(repeating: 0.5, .f64, [time, batch]), try Tensor(repeating: 2, .f64, [batch])]
      let result = try Interpreter(bound).run(feeds, variables: []).outputs
      #expect(result[1].dimensions == [time, batch] && result[2].dimensions == [batch])
    }
  }

  // MARK: What the gradient of a scan keeps

  private func scans(_ graph: Graph) -> [Node] { graph.nodes.filter { $0.op is Scan } }

  /// One forward scan and one backward scan are left, and only the states are stacked.
  @Test func theExtendedScanReplacesTheOriginal() throws {
    let (x, w, h) = (try #require(steps), try #require(weights), Tensor([0.2, -0.1]))
    let b = GraphBuilder()
    let p = try [("h", h), ("x", x), ("w", w)].map { try b.parameter($0.0, .f64, $0.1.shape) }
    let found = try recurrence(p[0], p[1], p[2])
    let loss = try found.last.sum()
    let graph = try b.build([loss, found.all] + gradients(of: loss, withRespectTo: p))
    #expect(scans(graph).count == 3)
    let merged = try Pipeline([ExpandComposites(), MergeScans()]).run(graph).graph
    let live = merged.liveNodes()
    let left = scans(merged).filter { live[$0.id.index] }
    #expect(left.count == 2)
    // The state before each step is the only residual: tanh's gradient reads the state after it, which the scan gives
    // already, and the weights are invariant.
    #expect(left[0].results.count == 3)
    let backward = try #require(left[1].op as? Scan)
    #expect(backward.reverse && backward.carries == 2)
    let before = try Interpreter(b.build([loss, found.all])).run([h, x, w], variables: []).outputs
    let after = try Interpreter(merged).run([h, x, w], variables: []).outputs
    #expect(Array(after.prefix(2)) == before)
  }

  /// What the scan gives already is not stacked again, and what depends on invariants alone is computed once, outside.
  @Test func outputsAndInvariantsAreNotStacked() throws {
    let b = GraphBuilder()
    let x = try b.parameter("x", .f64, [4])
    let w = try b.parameter("w", .f64, [3, 3])
    let found = try b.scan(sequences: [x], invariants: [w]) { _, x, w in
      let y = try (x[0] * w[0].exp().sum()).tanh()
      return ([], [y])
    }
    let graph = try b.build(gradients(of: found.outputs[0].sum(), withRespectTo: [x, w]))
    #expect(scans(graph).count == 2, "the backward scan reads the outputs of the forward one")
    let backward = try #require(scans(graph).last)
    let sequences = backward.operands[1...3].map { graph.type(of: $0) }
    #expect(sequences == [TensorType](repeating: TensorType(.f64, [4]), count: 3))
    #expect(graph.nodes.contains { $0.op is Exp }, "the exponential of the weights stands outside")
    try expectGradients([wave, Tensor(repeating: 0.1, .f64, [3, 3])]) { b, p in
      try b.scan(sequences: [p[0]], invariants: [p[1]]) { _, x, w in
        ([], [try (x[0] * w[0].exp().sum()).tanh()])
      }.outputs[0]
    }
  }

  /// The gradient of a doubling needs no state: the `if` in the backward scan takes the cotangent alone.
  @Test func argumentsThatGradientsDoNotReadAreNotKept() throws {
    let b = GraphBuilder()
    let x = try b.parameter("x", .f64, [5])
    let y = try b.loop([x], tripCount: 4) { c, _ in
      try c[0].sum().less(100)
    } body: { c, _ in
      [try c[0] + c[0]]
    }[0]
    let graph = try b.build(gradients(of: y.sum(), withRespectTo: [x]))
    let extended = try #require(scans(graph).first)
    #expect(extended.results.dropFirst(2).map { graph.type(of: $0) } == [TensorType(.bool, [4])])
    #expect(try run(graph.outputs.map(b.value), [Tensor([10.0, 1, 1, 1, 1])]) == [[8, 8, 8, 8, 8]])
  }

  @Test func scansThatCarryOtherValuesStayApart() throws {
    let b = GraphBuilder()
    let c = try b.parameter("c", .f64, [])
    let x = try b.parameter("x", .f64, [3])
    func scan(_ body: (Value, Value) throws -> (Value, Value)) throws -> [Value] {
      let found = try b.scan([c], sequences: [x]) { c, x, _ in
        let next = try body(c[0], x[0])
        return ([next.0], [next.1])
      }
      return found.carries + found.outputs
    }
    let outputs =
      try scan { (try $0 + $1, try $0 * $1) } + scan { (try $0 + $1, try $0 - $1) }
      + scan { (try $0 - $1, try $0 * $1) }
    let merged = try Pipeline([MergeScans()]).run(b.build(outputs)).graph
    #expect(scans(merged).count == 2)
    let values = try run(outputs, [Tensor(scalar: 1.0), Tensor([1.0, 2, 3])])
    #expect(values == [[7], [1, 4, 12], [7], [0, 0, 1], [-5], [1, 0, -6]])
  }

  // MARK: Errors

  @Test func regionsMustFit() throws {
    let b = GraphBuilder()
    let x = try b.parameter("x", .f64, [2])
    let c = try b.parameter("c", .bool, [2])
    let t = try b.parameter("t", .bool, [])
    expectError("the condition must be a scalar") {
      _ = try b.branch(c, [x]) {
        $0
      } otherwise: {
        $0
      }
    }
    expectError("region 'else' must return (f64[2]), but returns (f64)") {
      _ = try b.branch(t, [x]) {
        $0
      } otherwise: {
        [try $0[0].sum()]
      }
    }
    expectError("region 'condition' must return (bool)") {
      _ = try b.loop([x]) { c, _ in
        c[0]
      } body: { c, _ in
        c
      }
    }
    expectError("needs 'length'") { _ = try b.scan([x]) { c, _, _ in (c, []) } }
    expectError("a sequence needs a leading axis") { _ = try b.scan(sequences: [t]) { _, x, _ in ([], x) } }
    expectError("must return the 1 carries (f64[2])") {
      _ = try b.scan([x], length: 2) { c, _, _ in ([try c[0].sum()], []) }
    }
    expectError("a sequence of 2 elements in a scan of 3 steps") {
      _ = try b.scan(sequences: [x], length: 3) { _, x, _ in ([], x) }
    }
    expectError("belongs to another graph") {
      _ = try b.branch(t, []) { _ in
        [x]
      } otherwise: { _ in
        [x]
      }
    }
  }

  @Test func aBlockInsideARegionNamesBoth() throws {
    let b = GraphBuilder()
    let x = try b.parameter("x", .f64, [3])
    let y = try b.fusion([x]) { values in
      try values[0].builder.loop([values[0]]) { c, _ in
        try c[0].sum().less(0)
      } body: { c, _ in
        c
      }
    }[0]
    expectError("= fusion(%x), in it through ") { _ = try gradients(of: y.sum(), withRespectTo: [x]) }
  }
}
