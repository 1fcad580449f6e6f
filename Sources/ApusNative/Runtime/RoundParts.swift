/// Cuts the rounds of a run into parts of some milliseconds: between them a team may shrink or come together again.
package enum RoundParts {
  /// Long against a call, short against a pause of a team.
  private static let target = Duration.milliseconds(4)
  private static let first = 4

  /// Whether a run of so many rounds is cut and measured.
  package static func areMeasured(_ count: Int) -> Bool { count > first }

  /// Calls `body` with ranges that follow each other, until `count` rounds are done.
  /// - Parameter measured: told how long each part took, unless there is one only; says what share of the usual time the next
  ///   is to take.
  package static func run(
    _ count: Int, _ body: (Range<Int>) throws -> Void, measured: (Range<Int>, Duration) -> Double = { _, _ in 1 }
  ) rethrows {
    // Nothing to cut, and no time for the clock: a run may take microseconds.
    if !areMeasured(count) { return try body(0..<count) }
    var (done, size) = (0, first)
    while done < count {
      let part = done..<min(count, done + size)
      let time = try ContinuousClock().measure { try body(part) }
      let share = measured(part, time)
      done = part.upperBound
      let fitting = Double(part.count) * (target / max(time, .nanoseconds(1))) * share
      size = max(1, Int(min(fitting, Double(count))))
    }
  }
}
