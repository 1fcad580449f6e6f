import ApusCore
import Glibc
import Synchronization

/// What workers do while they wait long, and how a run ends whose workers would wait for each other forever: where a plan
/// sends them to different barriers, or one does not come back.
///
/// Only runs that are checked (`verifies`) are watched, and only if the environment asks for it, as tests do: elsewhere a
/// kernel may take as long as it likes.
enum BarrierWatch {
  /// The variable of the environment that says after how many seconds without progress workers give up.
  static let variable = "APUS_WATCH"

  /// Nil: they wait as long as it takes.
  static let limit = getenv(variable).flatMap { Int(String(cString: $0)) }.flatMap {
    $0 > 0 ? Duration.seconds($0) : nil
  }

  /// Gets ready for a run.
  /// - Parameter limit: nil: the run is not watched.
  static func begin(_ sync: UnsafeMutableRawPointer, limit: Duration?) {
    guard let limit else {
      word(sync, Synchronization.limit).value = 0
      return
    }
    word(sync, Synchronization.since).value = Int(monotonicNanoseconds())
    word(sync, Synchronization.seen).value = 0
    word(sync, Synchronization.isAbandoned).value = 0
    word(sync, Synchronization.limit).value = max(1, Int(limit / .nanoseconds(1)))
  }

  /// Lets others use the core: it may be wanted by the very worker that is waited for. Barriers call it.
  /// - Returns: 1 if the run is given up or the worker leaves it, else 0.
  static let rest: @convention(c) (UnsafeMutableRawPointer, Int64) -> Int64 = { sync, worker in
    // All members of a run that is watched are to meet at its barriers: none leaves.
    if word(sync, Synchronization.limit).value == 0 {
      switch Membership.of(sync).choice(of: Int(worker)) {
      case .leave: return 1
      case .spin: return 0
      case .yield: break
      }
    }
    sched_yield()
    return isExpired(sync) ? 1 : 0
  }

  static func wasAbandoned(_ sync: UnsafeMutableRawPointer) -> Bool {
    word(sync, Synchronization.isAbandoned).value != 0
  }

  static func isExpired(_ sync: UnsafeMutableRawPointer) -> Bool {
    let limit = word(sync, Synchronization.limit).value
    if limit == 0 { return false }
    if wasAbandoned(sync) { return true }
    let opened = word(sync, Synchronization.opened).value
    let time = Int(monotonicNanoseconds())
    if opened != word(sync, Synchronization.seen).value {
      // In this order: who sees the number sees its time.
      word(sync, Synchronization.since).value = time
      word(sync, Synchronization.seen).value = opened
      return false
    }
    guard time - word(sync, Synchronization.since).value > limit else { return false }
    word(sync, Synchronization.isAbandoned).value = 1
    return true
  }

  private static func word(_ sync: UnsafeMutableRawPointer, _ offset: Int) -> Word { Word(address: sync + offset) }

  /// A number that several threads read and write.
  private struct Word {
    let address: UnsafeMutableRawPointer
    private var atomic: UnsafeMutablePointer<Atomic<Int>> { address.assumingMemoryBound(to: Atomic<Int>.self) }
    /// Read before, and written after, what other words say.
    var value: Int {
      get { atomic.pointee.load(ordering: .acquiring) }
      nonmutating set { atomic.pointee.store(newValue, ordering: .releasing) }
    }
  }
}
