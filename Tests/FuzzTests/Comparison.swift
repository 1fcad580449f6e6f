import Apus

/// Decides whether two runs of a graph differ by more than rounding.
///
/// Integers and truth values must be the same. Numbers within two units in the last place are the same, and so are two
/// NaN; zeros must have one sign. What is further apart is measured by what rounding does to this element: the graph is
/// run with random perturbations of the size of each operator's rounding (`Perturbation`), and the element must lie in
/// the range of these runs, widened by twice its width on both sides for the runs that were not made. An element that
/// jumps under perturbations (a rounded comparison decides it, an overflow is near) is bound by the range of its jumps.
/// Where the reference itself lies outside of what its perturbations reach (the reciprocal of a sum that cancels), they
/// say nothing.
struct Comparison {
  /// Elements by what their comparison took.
  struct Tally: CustomStringConvertible {
    var same = 0
    var within = 0
    /// Perturbations move these by more than a hundredth, or make them infinite or NaN: they say little.
    var undecided = 0

    /// Which part of the elements are undecided.
    var undecidedShare: Double { Double(undecided) / Double(max(1, same + within + undecided)) }

    var description: String { "\(same) elements the same, \(within) within rounding, \(undecided) undecided" }
    static func += (a: inout Tally, b: Tally) {
      (a.same, a.within, a.undecided) = (a.same + b.same, a.within + b.within, a.undecided + b.undecided)
    }
  }

  /// Runs with perturbations are made in rounds, each where the one before leaves elements open.
  static let rounds = [4, 16, 64]

  /// - Parameters:
  ///   - sample: the values of a run with perturbations by seed.
  /// - Returns: the first element that differs, in words; nil if none does.
  static func mismatch(
    _ reference: [Tensor], _ found: [Tensor], _ tally: inout Tally, sample: (UInt64) throws -> [Tensor]
  ) throws -> String? {
    guard reference.count == found.count else { return "\(reference.count) results became \(found.count)" }
    var open: [Element] = []
    for (position, (a, b)) in zip(reference, found).enumerated() {
      guard a.type == b.type else { return "result \(position): a \(a.type) became a \(b.type)" }
      open += differing(position, a, b)
      tally.same += a.count
    }
    tally.same -= open.count
    var seed: UInt64 = 0
    for count in rounds where !open.isEmpty {
      for _ in 0..<count {
        seed += 1
        let values = try sample(seed)
        for output in values.indices where open.contains(where: { $0.output == output }) {
          let doubles = values[output].doubles()
          for index in open.indices where open[index].output == output { open[index].add(doubles[open[index].index]) }
        }
      }
      for element in open where element.isExplained {
        if element.isUndecided { tally.undecided += 1 } else { tally.within += 1 }
      }
      open.removeAll(where: \.isExplained)
    }
    return open.first.map { "\($0), and \(open.count - 1) more elements" }
  }

  /// Where two runs of native code differ, which must not.
  static func firstDifferentBit(_ a: [Tensor], _ b: [Tensor]) -> String? {
    for (position, (x, y)) in zip(a, b).enumerated() where x != y {
      for (index, (p, q)) in zip(x.doubles(), y.doubles()).enumerated()
      where !(p == q && p.sign == q.sign) && !(p.isNaN && q.isNaN) {
        return "result \(position), element \(index): \(p) and \(q)"
      }
    }
    return nil
  }

  private static func differing(_ output: Int, _ a: Tensor, _ b: Tensor) -> [Element] {
    if a == b { return [] }
    let (p, q) = (a.doubles(), b.doubles())
    // Beyond 2⁵³ two of them may be one double.
    let isSame: (Int) -> Bool
    if a.dtype == .i64 {
      let (x, y) = (a.elements(as: Int64.self), b.elements(as: Int64.self))
      isSame = { x[$0] == y[$0] }
    } else {
      isSame = { isNear(p[$0], q[$0], a.dtype) }
    }
    return p.indices.filter { !isSame($0) }.map {
      Element(output: output, index: $0, dtype: a.dtype, reference: p[$0], found: q[$0])
    }
  }

  static func isNear(_ x: Double, _ y: Double, _ dtype: DType) -> Bool {
    if x == y { return x.sign == y.sign || !dtype.isFloating }
    if x.isNaN && y.isNaN { return true }
    // At the end of the range the order of operations decides whether one of them overflows.
    let last = (dtype == .f64 ? Double.greatestFiniteMagnitude : Double(Float.greatestFiniteMagnitude)) / 1024
    if x.sign == y.sign, x.isInfinite || y.isInfinite, min(abs(x), abs(y)) >= last {
      return precision(dtype) != nil
    }
    guard x.isFinite, y.isFinite, let (epsilon, least) = precision(dtype) else { return false }
    return abs(x - y) <= 2 * epsilon * max(abs(x), abs(y)) + 4 * least
  }

  /// The relative distance of neighbors and the least number; nil if results are rounded once and must be the same.
  fileprivate static func precision(_ dtype: DType) -> (epsilon: Double, least: Double)? {
    switch dtype {
    case .f32: (Double(Float.ulpOfOne), Double(Float.leastNonzeroMagnitude))
    case .f64: (Double.ulpOfOne, Double.leastNonzeroMagnitude)
    case .bf16, .f16, .i8, .u8, .i32, .i64, .bool: nil
    }
  }

  /// An element that differs, and where perturbations take it.
  private struct Element: CustomStringConvertible {
    let output: Int
    let index: Int
    let dtype: DType
    let reference: Double
    let found: Double
    private var low: Double
    private var high: Double
    /// The range of the runs in which perturbations moved it by more than a hundredth.
    private var sampled = (low: Double.infinity, high: -Double.infinity)
    private var changesKind = false
    /// Whether zeros of both signs were seen.
    private var (hasPlus, hasMinus) = (false, false)

    init(output: Int, index: Int, dtype: DType, reference: Double, found: Double) {
      (self.output, self.index, self.dtype, self.reference, self.found) = (output, index, dtype, reference, found)
      (low, high) = (reference, reference)
    }

    mutating func add(_ x: Double) {
      let isSameKind = x.isFinite && reference.isFinite || x.isNaN && reference.isNaN || x == reference
      if !isSameKind { changesKind = true }
      for zero in [x, reference] where zero == 0 {
        if zero.sign == .plus { hasPlus = true } else { hasMinus = true }
      }
      (low, high) = (min(low, x), max(high, x))
      if abs(x - reference) > 0.01 * abs(reference) { sampled = (min(sampled.low, x), max(sampled.high, x)) }
    }

    /// Whether the reference is an outlier of its own perturbations.
    private var isOutlier: Bool {
      let slack = 2 * (sampled.high - sampled.low)
      return slack > 0 && (reference < sampled.low - slack || reference > sampled.high + slack)
    }

    var isExplained: Bool {
      if changesKind || isOutlier || found == 0 && hasPlus && hasMinus { return true }
      guard reference.isFinite, high > low else { return false }
      if !dtype.isFloating { return true }
      let slack = 2 * (high - low)
      return found.isFinite && found >= low - slack && found <= high + slack
    }

    var isUndecided: Bool { changesKind || isOutlier || high - low > 0.01 * max(abs(low), abs(high)) }

    var description: String {
      "result \(output), element \(index) (\(dtype)): \(reference) became \(found); rounding explains \(low) to \(high)"
    }
  }
}
