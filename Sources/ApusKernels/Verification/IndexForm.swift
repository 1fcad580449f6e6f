/// An integer of which something is known before the kernel runs: a constant plus multiples of unknowns, each of which
/// lies in a range.
struct IndexForm: Hashable {
  /// Something that a kernel computes with and that is not known: a loop's position, the lane, the result of a minimum.
  struct Unknown: Hashable {
    /// `IndexForm.lane` or a number of its own.
    let id: Int
    let range: ClosedRange<Int>
    /// Whether the kernel surely comes to both ends of the range, whatever other unknowns are.
    let isExact: Bool
  }

  /// The number of the lane that an index belongs to; its range is that of the lanes that take part.
  static let lane = 0

  var constant: Int
  /// By id, none 0.
  private(set) var terms: [Int: (factor: Int, unknown: Unknown)]

  init(_ constant: Int) { (self.constant, terms) = (constant, [:]) }

  init(_ unknown: Unknown) { (constant, terms) = (0, [unknown.id: (1, unknown)]) }

  static func == (a: IndexForm, b: IndexForm) -> Bool {
    a.constant == b.constant && a.terms.mapValues(\.factor) == b.terms.mapValues(\.factor)
  }

  func hash(into hasher: inout Hasher) { hasher.combine(constant) }

  /// The number itself, if it is known.
  var number: Int? { terms.isEmpty ? constant : nil }
  var isExact: Bool { terms.values.allSatisfy(\.unknown.isExact) }
  var lanesFactor: Int { terms[IndexForm.lane]?.factor ?? 0 }

  // MARK: Arithmetic; nil if it leaves the numbers of 64 bits

  func adding(_ other: IndexForm, times factor: Int = 1) -> IndexForm? {
    guard let scaled = other.multiplied(by: factor) else { return nil }
    let (sum, overflows) = constant.addingReportingOverflow(scaled.constant)
    if overflows { return nil }
    var result = self
    result.constant = sum
    for (id, term) in scaled.terms {
      let (factor, overflows) = (terms[id]?.factor ?? 0).addingReportingOverflow(term.factor)
      if overflows { return nil }
      result.terms[id] = factor == 0 ? nil : (factor, term.unknown)
    }
    return result
  }

  func multiplied(by number: Int) -> IndexForm? {
    if number == 0 { return IndexForm(0) }
    var result = self
    let (product, overflows) = constant.multipliedReportingOverflow(by: number)
    if overflows { return nil }
    result.constant = product
    for (id, term) in terms {
      let (factor, overflows) = term.factor.multipliedReportingOverflow(by: number)
      if overflows { return nil }
      result.terms[id] = (factor, term.unknown)
    }
    return result
  }

  /// With the lane known.
  func at(lane: Int) -> IndexForm? {
    guard lanesFactor != 0 else { return self }
    var result = self
    result.terms[IndexForm.lane] = nil
    let (offset, overflows) = lanesFactor.multipliedReportingOverflow(by: lane)
    return overflows ? nil : result.adding(IndexForm(offset))
  }

  /// The numbers between which it lies; nil if they leave the numbers of 64 bits.
  var range: ClosedRange<Int>? {
    var (low, high) = (constant, constant)
    for term in terms.values {
      let ends = [term.unknown.range.lowerBound, term.unknown.range.upperBound].map {
        $0.multipliedReportingOverflow(by: term.factor)
      }
      if ends.contains(where: \.overflow) { return nil }
      let (a, b) = (ends[0].partialValue, ends[1].partialValue)
      let (l, r) = (low.addingReportingOverflow(min(a, b)), high.addingReportingOverflow(max(a, b)))
      if l.overflow || r.overflow { return nil }
      (low, high) = (l.partialValue, r.partialValue)
    }
    return low...high
  }
}
