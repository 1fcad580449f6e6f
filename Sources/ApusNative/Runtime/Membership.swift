import Glibc
import Synchronization

/// Who takes part in a run: all workers at its start, fewer where the system takes a core away from one.
///
/// A member that waits at a barrier longer than it should looks at the processor time of the others. If one gets none, the
/// system runs something else on its core, for some milliseconds perhaps; then the one that waits leaves. Its own core
/// becomes free for the one that is waited for, and the run goes on with fewer members, without waiting for that core at
/// each barrier to come. Results do not depend on the number of members.
///
/// A member leaves after it has arrived at a barrier: all its work is done, and the barrier, when it opens, shares the work
/// behind it among those who stay. The last to arrive cannot leave, so one stays always.
final class Membership: @unchecked Sendable {
  // Written by the team before a run, in a run by the one that opens a barrier (`ranks`) or by the worker itself.
  /// Of each worker among the members; -1: it has left.
  private let ranks: UnsafeMutablePointer<Atomic<Int>>
  private let samples: UnsafeMutablePointer<Sample>
  private let threads: UnsafeMutablePointer<pthread_t>
  /// The clocks of the threads' processor time.
  private let clocks: UnsafeMutablePointer<clockid_t>
  private let sync: UnsafeMutableRawPointer
  private var workers = 0
  /// For so long a member waits for another in this run.
  private var patience = leastPatience

  /// Workers with a bit in `Synchronization.arrivals`; others stay to the end.
  static let mostThatLeave = 31
  /// For so long a member gets no processor time before another leaves, at least: longer than interrupts take.
  private static let leastPatience = 100_000
  /// The same at most: about the time slice of Linux's scheduler.
  private static let mostPatience = 4_000_000
  /// The part of a run that a member waits for another. Who leaves is missed to the end: a long run that loses a member at its
  /// beginning takes twice as long, where the core would have come back after a time slice.
  private static let patiencePart = 32
  /// The same before a run's first barrier: a worker that sleeps takes a while to come.
  private static let wakePatience = 8_000_000
  /// It gets none if it gets less than one part in so many.
  private static let fairPart = 4
  /// For so long a member keeps its core while the others run. If it gave it away at once, it would get it back after
  /// milliseconds, and could not tell who ran meanwhile.
  private static let longWait = 1_000_000

  /// What a worker does that has waited for some time.
  enum Choice { case spin, yield, leave }

  /// What a worker saw when it last looked at the others.
  private struct Sample {
    /// `Synchronization.opened`, which tells one wait from another.
    var opened = -1
    /// When this wait began, and when it looked last.
    var start = 0
    var time = 0
    var hasMadeRoom = false
    var hasLeft = false
  }

  /// The processor times that a worker saw, one row a worker.
  private let times: UnsafeMutablePointer<Int>

  init(_ sync: UnsafeMutableRawPointer) {
    self.sync = sync
    let count = Membership.mostThatLeave
    ranks = .allocate(capacity: WorkerTeam.largestCount)
    samples = .allocate(capacity: count)
    samples.initialize(repeating: Sample(), count: count)
    threads = .allocate(capacity: count)
    threads.initialize(repeating: pthread_t(), count: count)
    clocks = .allocate(capacity: count)
    clocks.initialize(repeating: 0, count: count)
    times = .allocate(capacity: count * count)
    times.initialize(repeating: 0, count: count * count)
    let shrink: @convention(c) (UnsafeMutableRawPointer, Int64) -> Void = {
      Membership.of($0).shrink(UInt64(bitPattern: $1))
    }
    store(unsafeBitCast(shrink, to: UnsafeRawPointer.self), at: Synchronization.shrink)
    store(UnsafeRawPointer(ranks), at: Synchronization.ranks)
    store(UnsafeRawPointer(Unmanaged.passRetained(self).toOpaque()), at: Synchronization.membership)
  }

  static func of(_ sync: UnsafeMutableRawPointer) -> Membership {
    Unmanaged<Membership>.fromOpaque(
      (sync + Synchronization.membership).load(as: UnsafeRawPointer.self)
    ).takeUnretainedValue()
  }

  private func store(_ pointer: UnsafeRawPointer, at offset: Int) {
    (sync + offset).storeBytes(of: pointer, as: UnsafeRawPointer.self)
  }

  private func word(_ offset: Int) -> UnsafeMutablePointer<Atomic<Int>> {
    (sync + offset).assumingMemoryBound(to: Atomic<Int>.self)
  }

  /// The thread that is a worker's from now on.
  func register(_ thread: pthread_t, as worker: Int) {
    guard worker < Membership.mostThatLeave else { return }
    threads[worker] = thread
    pthread_getcpuclockid(thread, clocks + worker)
  }

  /// Gets ready for a run of so many workers, of which the caller is the first.
  /// - Parameter length: how long it may take, in nanoseconds; 0: nothing is known.
  func begin(workers: Int, length: Int) {
    self.workers = workers
    patience = Membership.patience(length)
    register(pthread_self(), as: 0)
    for worker in 0..<workers {
      // Whatever was there needs no destruction: a number.
      (ranks + worker).initialize(to: Atomic(worker))
      if worker < Membership.mostThatLeave { samples[worker] = Sample() }
    }
    word(Synchronization.count).pointee.store(workers, ordering: .relaxed)
  }

  /// For how long a member waits for another in a run of such a length; all in nanoseconds.
  static func patience(_ length: Int) -> Int { min(max(length / patiencePart, leastPatience), mostPatience) }

  /// How many are left of the run's workers.
  var count: Int { word(Synchronization.count).pointee.load(ordering: .acquiring) }

  /// Whether no member is on its way out at a barrier that has never opened.
  var isComplete: Bool {
    word(Synchronization.arrivals).pointee.load(ordering: .acquiring) >> Synchronization.leavingShift == 0
  }

  func hasLeft(_ worker: Int) -> Bool { worker < Membership.mostThatLeave && samples[worker].hasLeft }

  // MARK: Leaving

  /// What a worker does that has waited for some time.
  func choice(of worker: Int) -> Choice {
    guard worker < Membership.mostThatLeave else { return .yield }
    let opened = word(Synchronization.opened).pointee.load(ordering: .acquiring)
    let time = Int(monotonicNanoseconds())
    guard samples[worker].opened == opened else {
      (samples[worker].start, samples[worker].hasMadeRoom) = (time, false)
      look(worker, opened, time)
      return .spin
    }
    let elapsed = time - samples[worker].time
    guard elapsed >= patience else { return .spin }
    let stopped = others(of: worker).first { other in
      processorTime(other) - times[worker * Membership.mostThatLeave + other] < elapsed / Membership.fairPart
    }
    look(worker, opened, time)
    let waited = time - samples[worker].start
    guard let stopped else { return waited > Membership.longWait ? .yield : .spin }
    if !samples[worker].hasMadeRoom {
      samples[worker].hasMadeRoom = true
      ThreadPlacement.moveAway(threads[stopped])
      return .spin
    }
    if opened == 0 && waited < Membership.wakePatience { return .spin }
    guard leave(worker, opened) else { return .spin }
    samples[worker].hasLeft = true
    ThreadPlacement.moveHere(threads[stopped])
    return .leave
  }

  private func others(of worker: Int) -> some Sequence<Int> {
    (0..<min(workers, Membership.mostThatLeave)).lazy.filter { [ranks] other in
      other != worker && ranks[other].load(ordering: .relaxed) >= 0
    }
  }

  private func look(_ worker: Int, _ opened: Int, _ time: Int) {
    (samples[worker].opened, samples[worker].time) = (opened, time)
    for other in others(of: worker) { times[worker * Membership.mostThatLeave + other] = processorTime(other) }
  }

  /// Nanoseconds; the largest number where the thread is gone.
  private func processorTime(_ worker: Int) -> Int {
    var time = timespec()
    return clock_gettime(clocks[worker], &time) == 0 ? time.tv_sec * 1_000_000_000 + time.tv_nsec : .max / 2
  }

  /// Sets the worker's bit, unless the barrier that it waits at is opening or open.
  private func leave(_ worker: Int, _ opened: Int) -> Bool {
    let arrivals = word(Synchronization.arrivals)
    let number = opened >> Synchronization.flagBits & Synchronization.fieldMask
    var seen = arrivals.pointee.load(ordering: .acquiring)
    while true {
      guard seen >> Synchronization.numberShift & Synchronization.fieldMask == number,
        seen & Synchronization.fieldMask < count
      else { return false }
      let bit = 1 << (Synchronization.leavingShift + worker)
      let (done, now) = arrivals.pointee.compareExchange(
        expected: seen, desired: seen | bit, ordering: .acquiringAndReleasing)
      if done { return true }
      seen = now
    }
  }

  /// Called by the last to arrive at a barrier: takes out who leaves.
  private func shrink(_ leaving: UInt64) {
    var rank = 0
    for worker in 0..<workers where ranks[worker].load(ordering: .relaxed) >= 0 {
      let stays = worker >= Membership.mostThatLeave || leaving >> worker & 1 == 0
      ranks[worker].store(stays ? rank : -1, ordering: .relaxed)
      rank += stays ? 1 : 0
    }
    word(Synchronization.count).pointee.store(rank, ordering: .releasing)
  }
}
