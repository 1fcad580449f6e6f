import ApusMeasurement
import Foundation

/// Counted events as `bench --profile` prints them.
struct EventTable {
  /// Of one step, by name; those that the machine does not count are left out.
  let events: [String: Double]
  private let counts: EventCounts

  init(_ counts: EventCounts) {
    self.counts = counts
    events = Dictionary(
      uniqueKeysWithValues: EventCounts.Event.allCases.compactMap { event in counts[event].map { (event.rawValue, $0) }
      })
  }

  var text: String {
    var parts = counts[.cpuTime].map { [String(format: "%.1f µs of processor time", $0 / 1e3)] } ?? []
    func add(_ event: EventCounts.Event, _ name: String) {
      if let count = counts[event] { parts.append(String(format: "%.0f ", count) + name) }
    }
    add(.cycles, "cycles")
    add(.instructions, "instructions")
    if let cycles = counts[.cycles], let instructions = counts[.instructions], cycles > 0 {
      parts.append(String(format: "%.2f a cycle", instructions / cycles))
    }
    add(.cacheMisses, "cache misses")
    add(.branchMisses, "branch misses")
    if !counts.hasHardware { parts.append("the processor's own counters cannot be read on this machine") }
    return "a step, all workers: " + parts.joined(separator: ", ") + "\n"
  }
}
