import ApusCore
import Foundation
import Glibc
import Synchronization

/// Threads that wait for native programs to run, one team a process.
///
/// The caller is worker 0. The others watch for work for about a millisecond, for training steps follow each other, and
/// then sleep: an idle process burns nothing.
public final class WorkerTeam: @unchecked Sendable {
  public static let shared = WorkerTeam()

  /// How many workers there are unless a run says otherwise: the cores that this process may use.
  public static var defaultCount: Int { ProcessorCount.available }

  /// A native program: (bases, status, sync, worker, workers, rounds).
  package typealias Entry =
    @convention(c) (
      UnsafeMutableRawPointer, UnsafeMutableRawPointer, UnsafeMutableRawPointer, Int64, Int64, Int64
    ) -> Void

  /// What the next run is. Written by the caller before `call` announces it, and not again until all who take part are
  /// done; no other thread reads it.
  private struct Job {
    var entry: Entry
    var bases: UnsafeMutableRawPointer
    var status: UnsafeMutableRawPointer
    var workers: Int
    var rounds: Int
  }

  private var job: Job?
  /// The number of runs so far, and how many workers the last has: one number, so that threads without a part in it know
  /// that without looking at `job`.
  private let call = Atomic<Int>(0)
  /// Workers of the current run that are done, without the caller.
  private let finished = Atomic<Int>(0)
  private let sleepers = Atomic<Int>(0)
  private var threads: [pthread_t] = []
  /// One run at a time. ThreadSanitizer knows this lock, unlike that of the standard library.
  private let turn = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  /// For sleeping workers.
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private let sync: UnsafeMutableRawPointer
  private let membership: Membership
  private let pause = TeamPause()
  private let shrunkRuns = Atomic<Int>(0)
  /// How long the last run took that was measured, and what ran.
  private var length: (entry: UnsafeRawPointer?, nanoseconds: Int) = (nil, 0)

  /// The low bits of `call`: how many workers.
  private static let workerBits = 12
  static let largestCount = 1 << workerBits - 1

  /// For how long a worker without work watches for some before it sleeps.
  private static let watchNanoseconds: UInt64 = 1_000_000
  /// How long a caller that has left its run sleeps between two looks whether it is over.
  private static let napMicroseconds: UInt32 = 100
  /// How often it looks between two looks at the clock.
  private static let looksPerTick = 256

  /// Runs that take longer are measured each time; of shorter ones one in so many, for the clock would take a part of them.
  private static let longRun = 1_000_000
  private static let shortRunsPerMeasure = 64

  /// Whether its threads take part in the signals of the process.
  private let acceptsSignals: Bool

  /// A team of its own, for tests; its threads are never given back.
  package init(acceptsSignals: Bool = false) {
    self.acceptsSignals = acceptsSignals
    pthread_mutex_init(turn, nil)
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
    // The system provides pages of the shares only for the members that exist.
    sync = .allocate(
      byteCount: Synchronization.byteCount(workers: WorkerTeam.largestCount), alignment: Memory.alignment)
    sync.initializeMemory(as: UInt8.self, repeating: 0, count: Synchronization.byteCount(workers: 0))
    membership = Membership(sync)
    (sync + Synchronization.yield).storeBytes(
      of: unsafeBitCast(BarrierWatch.rest, to: UnsafeRawPointer.self), as: UnsafeRawPointer.self)
  }

  /// Runs a program on `workers` workers and returns when all are done. Where the system has no more threads to give, or
  /// gives the cores to others just now (`Membership`, `TeamPause`), on fewer: results do not depend on their number.
  /// - Parameter limit: after so long without progress workers give up waiting for each other; nil: never.
  /// - Throws: `ApusError` (a defect of the plan) if they gave up.
  package func run(
    _ entry: Entry, bases: UnsafeMutableRawPointer, status: UnsafeMutableRawPointer, workers: Int, rounds: Int,
    limit: Duration? = nil
  ) throws {
    // What is checked is checked on all workers.
    if workers <= 1 || (limit == nil && pause.isOn()) {
      // Needs no other worker and no turn, so that several tasks can run at once.
      entry(bases, status, sync, 0, 1, Int64(rounds))
      return
    }
    try inTurn {
      let workers = 1 + start(min(workers, WorkerTeam.largestCount) - 1)
      (sync + Synchronization.arrivals).storeBytes(of: 0, as: Int64.self)
      (sync + Synchronization.opened).storeBytes(of: 0, as: Int64.self)
      for member in 0..<workers {
        (sync + Synchronization.shares + member * Memory.alignment).storeBytes(of: 0, as: Int64.self)
      }
      BarrierWatch.begin(sync, limit: limit)
      let code = unsafeBitCast(entry, to: UnsafeRawPointer.self)
      let number = (call.load(ordering: .relaxed) >> WorkerTeam.workerBits) &+ 1
      let isMeasured =
        length.entry != code || length.nanoseconds > WorkerTeam.longRun
        || number.isMultiple(of: WorkerTeam.shortRunsPerMeasure)
      membership.begin(workers: workers, length: length.entry == code ? length.nanoseconds : 0)
      let start = isMeasured ? monotonicNanoseconds() : 0
      job = Job(entry: entry, bases: bases, status: status, workers: workers, rounds: rounds)
      finished.store(0, ordering: .relaxed)
      call.store(number << WorkerTeam.workerBits | workers, ordering: .sequentiallyConsistent)
      if sleepers.load(ordering: .sequentiallyConsistent) > 0 {
        pthread_mutex_lock(mutex)
        pthread_cond_broadcast(condition)
        pthread_mutex_unlock(mutex)
      }
      entry(bases, status, sync, 0, Int64(workers), Int64(rounds))
      waitForOthers(workers - 1, limit)
      if isMeasured { length = (code, Int(monotonicNanoseconds() - start)) }
      if membership.count < workers {
        pause.begin()
        shrunkRuns.wrappingAdd(1, ordering: .relaxed)
      }
      guard membership.isComplete else {
        throw ApusError.defect("workers left the run at a barrier to which not all of them came")
      }
      if let limit, BarrierWatch.wasAbandoned(sync) {
        throw ApusError.defect("workers waited \(limit) for one another at a barrier: not all of them came to it")
      }
    }
  }

  private func inTurn<Result>(_ body: () throws -> Result) rethrows -> Result {
    pthread_mutex_lock(turn)
    defer { pthread_mutex_unlock(turn) }
    return try body()
  }

  /// Returns when so many workers are done.
  private func waitForOthers(_ count: Int, _ limit: Duration?) {
    var looks = 0
    var end: UInt64?
    while finished.load(ordering: .acquiring) < count {
      // The core is for those who go on.
      if membership.hasLeft(0) { usleep(WorkerTeam.napMicroseconds) }
      SpinHint.pause()
      looks += 1
      guard looks > BarrierEmitter.patience || membership.hasLeft(0) else { continue }
      sched_yield()
      guard BarrierWatch.isExpired(sync), let limit else { continue }
      // Those at a barrier leave it now. One that is elsewhere cannot be stopped, and its memory cannot be given back.
      let time = monotonicNanoseconds()
      if time > end ?? .max { fatalError("a worker of a native program has not come back for \(limit * 2)") }
      end = end ?? time + UInt64(limit / .nanoseconds(1))
    }
  }

  /// For how long a member waits for another that gets no processor time, in a run of such a length; all in nanoseconds.
  package static func patience(_ length: Int) -> Int { Membership.patience(length) }

  /// How many runs members have left.
  package var shrunkRunCount: Int { shrunkRuns.load(ordering: .relaxed) }

  /// The threads that it has so far, without the callers' own.
  package var handles: [pthread_t] { inTurn { threads } }

  /// The processor time that the team's threads have used, the callers' own not counted.
  package var processorSeconds: Double {
    inTurn {
      threads.reduce(0) { sum, thread in
        var clock = clockid_t()
        var time = timespec()
        guard pthread_getcpuclockid(thread, &clock) == 0, clock_gettime(clock, &time) == 0 else { return sum }
        return sum + Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
      }
    }
  }

  // MARK: Threads

  private final class Start {
    let team: WorkerTeam
    let index: Int
    let seen: Int

    init(_ team: WorkerTeam, _ index: Int, _ seen: Int) {
      self.team = team
      self.index = index
      self.seen = seen
    }
  }

  /// Makes sure that there are so many threads, if the system lets us. A larger team stays.
  /// - Returns: how many of them can take part.
  private func start(_ count: Int) -> Int {
    while threads.count < count {
      let start = Unmanaged.passRetained(Start(self, threads.count + 1, call.load(ordering: .relaxed)))
      var thread = pthread_t()
      // Signals are for the threads of the program that uses us.
      var (all, previous) = (sigset_t(), sigset_t())
      if !acceptsSignals { sigfillset(&all) }
      pthread_sigmask(SIG_SETMASK, &all, &previous)
      let error = pthread_create(
        &thread, nil,
        { argument in
          guard let argument else { return nil }
          let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
          Thread.current.name = "apus-\(start.index)"
          start.team.serve(start.index, start.seen)
        }, start.toOpaque())
      pthread_sigmask(SIG_SETMASK, &previous, nil)
      guard error == 0 else {
        start.release()
        return threads.count
      }
      threads.append(thread)
      membership.register(thread, as: threads.count)
    }
    return count
  }

  private func serve(_ index: Int, _ start: Int) -> Never {
    var seen = start
    var watches = true
    while true {
      seen = waitForCall(index, after: seen, watches: watches)
      if let job {
        job.entry(job.bases, job.status, sync, Int64(index), Int64(job.workers), Int64(job.rounds))
      }
      // Who leaves a run does so for want of a core, and sleeps at once.
      watches = !membership.hasLeft(index)
      finished.wrappingAdd(1, ordering: .releasing)
    }
  }

  /// Returns the first call after `seen` that worker `index` has a part in.
  private func waitForCall(_ index: Int, after seen: Int, watches: Bool) -> Int {
    var end: UInt64 = 0
    while watches {
      for _ in 0..<WorkerTeam.looksPerTick {
        let now = call.load(ordering: .acquiring)
        if WorkerTeam.isCalled(index, by: now, after: seen) { return now }
        SpinHint.pause()
      }
      let time = monotonicNanoseconds()
      if end == 0 { end = time + WorkerTeam.watchNanoseconds }
      if time >= end { break }
      // Where there are more workers than cores, one that waits must not block another.
      sched_yield()
    }
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    sleepers.wrappingAdd(1, ordering: .sequentiallyConsistent)
    defer { sleepers.wrappingSubtract(1, ordering: .sequentiallyConsistent) }
    while true {
      let now = call.load(ordering: .sequentiallyConsistent)
      if WorkerTeam.isCalled(index, by: now, after: seen) { return now }
      pthread_cond_wait(condition, mutex)
    }
  }

  private static func isCalled(_ index: Int, by call: Int, after seen: Int) -> Bool {
    call != seen && index < call & largestCount
  }
}

package func monotonicNanoseconds() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
