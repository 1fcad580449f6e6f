import ApusCore

extension Report {
  /// What one value was in a run.
  public struct ValueData: Codable, Sendable {
    /// The least and the largest finite element; nil if there is none.
    public var least: Double?
    public var largest: Double?
    /// The fraction of elements that are zero.
    public var zeros: Double
    /// The first element that is NaN or infinite: `NaN at [0, 3]`.
    public var firstBad: String?
    /// The address in the first stage of the node whose value it should be, as double precision has it.
    public var reference: String?
    /// The largest difference from that, relative to the largest magnitude in it; nil without a counterpart, and where a
    /// number is NaN or infinite on one side only.
    public var error: Double?
    /// That largest difference itself: a sum that cancels may be wrong in all digits, and yet be near.
    public var difference: Double?
    /// The first element that is NaN or infinite, and should not be or should be another one.
    public var firstWrong: String?
  }
}

extension Report.ValueData {
  /// - Parameter expected: the elements that it should have; nil: there is no counterpart.
  init(_ value: Tensor, expected: [Double]?) {
    let elements = value.doubles()
    func place(_ i: Int) -> String {
      var rest = i
      let indices = value.dimensions.reversed().map { size in
        defer { rest /= max(1, size) }
        return rest % max(1, size)
      }
      let word = elements[i].isNaN ? "NaN" : elements[i] == .infinity ? "infinity" : "−infinity"
      return (elements[i].isFinite ? "\(elements[i])" : word)
        + " at [\(indices.reversed().map(String.init).joined(separator: ", "))]"
    }
    let finite = elements.lazy.filter(\.isFinite)
    least = finite.min()
    largest = finite.max()
    zeros = elements.isEmpty ? 0 : Double(elements.count { $0 == 0 }) / Double(elements.count)
    firstBad = elements.firstIndex { !$0.isFinite }.map(place)
    guard let expected, expected.count == elements.count else { return }
    var (difference, magnitude) = (0.0, 0.0)
    for (i, (x, y)) in zip(elements, expected).enumerated() {
      if x == y || (x.isNaN && y.isNaN) {
        if y.isFinite { magnitude = max(magnitude, abs(y)) }
        continue
      }
      guard x.isFinite && y.isFinite else {
        firstWrong = place(i)
        return
      }
      difference = max(difference, abs(x - y))
      magnitude = max(magnitude, abs(y))
    }
    // Of zeros any other number is as wrong as can be; beyond the range of f64 there is no larger error to tell apart.
    self.difference = min(difference, .greatestFiniteMagnitude)
    error = difference == 0 ? 0 : magnitude == 0 ? 1 : min(difference / magnitude, .greatestFiniteMagnitude)
  }
}
