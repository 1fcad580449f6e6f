import ApusCore
import Foundation

/// How many processors this process may keep busy.
package enum ProcessorCount {
  /// Those that it may run on (its affinity mask, which a cpuset narrows too), or fewer where a control group's share of
  /// processor time is less: workers that wait for one that the system has stopped would burn what is left of the share.
  ///
  /// Asked once: a team is as large as the process was allowed to be when it began.
  package static let available: Int = {
    func content(_ path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }
    let processors =
      content("/proc/thread-self/status").flatMap { allowedProcessors(status: $0) }
      ?? max(1, ProcessInfo.processInfo.activeProcessorCount)
    return min(processors, quota(groups: content("/proc/self/cgroup") ?? "", content: content) ?? processors)
  }()

  /// The processors in a thread's affinity mask, as `/proc/PID/status` tells it: `Cpus_allowed:`, then words of
  /// hexadecimal digits with commas between them. Threads inherit it from the one that starts them.
  package static func allowedProcessors(status: String) -> Int? {
    let name = "Cpus_allowed:"
    guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix(name) }) else { return nil }
    let digits = line.dropFirst(name.count).filter { $0 != "," && !$0.isWhitespace }.map(\.hexDigitValue)
    let count = digits.reduce(0) { $0 + ($1 ?? 0).nonzeroBitCount }
    return digits.contains(nil) || count == 0 ? nil : count
  }

  /// The least quota of the control groups that this process is in and of those around them, in whole processors; nil if
  /// none has one.
  /// - Parameters:
  ///   - groups: what `/proc/self/cgroup` holds: lines `number:controllers:path`, and `0::path` for version 2.
  ///   - content: what a file holds; nil if there is no such file.
  package static func quota(groups: String, content: (String) -> String?) -> Int? {
    ControlGroup.all(of: "cpu", in: groups).compactMap { group in
      if group.isVersion2 { return content("\(group.folder)/cpu.max").flatMap { wholeProcessors(inQuota: $0) } }
      guard let quota = content("\(group.folder)/cpu.cfs_quota_us"),
        let period = content("\(group.folder)/cpu.cfs_period_us")
      else { return nil }
      return wholeProcessors(inQuota: quota + " " + period)
    }.min()
  }

  /// Microseconds of processor time in each period of so many microseconds, as control groups tell them: `200000 100000`
  /// is 2 processors; `max` or a negative number is no limit.
  package static func wholeProcessors(inQuota text: String) -> Int? {
    let numbers = text.split { $0 == " " || $0 == "\n" }.map { Int($0) }
    guard numbers.count == 2, let quota = numbers[0], let period = numbers[1], quota > 0, period > 0 else { return nil }
    return max(1, quota / period)
  }
}
