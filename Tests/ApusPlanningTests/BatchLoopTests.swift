import ApusPlanning
import Testing

/// A loop over batches reads ahead in its list of rows.
@Suite struct BatchLoopTests {
  @Test func listsGoOnForTheBatchesThatAreLookedAt() {
    #expect(KernelProgram.batchesAhead == 2)
    #expect(KernelProgram.list([5, 3, 8, 1], batches: 2) == [5, 3, 8, 1, 8, 1, 8, 1])
    #expect(KernelProgram.list([7], batches: 1) == [7, 7, 7])
    #expect(KernelProgram.list([], batches: 0).isEmpty)
  }
}
