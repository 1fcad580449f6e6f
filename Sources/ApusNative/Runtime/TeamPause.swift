import Synchronization

/// When a team's runs are the caller's alone: for a while after members have left several runs in a row.
///
/// A core that is taken once in a while costs a part of a run each time, which is less than a pause would. A core that is
/// taken again as soon as the team is together is shared with a process of the same priority; then the caller alone is as
/// fast, and each pause is twice as long as the last.
package final class TeamPause: Sendable {
  /// Nanoseconds.
  private static let shortest = 5_000_000
  private static let longest = 80_000_000
  /// A team that worked for so long has its cores to itself: about twice the time slice of Linux's scheduler.
  private static let trust = 12_000_000

  /// When it ends, or when members left last; 0: they never have.
  private let end = Atomic<Int>(0)
  private let length = Atomic<Int>(0)

  package init() {}

  /// - Parameter time: in nanoseconds; asked only once there has been a pause.
  package func isOn(at time: @autoclosure () -> UInt64 = monotonicNanoseconds()) -> Bool {
    let end = end.load(ordering: .relaxed)
    return end != 0 && Int(time()) < end
  }

  /// Called after a run that members have left, by the one whose turn it is.
  package func begin(at now: UInt64 = monotonicNanoseconds()) {
    let time = Int(now)
    let isSoon = time - end.load(ordering: .relaxed) < TeamPause.trust
    let last = length.load(ordering: .relaxed)
    let next = isSoon ? min(max(last * 2, TeamPause.shortest), TeamPause.longest) : 0
    length.store(next, ordering: .relaxed)
    end.store(time + next, ordering: .relaxed)
  }
}
