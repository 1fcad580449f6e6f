/// Cuts the rounds of a run into parts of some milliseconds: between them a team may shrink or come together again.
package enum RoundParts {
  /// Long against a call, short against a pause of a team.
  private static let target = Duration.milliseconds(4)
  private static let first = 4

  /// Calls `body` with ranges that follow each other, until `count` rounds are done.
  package static func run(_ count: Int, _ body: (Range<Int>) throws -> Void) rethrows {
    // Nothing to cut, and no time for the clock: a run may take microseconds.
    if count <= first { return try body(0..<count) }
    var (done, size) = (0, first)
    while done < count {
      let part = done..<min(count, done + size)
      let time = try ContinuousClock().measure { try body(part) }
      done = part.upperBound
      let fitting = Double(part.count) * (target / max(time, .nanoseconds(1)))
      size = max(1, Int(min(fitting, Double(count))))
    }
  }
}
