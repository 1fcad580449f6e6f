import Apus
import ApusKernels
import ApusLowering
import ApusNative
import ApusPlanning
import Foundation
import TestSupport
import Testing

/// Channelwise windows with what follows on their results, in one kernel.
@Suite struct WindowNestTests {
  static let graphs = [
    // Ragged channels, strides, padding, dilation; a second result; operands of rows and of the whole shape.
    """
    graph @depthwise(%x: f32[2, 7, 5, 19], %w: f32[3, 2, 1, 19], %b: f32[19], %y: f32[2, 4, 5, 19]) {
      %1: f32[2, 4, 5, 19] = convolution(%x, %w, strides: [2, 1], padding: same, groups: 19)
      %2: f32[2, 4, 5, 19] = add(%1, %b)
      %3: f32[2, 4, 5, 19] = relu(%2)
      %4: f32[2, 4, 5, 19] = multiply(%3, %y)
      return %4, %2
    }
    """,
    """
    graph @doubles(%x: f64[1, 6, 6, 9], %w: f64[2, 2, 1, 9]) {
      %1: f64[1, 4, 4, 9] = convolution(%x, %w, dilation: [2, 2], groups: 9)
      %2: f64[1, 4, 4, 9] = tanh(%1)
      return %2
    }
    """,
    // A view that is no row-major memory: channels are far apart.
    """
    graph @channels_first(%x: f32[2, 17, 6, 6], %w: f32[3, 3, 1, 17]) {
      %1: f32[2, 6, 6, 17] = transpose(%x, permutation: [0, 2, 3, 1])
      %2: f32[2, 4, 4, 17] = convolution(%1, %w, groups: 17)
      %3: f32[2, 4, 4, 17] = negate(%2)
      return %3
    }
    """,
    // The epilogue has wider elements than the window, and narrower ones.
    """
    graph @other_types(%x: u8[2, 5, 9], %y: f32[2, 5, 9]) {
      %1: u8[2, 2, 9] = reduce_window_max(%x, window: [2], strides: [2])
      %2: f64[2, 2, 9] = cast(%1, dtype: f64)
      %3: f64[2, 2, 9] = sqrt(%2)
      %4: f32[2, 2, 9] = reduce_window_min(%y, window: [2], strides: [2])
      %5: f32[2, 2, 9] = abs(%4)
      %6: bool[2, 2, 9] = greater(%5, %4)
      return %3, %6
    }
    """,
    """
    graph @average(%x: f32[3, 5, 5, 33]) {
      %1: f32[3, 5, 5, 33] = average_pool(%x, window: [3, 3], strides: [1, 1], padding: same)
      %2: f32[3, 5, 5, 33] = exp(%1)
      return %2
    }
    """,
    """
    graph @volumes(%x: f32[1, 3, 4, 5, 2], %w: f32[2, 2, 2, 1, 2]) {
      %1: f32[1, 2, 3, 4, 2] = convolution(%x, %w, groups: 2)
      %2: f32[1, 2, 3, 4, 2] = multiply(%1, %1)
      return %2
    }
    """,
    """
    graph @empty(%x: f32[0, 5, 5, 4], %w: f32[3, 3, 1, 4]) {
      %1: f32[0, 3, 3, 4] = convolution(%x, %w, groups: 4)
      %2: f32[0, 3, 3, 4] = exp(%1)
      return %2
    }
    """,
  ]

  @Test(arguments: graphs, [false, true]) func givesWhatTheInterpreterDoes(_ text: String, _ isSpecial: Bool) throws {
    let graph = try #require(try Graph.parse(text + "\n").first)
    let inputs = RandomInputs(seed: 3)
    let feeds = try graph.parameters.map { id -> Tensor in
      let type = graph.type(of: id)
      let plain = try inputs.tensor(graph.name(of: id) ?? "", type)
      // Infinity times the padding's zeros is NaN, where padding is left out it is nothing: weights stay finite.
      guard isSpecial, type.dtype == .f32, graph.name(of: id) != "w" else { return plain }
      let special: [Float] = [.nan, -0.0, .infinity, -.infinity, 0, .leastNonzeroMagnitude]
      let elements = plain.doubles().enumerated().map { position, element in
        position % 11 == 0 ? special[position / 11 % special.count] : Float(element)
      }
      return try Tensor(elements).reshaped(plain.dimensions)
    }
    let expected = try InterpreterBackend().prepare(graph).run(feeds, variables: []).outputs
    for workers in 1...2 {
      let backend = NativeBackend(workers: workers, verifies: true)
      for (actual, wanted) in zip(try backend.compile(graph).run(feeds, variables: []).outputs, expected) {
        let difference = TensorComparison.firstDifference(
          wanted, actual, tolerance: actual.dtype.isFloating ? TensorComparison.tolerance(actual.dtype) : nil)
        #expect(difference == nil, "@\(graph.name), \(workers) workers")
      }
    }
  }

  @Test func epiloguesAreNoKernelsOfTheirOwn() throws {
    let graph = try #require(try Graph.parse(WindowNestTests.graphs[0] + "\n").first)
    let kernels = try NativeBackend(workers: 2).plan(NativeBackend(workers: 2).optimized(graph)).program.kernels
    #expect(kernels.map(\.name) == ["convolution_add_maximum_multiply"])
  }
}
