import Testing

@testable import ApusMeasurement

/// Medians and repetitions by a clock that the tests move.
@Suite struct SamplingTests {
  private final class Clock {
    var time = 0.0
    func sampling(_ seconds: Double) -> Sampling { Sampling(seconds: seconds) { [self] in time } }
  }

  @Test func theMedianIsTakenOfAllTimes() {
    let clock = Clock()
    // 1 + 9 + 2 + 8 + 3 seconds, then the end is reached.
    var times = [1.0, 9, 2, 8, 3][...]
    let median = clock.sampling(20).median { clock.time += times.removeFirst() }
    #expect(median == 3 && times.isEmpty)
  }

  @Test func fiveTimesAreTheLeast() {
    let clock = Clock()
    var count = 0
    let median = clock.sampling(0.5).median {
      count += 1
      clock.time += Double(count)
    }
    #expect(count == 5 && median == 3)
    // Of an even number of times the longer of the two in the middle.
    count = 0
    var sampling = clock.sampling(0)
    sampling.leastCount = 4
    #expect(
      sampling.median {
        count += 1
        clock.time += Double(count)
      } == 3)
  }

  @Test func repetitionsFillATime() {
    let clock = Clock()
    let sampling = clock.sampling(1)
    #expect(sampling.repetitions(taking: 0.04, limit: 1 << 14) { clock.time += 0.015 * Double($0) } == 4)
    #expect(sampling.repetitions(taking: 0.04, limit: 64) { _ in } == 64, "work that takes no time ends, too")
  }

  @Test func batchesBeginAgain() {
    var order = EndlessBatches([4, 3, 2, 1, 0], batch: 2)
    #expect(order.next(2) == [4, 3, 2, 1])
    #expect(order.next(3) == [4, 3, 2, 1, 4, 3], "the row that is no batch is left out")
  }
}
