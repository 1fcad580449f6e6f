import Apus
import ApusKernels
import ApusLowering
import ApusNative
import ApusPlanning
import Testing

/// A loop that may have no round is none: barriers inside it would never be passed.
@Suite struct LoopWithoutRoundsTests {
  @Test func leavesItsCarriesAlone() throws {
    let text = """
      graph @never(%x: f32[4]) {
        %y: f32[4] = while(%x, carries: 1, trip_count: 0) { (%p: f32[4]) in
          %1: bool = constant(true)
          return %1
        } { (%p: f32[4]) in
          %1: f32[4] = tanh(%p)
          return %1
        }
        return %y
      }

      """
    let graph = try #require(try Graph.parse(text).first)
    let backend = NativeBackend(workers: 2, verifies: true)
    let steps = try backend.plan(backend.optimized(graph)).program.steps
    #expect(!steps.contains { if case .whileLoop = $0 { true } else { false } })
    let x = Tensor([1, 2, 3, 4] as [Float])
    #expect(try backend.compile(graph).run([x], variables: []).outputs == [x])
  }
}
