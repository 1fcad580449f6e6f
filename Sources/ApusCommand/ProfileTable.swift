import ApusMeasurement
import Foundation

/// A profile as `bench --profile` prints it.
struct ProfileTable {
  struct Row: Encodable {
    let kernel: String
    let microseconds: Double
    let share: Double
    /// 10⁹ arithmetic operations a second.
    let gflops: Double?
    /// 10⁹ bytes a second.
    let gigabytes: Double?
    let roofShare: Double?

    private enum CodingKeys: String, CodingKey {
      case kernel, share
      case microseconds = "us"
      case gflops = "gflop_per_s"
      case gigabytes = "gb_per_s"
      case roofShare = "roof_share"
    }
  }

  let rows: [Row]

  init(_ profile: LaunchProfile) {
    rows = profile.rows.map {
      Row(
        kernel: $0.kernel, microseconds: $0.seconds * 1e6, share: $0.share,
        gflops: $0.operationsPerSecond.map { $0 / 1e9 }, gigabytes: $0.bytesPerSecond.map { $0 / 1e9 },
        roofShare: $0.roofShare)
    }
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
