import Apus
import ApusNative
import TestSupport
import Testing

/// Nodes that are equal but for their tensors are lowered once. What looks equal and is not must be told apart: operands
/// that are one tensor, other strides, other attributes, other types, a product that is rounded.
@Suite struct EqualLayersTests {
  private static let texts = [
    // One tensor read twice is one buffer of the kernel.
    """
    graph @twins(%x: f32[4, 16], %y: f32[4, 16]) {
      %1 = add(%x, %x)
      %2 = add(%x, %y)
      %3 = add(%y, %y)
      %4 = multiply(%1, %2)
      %5 = multiply(%3, %3)
      %6 = multiply(%2, %3)
      return %4, %5, %6
    }
    """,
    """
    graph @strides(%x: f32[8, 8], %y: f32[8, 8], %w: f32[8, 8]) {
      %1 = transpose(%x, permutation: [1, 0])
      %2 = matmul(%x, %w)
      %3 = matmul(%1, %w)
      %4 = matmul(%y, %w)
      %5 = matmul(%y, %w, transpose_b: true)
      %6 = matmul(%y, %x)
      %7 = slice(%x, starts: [0, 0], limits: [4, 8])
      %8 = slice(%x, starts: [4, 0], limits: [8, 8])
      %9 = tanh(%7)
      %10 = tanh(%8)
      return %2, %3, %4, %5, %6, %9, %10
    }
    """,
    """
    graph @types(%x: f32[4, 16], %i: i32[4, 16]) {
      %1 = add(%x, %x)
      %2 = add(%i, %i)
      %3 = reduce_max(%x, axes: [0])
      %4 = reduce_max(%x, axes: [1])
      %5 = pad(%x, low: [1, 0], high: [0, 0])
      %6 = pad(%x, low: [0, 0], high: [1, 0])
      return %1, %2, %3, %4, %5, %6
    }
    """,
    // A residual network of layers with weights of their own.
    """
    graph @layers(%x: f32[4, 16], %a: f32[16, 16], %b: f32[16, 16], %c: f32[16, 16], %s: f32[16], %t: f32[16]) {
      %1 = matmul(%x, %a)
      %2 = add(%1, %s)
      %3 = tanh(%2)
      %4 = matmul(%3, %b)
      %5 = add(%4, %t)
      %6 = tanh(%5)
      %7 = add(%6, %3)
      %8 = matmul(%7, %c)
      %9 = add(%8, %s)
      %10 = tanh(%9)
      %11 = add(%10, %7)
      %12 = matmul(%11, %c)
      %13 = add(%12, %t)
      %14 = tanh(%13)
      %15 = add(%14, %14)
      return %15, %11
    }
    """,
  ]

  @Test(arguments: texts, [OptimizationLevel.none, .standard])
  func resultsAreThoseOfEach(_ text: String, _ level: OptimizationLevel) throws {
    let graph = try #require(Graph.parse(text, file: "equal", catalog: .standard).first)
    let inputs = RandomInputs(seed: 5)
    let feeds = try graph.parameters.map { try inputs.tensor(graph.name(of: $0) ?? "", graph.type(of: $0)) }
    func results(_ backend: any Backend) throws -> [[Double]] {
      try Session(backend: backend, passes: .level(level)).load(graph).run(feeds).map { $0.doubles() }
    }
    let expected = try results(InterpreterBackend())
    let found = try results(NativeBackend(workers: 2, verifies: true))
    for (a, b) in zip(found, expected) {
      let difference = zip(a, b).map { abs($0 - $1) }.max() ?? 0
      #expect(a.count == b.count && difference < 1e-5, "differs by \(difference)")
    }
  }

  /// Equal layers are one kernel, launched on the memory of each and named after each.
  @Test func launchesAreOfTheirOwnNodes() throws {
    let graph = try #require(Graph.parse(Self.texts[3], file: "equal", catalog: .standard).first)
    let origins = try NativeBackend(workers: 1).plan(graph).program.launches.map(\.origin)
    #expect(Set(origins).count == origins.count && origins.count >= 4, "\(origins)")
  }
}
