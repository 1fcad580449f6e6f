import Synchronization

/// When a team's runs are the caller's alone: for a while after members have left one, since who took a core away will
/// want it again. Each time that happens again soon, for twice as long.
package final class TeamPause: Sendable {
  /// Nanoseconds.
  private static let shortest = 5_000_000
  private static let longest = 80_000_000
  /// A team that works for so many times the last pause has its cores to itself again.
  private static let trust = 8

  /// When it ends; 0: it has never begun.
  private let end = Atomic<Int>(0)
  private let length = Atomic<Int>(0)

  package init() {}

  /// - Parameter time: in nanoseconds; asked only once there has been a pause.
  package func isOn(at time: @autoclosure () -> UInt64 = monotonicNanoseconds()) -> Bool {
    let end = end.load(ordering: .relaxed)
    return end != 0 && Int(time()) < end
  }

  /// Called by the one whose turn it is.
  package func begin(at now: UInt64 = monotonicNanoseconds()) {
    let time = Int(now)
    let last = length.load(ordering: .relaxed)
    let isAgain = time - end.load(ordering: .relaxed) < TeamPause.trust * last
    let next = isAgain ? min(last * 2, TeamPause.longest) : TeamPause.shortest
    length.store(next, ordering: .relaxed)
    end.store(time + next, ordering: .relaxed)
  }
}
