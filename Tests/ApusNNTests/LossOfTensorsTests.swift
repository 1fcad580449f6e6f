import Apus
import TestSupport
import Testing

/// Losses called with tensors.
@Suite struct LossOfTensorsTests {
  @Test func valuesAreThoseOfTheFormulas() throws {
    let loss = try Loss.meanSquaredError(Tensor([1, 2] as [Float]), Tensor([1, 4] as [Float]))
    #expect(loss == 2)
    // −ln 0.7 and −ln 0.6, the mean of both.
    let probabilities = try Tensor([0.7, 0.3, 0.4, 0.6], [2, 2])
    let crossEntropy = try Loss.sparseCategoricalCrossEntropy(Tensor([0, 1] as [Int32]), probabilities)
    #expect(abs(crossEntropy - 0.43375) < 1e-5)
    let smoothed = try Loss.huber(delta: 2)(Tensor([0] as [Float]), Tensor([3] as [Float]))
    #expect(smoothed == 4)
  }

  @Test func wrongCallsAreRefused() throws {
    let one = Tensor([1] as [Float])
    expectUsage("'delta' of loss 'huber'") { try Loss.huber(delta: -1)(one, one) }
    #expect(throws: ApusError.self) { try Loss.meanSquaredError(one, Tensor([1, 2, 3] as [Float]).reshaped([3, 1])) }
  }
}
