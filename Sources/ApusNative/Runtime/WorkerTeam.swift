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
  public static var defaultCount: Int { max(1, ProcessInfo.processInfo.activeProcessorCount) }

  /// A native program: (bases, status, sync, worker, workers, rounds).
  typealias Entry =
    @convention(c) (
      UnsafeMutableRawPointer, UnsafeMutableRawPointer, UnsafeMutableRawPointer, Int64, Int64, Int64
    ) -> Void

  /// What the next run is. Written by the caller before `generation` announces it.
  private struct Job {
    var entry: Entry?
    var bases: UnsafeMutableRawPointer?
    var status: UnsafeMutableRawPointer?
    var workers = 0
    var rounds = 0
  }

  private var job = Job()
  /// The number of runs so far. A worker looks for a change.
  private let generation = Atomic<Int>(0)
  /// Workers of the current run that are done.
  private let finished = Atomic<Int>(0)
  private let sleepers = Atomic<Int>(0)
  private var threadCount = 0
  /// One run at a time.
  private let turn = Mutex<Void>(())
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private let sync: UnsafeMutableRawPointer

  private init() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
    sync = .allocate(byteCount: Synchronisation.byteCount, alignment: 64)
    sync.initializeMemory(as: UInt8.self, repeating: 0, count: Synchronisation.byteCount)
    let yield: @convention(c) () -> Void = { sched_yield() }
    (sync + Synchronisation.yield).storeBytes(
      of: unsafeBitCast(yield, to: UnsafeRawPointer.self), as: UnsafeRawPointer.self)
  }

  /// Runs a program on `workers` workers and returns when all are done.
  func run(
    _ entry: Entry, bases: UnsafeMutableRawPointer, status: UnsafeMutableRawPointer, workers: Int, rounds: Int
  ) {
    if workers <= 1 {
      // Needs nobody: no turn either, so that several tasks can run at once.
      entry(bases, status, sync, 0, 1, Int64(rounds))
      return
    }
    turn.withLock { _ in
      start(workers - 1)
      (sync + Synchronisation.arrivals).storeBytes(of: 0, as: Int64.self)
      (sync + Synchronisation.opened).storeBytes(of: 0, as: Int64.self)
      job = Job(entry: entry, bases: bases, status: status, workers: workers, rounds: rounds)
      finished.store(0, ordering: .relaxed)
      generation.wrappingAdd(1, ordering: .sequentiallyConsistent)
      if sleepers.load(ordering: .sequentiallyConsistent) > 0 {
        pthread_mutex_lock(mutex)
        pthread_cond_broadcast(condition)
        pthread_mutex_unlock(mutex)
      }
      entry(bases, status, sync, 0, Int64(workers), Int64(rounds))
      var spins = 0
      while finished.load(ordering: .acquiring) < threadCount {
        spins += 1
        if spins & 0x3fff == 0 { sched_yield() }
      }
    }
  }

  /// Makes sure that there are so many threads. A larger team stays: threads without a part say at once that they are
  /// done.
  private func start(_ count: Int) {
    while threadCount < count {
      threadCount += 1
      let index = threadCount
      let seen = generation.load(ordering: .relaxed)
      let thread = Thread { [self] in serve(index, seen) }
      thread.name = "apus-\(index)"
      thread.stackSize = 1 << 20
      thread.start()
    }
  }

  private func serve(_ index: Int, _ start: Int) {
    var seen = start
    while true {
      waitForRun(after: seen)
      seen += 1
      let job = job
      if index < job.workers, let entry = job.entry, let bases = job.bases, let status = job.status {
        entry(bases, status, sync, Int64(index), Int64(job.workers), Int64(job.rounds))
      }
      finished.wrappingAdd(1, ordering: .releasing)
    }
  }

  /// Returns when there is a run after the one numbered `seen`.
  private func waitForRun(after seen: Int) {
    for round in 0..<40_000 {
      if generation.load(ordering: .acquiring) != seen { return }
      // Where there are more workers than cores, one that waits must not stand in another's way.
      if round & 0xfff == 0xfff { sched_yield() }
    }
    pthread_mutex_lock(mutex)
    sleepers.wrappingAdd(1, ordering: .sequentiallyConsistent)
    while generation.load(ordering: .sequentiallyConsistent) == seen { pthread_cond_wait(condition, mutex) }
    sleepers.wrappingSubtract(1, ordering: .sequentiallyConsistent)
    pthread_mutex_unlock(mutex)
  }
}
