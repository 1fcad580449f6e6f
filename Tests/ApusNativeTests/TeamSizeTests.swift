import ApusNative
import Testing

/// How many workers share a program's rounds: what is faster, found by trials that cost little.
@Suite struct TeamSizeTests {
  /// Parts of four milliseconds at most.
  /// - Parameters:
  ///   - time: nanoseconds of a round by so many workers, after so many nanoseconds.
  /// - Returns: the number of workers at the end, how many rounds were done, and in how many nanoseconds.
  private func simulate(
    _ size: inout TeamSize, seconds: Double, _ time: (_ workers: Int, _ now: Double) -> Double
  ) -> (workers: Int, rounds: Int, time: Double) {
    var (now, rounds) = (0.0, 0)
    while now < seconds * 1e9 {
      let round = time(size.workers, now)
      let count = max(1, Int(4e6 * size.share / round))
      now += Double(count) * round
      rounds += count
      size.note(rounds: count, nanoseconds: Double(count) * round)
    }
    return (size.settled, rounds, now)
  }

  @Test(arguments: [(2, 1), (8, 1), (8, 2), (8, 4), (8, 8), (7, 4), (64, 8), (3, 3)])
  func theFastestIsFound(_ largest: Int, _ best: Int) {
    var size = TeamSize(largest: largest)
    #expect(size.workers == largest)
    func time(_ workers: Int) -> Double {
      workers <= best ? 400_000 / Double(workers) : 400_000 / Double(best) * Double(workers) / Double(best)
    }
    let (workers, rounds, _) = simulate(&size, seconds: 3) { workers, _ in time(workers) }
    #expect(workers == best)
    // Getting there, and trials, cost little.
    #expect(Double(rounds) > 0.8 * 3e9 / time(best))
    #expect(best < largest || Double(rounds) > 0.98 * 3e9 / time(best))
  }

  /// Half of a second is enough for two trials, of a millisecond each that half as many workers take twice as long for.
  @Test func shortRunsLoseLittle() {
    var size = TeamSize(largest: 2)
    let (workers, rounds, time) = simulate(&size, seconds: 0.5) { workers, _ in workers == 1 ? 72_000 : 36_000 }
    #expect(workers == 2)
    #expect(Double(rounds) * 36_000 > 0.997 * time)
  }

  /// After another process has gone the team comes together again, within the longest interval.
  @Test func itFollowsChanges() {
    var size = TeamSize(largest: 4)
    _ = simulate(&size, seconds: 10) { workers, _ in workers == 1 ? 100_000 : 200_000 }
    #expect(size.settled == 1)
    _ = simulate(&size, seconds: 8) { workers, _ in 100_000 / Double(workers) }
    #expect(size.settled == 4)
  }

  /// Differences of a few percent are noise.
  @Test func smallDifferencesChangeNothing() {
    var size = TeamSize(largest: 2)
    var noise = 0
    let (workers, _, _) = simulate(&size, seconds: 20) { workers, _ in
      noise = (noise * 7 + 3) % 11
      return (workers == 1 ? 98_000 : 100_000) + Double(noise) * 300
    }
    #expect(workers == 2)
  }

  /// Long rounds are not tried.
  @Test func longRoundsHaveAllWorkers() {
    var size = TeamSize(largest: 4)
    for _ in 0..<1000 {
      #expect(size.workers == 4)
      size.note(rounds: 1, nanoseconds: 50_000_000)
    }
  }

  /// One part that another process has disturbed decides nothing.
  @Test func oneDisturbedPartDecidesNothing() {
    var size = TeamSize(largest: 2)
    var count = 0
    _ = simulate(&size, seconds: 5) { workers, _ in
      count += 1
      return (workers == 1 ? 120_000 : 100_000) * (count % 10 == 0 ? 3 : 1)
    }
    #expect(size.settled == 2)
  }
}
