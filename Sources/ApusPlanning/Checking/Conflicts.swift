import ApusCore
import ApusKernels

/// What workers may still be doing since the last barrier.
struct Conflicts {
  /// Bytes that a launch or a condition touches.
  struct Touch {
    var range: Range<Int>
    var buffer: Int
    var isSerial: Bool
    var label: InstanceLabel
  }

  /// By memory.
  private var writes: [Int: [Touch]] = [:]
  private var reads: [Int: [Touch]] = [:]

  mutating func passBarrier() {
    writes.removeAll(keepingCapacity: true)
    reads.removeAll(keepingCapacity: true)
  }

  /// - Returns: what a touch must not happen together with, and whether that writes. Launches that one worker does alone
  ///   are in order.
  func conflict(of touch: Touch, in memory: Int, writes isWriting: Bool) -> (other: Touch, writes: Bool)? {
    func first(_ touches: [Touch]?) -> Touch? {
      touches?.first { !($0.isSerial && touch.isSerial) && $0.range.overlaps(touch.range) }
    }
    if let other = first(writes[memory]) { return (other, true) }
    if isWriting, let other = first(reads[memory]) { return (other, false) }
    return nil
  }

  mutating func add(_ touch: Touch, in memory: Int, writes isWriting: Bool) {
    if isWriting { writes[memory, default: []].append(touch) } else { reads[memory, default: []].append(touch) }
  }
}

/// Names a launch in messages.
struct InstanceLabel: CustomStringConvertible {
  var origin: String
  var iterations: [Int]

  var description: String {
    iterations.isEmpty
      ? origin : "\(origin) in iteration \(iterations.map { "\($0 + 1)" }.joined(separator: "."))"
  }
}
