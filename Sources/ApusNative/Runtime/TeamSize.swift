/// How many workers share the rounds of a program: all that there are, or fewer where that is faster.
///
/// What one worker has written reaches the caches of others by ways that differ from processor to processor, and small
/// steps have little work to share: on a Xeon with two cores a step of `mlp` takes 1.3 times as long by two workers as by one.
/// Results do not depend on the number, so others are tried: half and a quarter as many, twice and four times as many, for a
/// few parts of a run (`RoundParts`), and what is faster by a margin stays. Trials that fail become rare.
package struct TeamSize: Sendable {
  /// Of the next part that is measured.
  package var workers: Int { trial?.workers ?? settled }
  /// The fastest so far.
  package private(set) var settled: Int
  /// What share of the usual time the next part is to take: a trial's first part, which ends most of them, is short.
  package var share: Double { trial?.times.isEmpty == true ? 0.25 : 1 }

  private let largest: Int
  private var trial: Trial?
  /// Of the last parts by `settled` workers, in nanoseconds a round.
  private var recent: [Double] = []
  /// Nanoseconds until the next trial, and how long that was in all.
  private var rest = TeamSize.shortest
  private var interval = TeamSize.shortest
  private var trialCount = 0

  private struct Trial: Sendable {
    let workers: Int
    var times: [Double] = []
  }

  private static let shortest = 100_000_000.0
  private static let longest = 3_200_000_000.0
  /// Parts of which the median counts.
  private static let partCount = 3
  /// What makes another number worth it: it is this much faster.
  private static let margin = 0.93
  /// What ends a trial at its first part: it is this much slower.
  private static let hopeless = 1.25
  /// Rounds that take longer, in nanoseconds, have enough work for all.
  private static let longRound = 20_000_000.0
  /// Between trials there are at least so many parts.
  private static let partsBetween = 50.0

  package init(largest: Int) {
    self.largest = largest
    settled = largest
  }

  /// Called after each part.
  /// - Parameter nanoseconds: of the whole part.
  package mutating func note(rounds: Int, nanoseconds: Double) {
    let time = nanoseconds / Double(rounds)
    if trial != nil { return noteTrial(time) }
    recent.append(time)
    if recent.count > Self.partCount { recent.removeFirst() }
    rest -= nanoseconds
    interval = min(max(interval, Self.partsBetween * nanoseconds), Self.longest)
    guard rest <= 0, recent.count == Self.partCount, median(recent) <= Self.longRound else { return }
    let others = others
    guard !others.isEmpty else { return }
    trial = Trial(workers: others[trialCount % others.count])
    trialCount += 1
  }

  /// What may be tried. A trial of far fewer would take long where all are the fastest.
  private var others: [Int] {
    var sizes: [Int] = []
    for size in [(settled + 1) / 2, (settled + 3) / 4, min(settled * 2, largest), min(settled * 4, largest)]
    where size != settled && !sizes.contains(size) { sizes.append(size) }
    return sizes
  }

  private mutating func noteTrial(_ time: Double) {
    guard var current = trial else { return }
    current.times.append(time)
    trial = current
    let reference = median(recent)
    let isHopeless = time > Self.hopeless * reference
    guard isHopeless || current.times.count == Self.partCount else { return }
    trial = nil
    if !isHopeless, median(current.times) < Self.margin * reference {
      settled = current.workers
      recent = current.times
      trialCount = 0
      interval = Self.shortest
    } else {
      interval = min(interval * 2, Self.longest)
    }
    rest = interval
  }

  private func median(_ times: [Double]) -> Double { times.sorted()[times.count / 2] }
}
