import Foundation

/// What processor and kernel have counted in some piece of work, on all threads of this process (perf_event_open(2)).
public struct EventCounts: Sendable {
  public enum Event: String, CaseIterable, Sendable {
    /// Nanoseconds on a processor; the kernel counts them, on every machine.
    case cpuTime = "cpu_ns"
    /// Counted by the processor, if the machine lets programs ask for it: virtual ones often do not.
    case cycles, instructions
    case cacheMisses = "cache_misses"
    case branchMisses = "branch_misses"

    /// `type` and `config` as of linux/perf_event.h.
    fileprivate var code: (type: UInt32, config: UInt64) {
      switch self {
      case .cpuTime: (1, 1)
      case .cycles: (0, 0)
      case .instructions: (0, 1)
      case .cacheMisses: (0, 3)
      case .branchMisses: (0, 5)
      }
    }
  }

  /// By thread, by event; what could not be counted is left out.
  public private(set) var threads: [[Event: Double]]

  /// Of all threads; nil if it could not be counted on one of them.
  public subscript(event: Event) -> Double? {
    let counts = threads.map { $0[event] }
    return threads.isEmpty || counts.contains(nil) ? nil : counts.reduce(0) { $0 + ($1 ?? 0) }
  }

  /// Whether the processor counted anything.
  public var hasHardware: Bool { self[.cycles] != nil || self[.instructions] != nil }

  /// Counts what this process does in `body`: on the threads that there are when it begins.
  /// - Returns: nothing is counted where the kernel refuses.
  public static func counting(_ body: () throws -> Void) rethrows -> EventCounts {
    let counters = taskNumbers().map { task in
      (task, Event.allCases.compactMap { event in Counter(event, task: task).map { (event, $0) } })
    }.filter { task, list in
      // A thread that has ended since it was listed counts nothing.
      !list.isEmpty || access("/proc/self/task/\(task)", F_OK) == 0
    }
    let before = counters.map { $0.1.map { $1.reading } }
    try body()
    let threads = zip(counters, before).map { thread, old in
      zip(thread.1, old).compactMap { entry, old in
        entry.1.reading.flatMap { $0.count(since: old) }.map { (entry.0, $0) }
      }
    }
    return EventCounts(threads: threads.map { Dictionary($0) { first, _ in first } })
  }

  /// The counts of one of so many equal steps.
  public func perStep(of count: Int) -> EventCounts {
    EventCounts(threads: threads.map { $0.mapValues { $0 / Double(max(1, count)) } })
  }

  private static func taskNumbers() -> [Int] {
    ((try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []).compactMap { Int($0) }.sorted()
  }
}

/// One event on one thread, counted from now on.
private final class Counter {
  private let file: Int32

  /// - Returns: nil if the kernel or the processor does not count it.
  init?(_ event: EventCounts.Event, task: Int) {
    guard let number = Counter.number, let call = Counter.call else { return nil }
    // perf_event_attr in its first version: type, size, config, …, read_format at 32, flags at 40.
    var attributes = [UInt8](repeating: 0, count: 64)
    let (type, config) = event.code
    let opened = attributes.withUnsafeMutableBytes { bytes in
      bytes.storeBytes(of: type, as: UInt32.self)
      bytes.storeBytes(of: 64, toByteOffset: 4, as: UInt32.self)
      bytes.storeBytes(of: config, toByteOffset: 8, as: UInt64.self)
      // The times enabled and running: there may be more events than counters, which take turns then.
      bytes.storeBytes(of: 0b11, toByteOffset: 32, as: UInt64.self)
      // exclude_kernel and exclude_hv: programs without privileges may count themselves alone.
      bytes.storeBytes(of: 0b110_0000, toByteOffset: 40, as: UInt64.self)
      // The last bit closes the file on exec.
      return call(number, bytes.baseAddress, task, -1, -1, 8)
    }
    guard opened >= 0 else { return nil }
    file = Int32(opened)
  }

  deinit { close(file) }

  /// What was counted so far, while the thread ran for `enabled` nanoseconds and the counter for `running` of them.
  struct Reading {
    var value: UInt64 = 0
    var enabled: UInt64 = 0
    var running: UInt64 = 0

    /// What was counted since another reading, scaled to the whole time if it was counted for a part of it.
    /// - Returns: nil if it was not counted at all although the thread ran, or that is not known.
    func count(since old: Reading?) -> Double? {
      guard let old else { return nil }
      if enabled == old.enabled { return 0 }
      guard running > old.running else { return nil }
      return Double(value - old.value) * Double(enabled - old.enabled) / Double(running - old.running)
    }
  }

  /// Nil if it cannot be read.
  var reading: Reading? {
    var reading = Reading()
    return withUnsafeMutableBytes(of: &reading) { read(file, $0.baseAddress, 24) } == 24 ? reading : nil
  }

  /// `syscall(2)`, which takes any number of arguments and is not imported for that.
  private typealias Call = @convention(c) (Int, UnsafeMutableRawPointer?, Int, Int, Int, Int) -> Int
  private static let call = dlsym(nil, "syscall").map { unsafeBitCast($0, to: Call.self) }

  /// Of perf_event_open.
  private static var number: Int? {
    #if arch(x86_64)
      298
    #elseif arch(arm64)
      241
    #else
      nil
    #endif
  }
}
