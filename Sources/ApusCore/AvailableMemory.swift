import Glibc

/// How much memory this process can still be given, and what sets the limit.
///
/// Linux promises memory that it does not have (overcommit): an allocation succeeds, and the process is killed when it
/// writes to it. So large requests are compared with the least of: what the machine has left, what control groups
/// leave (version 2 and version 1), and the limits of the process.
package struct AvailableMemory: Sendable {
  /// Bytes that can still be used.
  package var byteCount: Int
  /// What sets the limit, as a message says it: "of this machine".
  package var reason: String

  package init(byteCount: Int, reason: String) {
    self.byteCount = byteCount
    self.reason = reason
  }

  /// What can be asked for: a sixteenth is left for everything else.
  package var usableByteCount: Int { byteCount - byteCount / 16 }

  /// The state of this process. Takes some 50 µs.
  package static func current() -> AvailableMemory { MemoryReader(root: "").smallest }

  /// The same of files below `root`, for tests. The limits of the process are left out.
  package static func described(below root: String) -> AvailableMemory { MemoryReader(root: root).smallest }
}

/// Reads the files in which Linux tells about memory.
private struct MemoryReader {
  /// What precedes `/proc` and `/sys`.
  let root: String

  var smallest: AvailableMemory {
    ([machine] + controlGroups + (root.isEmpty ? [addressSpace, data] : [])).compactMap { $0 }
      .min { $0.byteCount < $1.byteCount } ?? AvailableMemory(byteCount: .max, reason: "of this machine")
  }

  /// - Parameter used: nil if it is not known; then nothing is known.
  private func left(_ limit: Int?, used: Int?, _ reason: String) -> AvailableMemory? {
    guard let limit, let used else { return nil }
    return AvailableMemory(byteCount: max(0, limit - used), reason: reason)
  }

  /// proc(5): an estimate of what can be used without swapping, and free swap.
  private var machine: AvailableMemory? {
    let numbers = fields("/proc/meminfo")
    guard let available = numbers["MemAvailable:"] ?? numbers["MemFree:"] else { return nil }
    return AvailableMemory(byteCount: (available + (numbers["SwapFree:"] ?? 0)) * 1024, reason: "of this machine")
  }

  /// Every group around this process, its own first. The kernel gives back pages of files before it kills, so inactive
  /// ones count as free.
  private var controlGroups: [AvailableMemory] {
    ControlGroup.all(of: "memory", in: text("/proc/self/cgroup") ?? "").compactMap { group in
      let names =
        group.isVersion2
        ? (limit: "memory.max", used: "memory.current", reclaimable: "inactive_file")
        : (limit: "memory.limit_in_bytes", used: "memory.usage_in_bytes", reclaimable: "total_inactive_file")
      guard let limit = number("\(group.folder)/\(names.limit)"), let used = number("\(group.folder)/\(names.used)")
      else { return nil }
      let reclaimable = fields("\(group.folder)/memory.stat")[Substring(names.reclaimable)] ?? 0
      return left(limit, used: max(0, used - reclaimable), "of this process's control group")
    }
  }

  private var addressSpace: AvailableMemory? {
    left(limit(Self.number(RLIMIT_AS)), used: statm(0), "of this process (ulimit -v)")
  }

  private var data: AvailableMemory? {
    left(limit(Self.number(RLIMIT_DATA)), used: statm(5), "of this process (ulimit -d)")
  }

  private static func number(_ resource: __rlimit_resource) -> __rlimit_resource_t {
    __rlimit_resource_t(resource.rawValue)
  }

  private func limit(_ resource: __rlimit_resource_t) -> Int? {
    var limit = rlimit()
    guard getrlimit(resource, &limit) == 0, limit.rlim_cur != rlim_t.max else { return nil }
    return Int(exactly: limit.rlim_cur)
  }

  /// A number of `/proc/self/statm`, in bytes: the address space first, data and stack sixth.
  private func statm(_ position: Int) -> Int? {
    let numbers = (text("/proc/self/statm") ?? "").split { $0 == " " || $0 == "\n" }
    guard numbers.indices.contains(position), let pages = Int(numbers[position]) else { return nil }
    return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
  }

  // MARK: Files

  /// The file's only number; nil for `max`.
  private func number(_ path: String) -> Int? {
    (text(path) ?? "").split { $0 == " " || $0 == "\n" }.first.flatMap { Int($0) }
  }

  /// Lines of a name and a number.
  private func fields(_ path: String) -> [Substring: Int] {
    var result: [Substring: Int] = [:]
    for line in (text(path) ?? "").split(separator: "\n") {
      let words = line.split(separator: " ", maxSplits: 2)
      if words.count >= 2, let number = Int(words[1]) { result[words[0]] = number }
    }
    return result
  }

  /// The first 16 KiB: all of these files are shorter.
  private func text(_ path: String) -> String? {
    let file = open(root + path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    return withUnsafeTemporaryAllocation(byteCount: 16 << 10, alignment: 1) { buffer in
      var count = 0
      while count < buffer.count {
        let step = read(file, buffer.baseAddress.map { $0 + count }, buffer.count - count)
        if step <= 0 { break }
        count += step
      }
      return String(decoding: buffer[..<count], as: UTF8.self)
    }
  }
}
