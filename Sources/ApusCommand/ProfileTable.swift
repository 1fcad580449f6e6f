import Apus
import ApusKernels
import ApusLowering
import ApusPlanning
import Foundation

/// Where a program's time goes, launch by launch, the longest first, against what the processor can do.
struct ProfileTable {
  struct Row: Encodable {
    /// The kernel's name and units, and the node it computes; or the wait at barriers.
    let kernel: String
    /// Of one run.
    let microseconds: Double
    /// Of the whole time.
    let share: Double
    /// 10⁹ arithmetic operations a second of all workers, a multiply-add counting two.
    var gflops: Double?
    /// 10⁹ bytes a second, counting each tensor that the kernel touches once.
    var gigabytes: Double?
    /// The least time that the arithmetic or the traffic would need, whichever is more, over the time taken: the fraction
    /// of the roofline (Williams, Waterman and Patterson 2009).
    var roofShare: Double?

    private enum CodingKeys: String, CodingKey {
      case kernel, share
      case microseconds = "us"
      case gflops = "gflop_per_s"
      case gigabytes = "gb_per_s"
      case roofShare = "roof_share"
    }
  }

  let rows: [Row]

  init(_ program: KernelProgram, _ profile: Profile, workers: Int, roof: Roofline) {
    let total = max(1e-12, profile.barrierSeconds + profile.launches.reduce(0) { $0 + $1.seconds })
    let runs = Double(max(1, profile.rounds))
    var rows = zip(program.launches, profile.launches).map { launch, counted in
      let kernel = program.kernels[launch.kernel]
      let units = launch.isSerial ? "serial" : "\(kernel.units)"
      var row = Row(
        kernel: "\(kernel.name) (\(units)), \(launch.origin)", microseconds: counted.seconds / runs * 1e6,
        share: counted.seconds / total)
      if counted.calls > 0, counted.seconds > 0 {
        let seconds = counted.seconds / Double(counted.calls)
        row.gflops = Double(launch.flopCount) / seconds / 1e9
        row.gigabytes = Double(launch.byteCount) / seconds / 1e9
        row.roofShare =
          roof.leastSeconds(launch, isDouble: kernel.isDouble, workers: launch.isSerial ? 1 : workers) / seconds
      }
      return row
    }
    rows.append(
      Row(
        kernel: "waiting at \(program.barrierCount) barriers", microseconds: profile.barrierSeconds / runs * 1e6,
        share: profile.barrierSeconds / total))
    self.rows = rows.sorted { $0.share > $1.share }
  }

  var text: String {
    var lines = ["        µs   share  GFLOP/s    GB/s   roof  kernel (units), origin"]
    for row in rows {
      func number(_ format: String, _ value: Double?) -> String {
        value.map { String(format: format, $0) } ?? ""
      }
      func padded(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
      }
      lines.append(
        String(format: "%10.2f  %5.1f%%  ", row.microseconds, 100 * row.share)
          + padded(number("%.1f", row.gflops), 7) + " " + padded(number("%.1f", row.gigabytes), 7) + " "
          + padded(number("%.0f%%", row.roofShare.map { 100 * $0 }), 6) + "  " + row.kernel)
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

extension Kernel {
  fileprivate var isDouble: Bool { buffers.contains { $0.dtype == .f64 } }
}

extension Roofline {
  /// What a launch would take at the peak of arithmetic, or at the bandwidth of the cache that holds what one worker
  /// reads (what was written before lies in the second level at best), whichever is more.
  fileprivate func leastSeconds(_ launch: Launch, isDouble: Bool, workers: Int) -> Double {
    let share = launch.byteCount / workers
    let levels = readBandwidth.dropFirst()
    let level = levels.first { share <= $0.bytes } ?? levels.last
    let arithmetic = Double(launch.flopCount) / ((isDouble ? gigaflopsDouble : gigaflopsSingle) * 1e9)
    let traffic = Double(launch.byteCount) / ((level?.gigabytesPerSecond ?? .infinity) * 1e9)
    return max(arithmetic, traffic) / Double(workers)
  }
}
