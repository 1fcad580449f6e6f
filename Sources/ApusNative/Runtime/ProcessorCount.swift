import Foundation

/// How many processors this process may keep busy.
package enum ProcessorCount {
  /// Those that it may run on, or fewer where a container's share of processor time is less: workers that wait for one
  /// that the system has stopped would burn what is left of the share.
  package static let available: Int = {
    let processors = max(1, ProcessInfo.processInfo.activeProcessorCount)
    func content(_ path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }
    let quota =
      content("/sys/fs/cgroup/cpu.max").flatMap { wholeProcessors(inQuota: $0) }
      ?? content("/sys/fs/cgroup/cpu/cpu.cfs_quota_us").flatMap { quota in
        content("/sys/fs/cgroup/cpu/cpu.cfs_period_us").flatMap { wholeProcessors(inQuota: quota + " " + $0) }
      }
    return min(processors, quota ?? processors)
  }()

  /// Microseconds of processor time in each period of so many microseconds, as control groups tell them: `200000 100000`
  /// is 2 processors; `max` or a negative number is no limit.
  package static func wholeProcessors(inQuota text: String) -> Int? {
    let numbers = text.split { $0 == " " || $0 == "\n" }.map { Int($0) }
    guard numbers.count == 2, let quota = numbers[0], let period = numbers[1], quota > 0, period > 0 else { return nil }
    return max(1, quota / period)
  }
}
