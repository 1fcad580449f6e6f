import ApusKernels
import ApusLowering
import ApusNative
import ApusPlanning

/// Where a program's time goes, launch by launch, the longest first, against what the processor can do.
public struct LaunchProfile {
  public struct Row: Sendable {
    /// The kernel's name and units, and the node it computes; or the wait at barriers.
    public let kernel: String
    /// The launch's position in `KernelProgram.launches`; nil: the wait at barriers.
    public var launch: Int?
    /// Seconds of one run.
    public let seconds: Double
    /// The share of the whole time, from 0 to 1.
    public let share: Double
    /// Arithmetic operations a second of all workers, a multiply-add counting two.
    public var operationsPerSecond: Double?
    /// Bytes a second, counting each tensor that the kernel touches once.
    public var bytesPerSecond: Double?
    /// The least time that the arithmetic or the traffic would need, whichever is more, over the time taken: the fraction
    /// of the roofline (Williams, Waterman and Patterson 2009).
    public var roofShare: Double?
  }

  public let rows: [Row]
  /// What the rows are compared with.
  public let roof: Roofline

  init(_ program: KernelProgram, _ profile: Profile, workers: Int, roof: Roofline) {
    let total = max(1e-12, profile.barrierSeconds + profile.launches.reduce(0) { $0 + $1.seconds })
    let runs = Double(max(1, profile.rounds))
    var rows = zip(program.launches, profile.launches).enumerated().map { position, pair in
      let (launch, counted) = pair
      let kernel = program.kernels[launch.kernel]
      let units = launch.isSerial ? "serial" : "\(kernel.units)"
      var row = Row(
        kernel: "\(kernel.name) (\(units)), \(launch.origin)", seconds: counted.seconds / runs,
        share: counted.seconds / total)
      row.launch = position
      if counted.calls > 0, counted.seconds > 0 {
        let seconds = counted.seconds / Double(counted.calls)
        row.operationsPerSecond = Double(launch.flopCount) / seconds
        row.bytesPerSecond = Double(launch.byteCount) / seconds
        row.roofShare =
          roof.leastSeconds(launch, isDouble: kernel.isDouble, workers: launch.isSerial ? 1 : workers) / seconds
      }
      return row
    }
    rows.append(
      Row(
        kernel: "waiting at \(program.barrierCount) barriers", seconds: profile.barrierSeconds / runs,
        share: profile.barrierSeconds / total))
    self.roof = roof
    self.rows = rows.sorted { $0.share > $1.share }
  }
}

extension Kernel {
  /// Whether it computes in double precision: the peak of arithmetic is then another one.
  package var isDouble: Bool { buffers.contains { $0.dtype == .f64 } }
}

extension Roofline {
  /// What a launch would take at the peak of arithmetic, or at the bandwidth of the cache that holds what one worker
  /// reads (what was written before is in the second level at best), whichever is more.
  fileprivate func leastSeconds(_ launch: Launch, isDouble: Bool, workers: Int) -> Double {
    let share = launch.byteCount / workers
    let levels = readBandwidth.dropFirst()
    let level = levels.first { share <= $0.bytes } ?? levels.last
    let arithmetic = Double(launch.flopCount) / ((isDouble ? gigaflopsDouble : gigaflopsSingle) * 1e9)
    let traffic = Double(launch.byteCount) / ((level?.gigabytesPerSecond ?? .infinity) * 1e9)
    return max(arithmetic, traffic) / Double(workers)
  }
}
