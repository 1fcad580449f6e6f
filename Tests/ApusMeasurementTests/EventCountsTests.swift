import ApusMeasurement
import Foundation
import Testing

/// What `EventCounts` counts on the threads of this process.
@Suite struct EventCountsTests {
  private static func seconds(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  private static func work(_ count: Int) -> Double {
    var sum = 0.0
    for i in 0..<count { sum += Double(i).squareRoot() }
    return sum
  }

  private static let isCounting = EventCounts.counting {}[.cpuTime] != nil

  /// The parts add up, to 5%: this thread's is what its clock says, and all together are no more than the process took.
  @Test(.enabled(if: isCounting)) func threadsAddUp() throws {
    var (own, process) = (0.0, 0.0)
    let counts = EventCounts.counting {
      let (start, all) = (Self.seconds(CLOCK_THREAD_CPUTIME_ID), Self.seconds(CLOCK_PROCESS_CPUTIME_ID))
      while Self.seconds(CLOCK_THREAD_CPUTIME_ID) - start < 0.2 { _ = Self.work(10_000) }
      (own, process) = (
        Self.seconds(CLOCK_THREAD_CPUTIME_ID) - start, Self.seconds(CLOCK_PROCESS_CPUTIME_ID) - all
      )
    }
    let parts = counts.threads.compactMap { $0[.cpuTime] }.map { $0 * 1e-9 }
    #expect(parts.contains { abs($0 - own) <= 0.05 * own }, "\(own) is none of \(parts)")
    let sum = try #require(counts[.cpuTime]) * 1e-9
    #expect(abs(sum - parts.reduce(0, +)) <= 1e-9)
    // Threads that other tests start meanwhile are the process's, and not counted.
    #expect(sum <= 1.05 * process + 0.01, "\(sum) of \(process)")
  }

  /// Of equal steps each has its part.
  @Test(.enabled(if: isCounting)) func stepsShareTheCounts() throws {
    let counts = EventCounts.counting { _ = Self.work(1_000_000) }
    let all = try #require(counts[.cpuTime])
    let step = try #require(counts.perStep(of: 4)[.cpuTime])
    #expect(all > 0 && abs(step * 4 - all) <= 1e-6 * all)
  }

  /// Where the processor counts, there are instructions for what was done; elsewhere nothing is said of it.
  @Test func hardwareIsCountedOrLeftOut() {
    let counts = EventCounts.counting { _ = Self.work(1_000_000) }
    guard counts.hasHardware else {
      #expect(counts[.cycles] == nil && counts[.instructions] == nil)
      return
    }
    #expect((counts[.instructions] ?? 0) > 1_000_000)
  }
}
