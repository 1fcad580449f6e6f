import ApusCore
import ApusPlanning

/// One run of a program, step by step on each worker: what a profile adds up, and where workers waited.
public struct RunTrace: Sendable {
  public struct Event: Sendable {
    public let worker: Int
    /// A position in `KernelProgram.launches`; nil: the wait at a barrier.
    public let launch: Int?
    /// Seconds since the first event.
    public let start: Double
    public let seconds: Double
  }

  /// In the order of the steps, by worker. Of a step in a loop the last iteration.
  public let events: [Event]
}

/// Where profiled programs keep the ticks at which steps began and ended: behind the counts of the profile, a row for each
/// worker.
struct TraceLayout {
  /// By event, in the order of the steps: the launch's number; nil: a barrier.
  let launches: [Int?]
  private let first: Int

  init(_ program: KernelProgram) {
    var launches: [Int?] = []
    var count = 0
    program.steps.walk { event, _ in
      switch event {
      case .launch:
        launches.append(count)
        count += 1
      case .barrier: launches.append(nil)
      case .enterLoop, .condition, .otherwise, .leaveBranch, .leaveLoop: break
      }
    }
    self.launches = launches
    first = (Profile.slot(launch: count) + 7) / 8 * 8
  }

  /// Words of `status` for so many workers.
  func wordCount(workers: Int) -> Int { first + workers * wordsPerWorker }

  /// Rows begin on cache lines of their own.
  var wordsPerWorker: Int { (2 * launches.count + 7) / 8 * 8 }

  /// Of the first worker; the end follows the start.
  func start(of event: Int) -> Int { first + 2 * event }

  /// What a run has written.
  /// - Parameters:
  ///   - status: as many words as `wordCount(workers:)`.
  ///   - second: of one tick.
  func trace(_ status: [Int64], workers: Int, isSerial: [Bool], second: Double) -> RunTrace {
    let ticks = (0..<workers).map { worker in
      launches.indices.map { event -> (start: Int64, end: Int64) in
        let place = worker * wordsPerWorker + start(of: event)
        return (status[place], status[place + 1])
      }
    }
    var kept: [(worker: Int, event: Int)] = []
    for worker in 0..<workers {
      for (event, launch) in launches.enumerated() {
        let (start, end) = ticks[worker][event]
        // Of what one worker does, the others only see that it is not theirs.
        let isOthers =
          launch.map { isSerial[$0] } == true
          && ticks.indices.contains { $0 != worker && ticks[$0][event].end - ticks[$0][event].start > end - start }
        if end > 0, !isOthers { kept.append((worker, event)) }
      }
    }
    let origin = kept.map { ticks[$0.worker][$0.event].start }.min() ?? 0
    let events = kept.map { worker, event in
      let (start, end) = ticks[worker][event]
      return RunTrace.Event(
        worker: worker, launch: launches[event], start: Double(start - origin) * second,
        seconds: Double(end - start) * second)
    }
    return RunTrace(events: events)
  }
}
