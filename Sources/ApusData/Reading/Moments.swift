/// Range, mean and deviation of numbers in one walk: B. P. Welford, "Note on a method for calculating corrected sums of
/// squares and products", Technometrics 4 (1962).
struct Moments {
  private(set) var count = 0
  /// How many were NaN; they are left out of all else.
  private(set) var missingCount = 0
  private(set) var minimum = Double.infinity
  private(set) var maximum = -Double.infinity
  private(set) var mean = 0.0
  private var squares = 0.0

  /// The root of the mean square of the differences from the mean; 0 without numbers.
  var deviation: Double { count == 0 ? 0 : max(0, squares / Double(count)).squareRoot() }

  mutating func add(_ value: Double) {
    if value.isNaN {
      missingCount += 1
      return
    }
    count += 1
    minimum = min(minimum, value)
    maximum = max(maximum, value)
    let difference = value - mean
    mean += difference / Double(count)
    squares += difference * (value - mean)
  }
}
