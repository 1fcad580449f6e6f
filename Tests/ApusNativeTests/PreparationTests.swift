import Apus
import ApusKernels
import ApusLowering
import ApusNative
import ApusPlanning
import TestSupport
import Testing

/// What is the same in all runs is computed once, and again where the weights are others.
@Suite struct PreparationTests {
  /// A convolution large enough for Winograd's algorithm: the filter's transform is prepared.
  private static func model() throws -> Graph {
    let builder = GraphBuilder("model")
    let x = try builder.parameter("x", .f32, [1, 12, 12, 32])
    let w = try builder.variable("w", .f32, [3, 3, 32, 32], .zeros)
    let scale = try builder.variable("scale", .f32, [32], .ones)
    return try builder.build([(x.convolution(w, padding: .same) * scale).relu()])
  }

  private static func floats(_ dimensions: [Int], stream: UInt64 = 0) throws -> Tensor {
    try Tensor(samples(dimensions, stream: stream).doubles().map { Float($0) }, dimensions)
  }

  private static func expected(_ feeds: [Tensor], _ variables: [Tensor]) throws -> Tensor {
    try InterpreterBackend().prepare(model()).run(feeds, variables: variables).outputs[0]
  }

  @Test func filtersAreTransformedBefore() throws {
    let backend = NativeBackend(workers: 2)
    let graph = try backend.optimized(Self.model())
    let plan = try backend.plan(graph)
    let preparation = try #require(plan.preparation)
    #expect(preparation.kernels.map(\.name).contains { $0.hasPrefix("winograd_transform_filter") })
    #expect(!plan.program.kernels.map(\.name).contains { $0.hasPrefix("winograd_transform_filter") })
    #expect(plan.program.buffers.contains { if case .precomputed = $0.place { true } else { false } })
    #expect(try backend.plan(graph, precomputing: false).preparation == nil)
  }

  /// A value on the way lies in the memory of a result that is twice as large: there is room for the result.
  @Test func resultsThatSmallerValuesShare() throws {
    let graph = try Graph.parse(
      """
      graph @doubled(%x: f32[6, 64, 1]) {
        %w: f32[3, 64, 64] = variable(zeros)
        %1 = leaky_relu(%w, slope: 1.5)
        %2 = concatenate(%1, %1)
        %3 = subtract(%2, %x)
        return %3
      }
      """)[0]
    let backend = NativeBackend(workers: 2)
    let preparation = try #require(
      try backend.plan(backend.optimized(graph, passes: .level(.none))).preparation)
    let sharing = preparation.buffers.filter { $0.place == .output(0) }.map(\.byteCount)
    #expect(Set(sharing) == [3 * 64 * 64 * 4, 6 * 64 * 64 * 4])
    #expect(preparation.outputByteCounts == [6 * 64 * 64 * 4])
    let (feeds, variables) = ([try Self.floats([6, 64, 1])], [try Self.floats([3, 64, 64], stream: 1)])
    let expected = try Interpreter(graph).run(feeds, variables: variables).outputs
    let backends: [any Backend] = [backend, KernelInterpreterBackend()]
    for backend in backends {
      let found = try backend.compile(graph, passes: .level(.none)).run(feeds, variables: variables)
      #expect(found.outputs == expected, "\(backend.name)")
    }
  }

  /// A part of a joined value is read in each run before the other parts are written: the whole cannot be there already.
  @Test func whatIsReadBeforeItIsWholeIsNotPrepared() throws {
    let graph = try Graph.parse(
      """
      graph @parts(%s: f32[2]) {
        %w: f32[4, 64] = variable(zeros)
        %1 = cast(%w, dtype: f64)
        %2: f64[2, 4, 64] = scan(%s, %1, sequences: 1, length: 2) { (%p0: f32, %p1: f64[4, 64]) in
          return %p1
        }
        %3 = concatenate(%1, %1, %1, axis: 1)
        %4 = sin(%3)
        return %2, %4
      }
      """)[0]
    let (feeds, variables) = ([try Self.floats([2])], [try Self.floats([4, 64], stream: 1)])
    let expected = try Interpreter(graph).run(feeds, variables: variables).outputs
    for passes in [Compilation.Passes.level(.none), .level(.standard)] {
      let backend = NativeBackend(workers: 2, verifies: true)
      let results = try backend.compile(backend.optimized(graph, passes: passes)).run(
        feeds, variables: variables)
      for (known, result) in zip(expected, results.outputs) {
        #expect(TensorComparison.firstDifference(known, result, tolerance: 1e-12) == nil, "\(passes)")
      }
    }
  }

  @Test(arguments: [1, 2]) func otherWeightsArePreparedAnew(_ workers: Int) throws {
    let executable = try NativeBackend(workers: workers, verifies: true).compile(Self.model())
    let feeds = [try Self.floats([1, 12, 12, 32])]
    let scale = Tensor([Float](repeating: 0.5, count: 32))
    for stream in [1, 2, 1] {
      var variables = [try Self.floats([3, 3, 32, 32], stream: UInt64(stream)), scale]
      for _ in 0..<2 {
        let result = try executable.run(feeds, updating: &variables)
        #expect(TensorComparison.firstDifference(try Self.expected(feeds, variables), result[0]) == nil)
      }
      // In place: what was prepared holds the old numbers, so these get memory of their own.
      variables[0].withMutableElements(as: Float.self) { for index in $0.indices { $0[index] += 1 } }
      let result = try executable.run(feeds, updating: &variables)
      #expect(TensorComparison.firstDifference(try Self.expected(feeds, variables), result[0]) == nil)
    }
  }

  /// Two filters are prepared, and only the second gets other numbers.
  @Test func theSecondOfTwoFiltersIsPreparedAnew() throws {
    let builder = GraphBuilder("filters")
    let x = try builder.parameter("x", .f32, [1, 12, 12, 32])
    let v = try builder.variable("v", .f32, [3, 3, 32, 32], .zeros)
    let w = try builder.variable("w", .f32, [3, 3, 32, 32], .zeros)
    let graph = try builder.build([x.convolution(v, padding: .same), x.convolution(w, padding: .same)])
    let executable = try NativeBackend(workers: 2, verifies: true).compile(graph)
    let reference = try InterpreterBackend().prepare(graph)
    let feeds = [try Self.floats([1, 12, 12, 32])]
    var variables = [try Self.floats([3, 3, 32, 32], stream: 1), try Self.floats([3, 3, 32, 32], stream: 2)]
    for stream in UInt64(2)...4 {
      variables[1] = try Self.floats([3, 3, 32, 32], stream: stream)
      let expected = try reference.run(feeds, variables: variables).outputs
      let found = try executable.run(feeds, updating: &variables)
      for (a, b) in zip(expected, found) {
        #expect(TensorComparison.firstDifference(a, b, tolerance: 1e-4) == nil, "stream \(stream)")
      }
    }
  }

  @Test func severalTasksMayRunDifferentWeights() async throws {
    let executable = try NativeBackend(workers: 2, verifies: true).compile(Self.model())
    let feeds = [try Self.floats([1, 12, 12, 32])]
    let scale = Tensor([Float](repeating: 1, count: 32))
    try await withThrowingTaskGroup(of: String?.self) { group in
      for stream in UInt64(1)...4 {
        group.addTask {
          let variables = [try Self.floats([3, 3, 32, 32], stream: stream), scale]
          let expected = try Self.expected(feeds, variables)
          for _ in 0..<5 {
            let result = try executable.run(feeds, variables: variables).outputs[0]
            if let difference = TensorComparison.firstDifference(expected, result) { return difference }
          }
          return nil
        }
      }
      for try await difference in group { #expect(difference == nil) }
    }
  }

  /// Variables that the graph itself changes are not the same in all runs.
  @Test func whatIsUpdatedIsNotPrepared() throws {
    let builder = GraphBuilder("step")
    let x = try builder.parameter("x", .f32, [1, 12, 12, 32])
    let w = try builder.variable("w", .f32, [3, 3, 32, 32], .zeros)
    let y = try x.convolution(w, padding: .same)
    try builder.update(w, to: w + 1)
    #expect(
      try NativeBackend(workers: 2).plan(NativeBackend(workers: 2).optimized(builder.build([y]))).preparation == nil)
  }
}
