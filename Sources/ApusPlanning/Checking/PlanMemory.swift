import ApusCore
import ApusKernels

/// Who wrote bytes, and for which buffer.
struct PlanContent: Equatable {
  /// 0: nothing that means something.
  var symbol: Int
  var owner: Int
  var writer: Int
  /// From an earlier round, of a buffer that only means something within one.
  var isStale = false
}

/// Bytes of a memory with what is in them.
struct PlanMemory {
  typealias Segment = (range: Range<Int>, content: PlanContent)
  /// In order, apart from each other; bytes between hold nothing.
  private(set) var segments: [Segment] = []

  /// What lies in a range, cut to it.
  subscript(range: Range<Int>) -> [Segment] {
    var found: [Segment] = []
    var index = firstIndex(endingAfter: range.lowerBound)
    while index < segments.count, segments[index].range.lowerBound < range.upperBound {
      let cut = segments[index].range.clamped(to: range)
      if !cut.isEmpty { found.append((cut, segments[index].content)) }
      index += 1
    }
    return found
  }

  /// What lies in a range, and where nothing does, `nothing`.
  func complete(_ range: Range<Int>, nothing: PlanContent) -> [Segment] {
    var result: [Segment] = []
    var at = range.lowerBound
    for segment in self[range] {
      if at < segment.range.lowerBound { result.append((at..<segment.range.lowerBound, nothing)) }
      result.append(segment)
      at = segment.range.upperBound
    }
    if at < range.upperBound { result.append((at..<range.upperBound, nothing)) }
    return result
  }

  mutating func set(_ range: Range<Int>, _ contents: [Segment]) {
    if range.isEmpty { return }
    let first = firstIndex(endingAfter: range.lowerBound)
    var end = first
    var kept: [Segment] = []
    while end < segments.count, segments[end].range.lowerBound < range.upperBound {
      let old = segments[end]
      if old.range.lowerBound < range.lowerBound {
        kept.append((old.range.lowerBound..<range.lowerBound, old.content))
      }
      if old.range.upperBound > range.upperBound {
        kept.append((range.upperBound..<old.range.upperBound, old.content))
      }
      end += 1
    }
    let before = kept.filter { $0.range.upperBound <= range.lowerBound }
    let after = kept.filter { $0.range.lowerBound >= range.upperBound }
    segments.replaceSubrange(first..<end, with: before + contents + after)
  }

  mutating func change(_ range: Range<Int>, _ body: (inout PlanContent) -> Void) {
    set(
      range,
      self[range].map { segment in
        var changed = segment
        body(&changed.content)
        return changed
      })
  }

  mutating func changeAll(_ body: (inout PlanContent) -> Void) {
    for index in segments.indices { body(&segments[index].content) }
  }

  private func firstIndex(endingAfter byte: Int) -> Int {
    var (low, high) = (0, segments.count)
    while low < high {
      let middle = (low + high) / 2
      if segments[middle].range.upperBound <= byte { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

/// A launch, or a condition, in certain rounds of the loops around it.
struct PlanInstance: Hashable {
  /// Launches count up from 0, conditions down from -1.
  var number: Int
  var rounds: [Int]
}

extension Location {
  func start(_ rounds: [Int]) -> Int { zip(strides, rounds).reduce(offset) { $0 + $1.0 * $1.1 } }
}
