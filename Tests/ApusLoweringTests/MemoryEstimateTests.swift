import Apus
import ApusLowering
import ApusPasses
import TestSupport
import Testing

/// Bytes by hand.
@Suite struct MemoryEstimateTests {
  private func live(_ text: String) throws -> [Int] { try MemoryEstimate(Graph.parse(text)[0]).liveBytes }

  @Test func aValueLivesUntilItsLastReader() throws {
    let bytes = try live(
      """
      graph @g(%x: f32[4, 4], %v: f32[4, 4]) {
        %2 = matmul(%x, %v)
        %3 = matmul(%2, %v)
        %4 = matmul(%3, %2)
        %5 = matmul(%4, %v)
        return %5
      }
      """)
    // What leaves the graph has memory of its own.
    #expect(bytes == [0, 0, 64, 128, 192, 64])
  }

  @Test func declarationsAndNewValuesOfVariablesCountNothing() throws {
    let bytes = try live(
      """
      graph @g(%x: f32[4]) {
        %w: f32[4] = variable(zeros)
        %c: f32[4] = constant(2)
        %3 = add(%w, %c)
        update %w = %3
        return
      }
      """)
    #expect(bytes == [0, 0, 0, 0])
  }

  @Test func aViewKeepsItsOperand() throws {
    let graph = try Graph.parse(
      """
      graph @g(%x: f32[4, 4], %v: f32[16, 16]) {
        %2 = matmul(%x, %x)
        %3 = reshape(%2, shape: [1, 16])
        %4 = matmul(%3, %v)
        %5 = reduce_sum(%4)
        return %5
      }
      """)[0]
    let estimate = MemoryEstimate(graph)
    #expect(estimate.liveBytes == [0, 0, 64, 64, 128, 64])
    #expect(estimate.peak == 128)
    #expect(estimate.peakNode == NodeID(4))
    #expect(estimate.lastUse(of: graph.nodes[2].result) == NodeID(4))
    #expect(estimate.buffer[graph.nodes[3].result.index] == graph.nodes[2].result)
  }

  /// A view of what has memory of its own needs none.
  @Test func viewsOfInputsAndOfOutputs() throws {
    let bytes = try live(
      """
      graph @g(%x: f32[4, 4]) {
        %1 = transpose(%x, permutation: [1, 0])
        %2 = matmul(%1, %1)
        %3 = reshape(%2, shape: [16])
        return %3
      }
      """)
    #expect(bytes == [0, 0, 0, 0])
  }

  @Test func elementsTakeThePlaceOfWhatDies() throws {
    let bytes = try live(
      """
      graph @g(%x: f32[4, 4]) {
        %1 = matmul(%x, %x)
        %2 = tanh(%1)
        %3 = cast(%2, dtype: f64)
        %4 = exp(%2)
        %5 = reduce_sum(%3)
        %6 = reduce_sum(%4)
        return %5, %6
      }
      """)
    // %2 lies where %1 was; %3 is larger; %4 takes over %2.
    #expect(bytes == [0, 64, 64, 192, 192, 192, 64])
  }

  @Test func anOrderIsNoUse() throws {
    let graph = try Graph.parse(
      """
      graph @g(%x: f32[4, 4]) {
        %1 = matmul(%x, %x)
        %2 = matmul(%1, %x)
        %3 = control_dependency(%x, %2)
        %4 = matmul(%3, %x)
        return %4
      }
      """)[0]
    #expect(MemoryEstimate(graph).liveBytes == [0, 64, 128, 0, 0])
  }
}
