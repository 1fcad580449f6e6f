import ApusGraph
import ApusNative
import Foundation

/// What `Benchmark` found.
public struct BenchmarkResult {
  /// What was measured.
  public let executable: any Executable
  private let isTraining: Bool
  /// Samples of a run or a training step.
  public let batch: Int
  /// Seconds from the graph to the end of the first run.
  public let compileSeconds: Double
  /// Median seconds of a run or a training step.
  public let stepSeconds: Double
  /// What tuning found; nil if nothing was tuned.
  public let tuning: TuningResult?
  /// What was counted in one run or training step; nil if that was not asked for.
  public let counts: EventCounts?

  init(
    executable: any Executable, isTraining: Bool, batch: Int, compileSeconds: Double, stepSeconds: Double,
    tuning: TuningResult?, counts: EventCounts?
  ) {
    self.executable = executable
    self.isTraining = isTraining
    self.batch = batch
    self.compileSeconds = compileSeconds
    self.stepSeconds = stepSeconds
    self.tuning = tuning
    self.counts = counts
  }

  public var samplesPerSecond: Double { Double(batch) / stepSeconds }

  /// Where the time goes; nil unless this is native code of a backend that is profiled.
  /// - Parameter workers: how many share each run.
  public func profile(workers: Int) throws -> LaunchProfile? {
    guard let native = executable as? NativeExecutable else { return nil }
    let counted = try isTraining ? native.profileOverRows() : native.profileOfRuns()
    return try counted.map {
      LaunchProfile($0.program, $0.profile, workers: workers, roof: try Roofline.measure())
    }
  }

  /// How many workers training steps came down to, because that was faster; nil if all took part.
  public var fewerWorkers: Int? {
    guard isTraining, let native = executable as? NativeExecutable else { return nil }
    return native.fastestWorkersOverRows < native.workers ? native.fastestWorkersOverRows : nil
  }

  /// The last measured run or training step on each worker; nil unless this is native code of a backend that is profiled.
  public func trace() throws -> TraceFile? {
    guard let native = executable as? NativeExecutable else { return nil }
    return try native.trace(overRows: isTraining).map { TraceFile($0.program, $0.trace) }
  }
}

/// What a process uses.
public enum ProcessMemory {
  /// The largest resident set of this process so far, in bytes.
  public static var peakBytes: Int {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss * 1024
  }
}
