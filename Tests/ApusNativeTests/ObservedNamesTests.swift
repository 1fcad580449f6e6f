import Apus
import ApusGraph
import ApusNative
import ApusPasses
import TestSupport
import Testing

/// Values in memory are found by their names, and regions have names of their own.
@Suite struct ObservedNamesTests {
  @Test(arguments: [
    // A fusion without a nest is computed node by node: its product has the number of its result.
    """
    graph @g(%x: f32[4, 3], %w: f32[3, 4], %b: f32[4]) {
      %y: f32[4, 4] = fusion(%x, %w, %b) { (%x0: f32[4, 3], %x1: f32[3, 4], %x2: f32[4]) in
        %y: f32[4, 4] = matmul(%x0, %x1)
        %4 = add(%y, %x2)
        %z: f32 = constant(0)
        %5 = maximum(%4, %z)
        return %5
      }
      return %y
    }
    """,
    // What a loop computes on the way is called as what follows it.
    """
    graph @g(%x: f32[3, 8]) {
      %sum: f32[3, 8] = scan(%x, sequences: 1) { (%e: f32[8]) in
        %1 = cumulative_sum(%e, axis: 0)
        %2 = exp(%1)
        return %2
      }
      %row = slice(%sum, starts: [0, 0], limits: [1, 8])
      %1: f32[8] = reshape(%row, shape: [8])
      %2 = cumulative_sum(%1, axis: 0)
      return %2
    }
    """,
  ])
  func regionsAreNotTakenForTheGraph(_ text: String) throws {
    let graph = try Graph.parse(text)[0]
    let verdict = try KernelValidation(NativeBackend(workers: 2)).verdict(on: graph, from: graph)
    #expect(verdict.fault == nil, "\(verdict)")
    #expect(verdict.resultCount == 1)
  }
}
