/// Tensors as NumPy prints arrays: columns of one width, at most eight digits after the point, long axes cut short in
/// tensors of more than 1000 elements, lines of at most 75 characters.
extension Tensor: CustomStringConvertible {
  public var description: String {
    guard count > 0 else { return "[]" }
    let layout = ArrayLayout(dimensions: dimensions)
    var words = ElementWords(tensor: self, positions: layout.shownPositions)
    let texts = (try? dtype.dispatch(&words)) ?? []
    return layout.text(Dictionary(uniqueKeysWithValues: zip(layout.shownPositions, texts)))
  }
}

/// Which elements are shown, and where: `_formatArray` of NumPy's `arrayprint.py`.
private struct ArrayLayout {
  private static let (threshold, edge, width) = (1000, 3, 75)
  let dimensions: [Int]
  private let isCut: Bool

  init(dimensions: [Int]) {
    self.dimensions = dimensions
    isCut = dimensions.reduce(1, *) > Self.threshold
  }

  /// The rows of an axis that are shown before and after the dots; all before if there are none.
  private func rows(_ axis: Int) -> (leading: Range<Int>, trailing: Range<Int>) {
    let length = dimensions[axis]
    guard isCut, length > 2 * Self.edge else { return (0..<length, length..<length) }
    return (0..<Self.edge, length - Self.edge..<length)
  }

  /// In row-major order.
  var shownPositions: [Int] {
    dimensions.indices.reduce([0]) { positions, axis in
      let (leading, trailing) = rows(axis)
      return positions.flatMap { base in (Array(leading) + trailing).map { base * dimensions[axis] + $0 } }
    }
  }

  func text(_ words: [Int: String]) -> String {
    func nested(_ axis: Int, _ base: Int, _ indent: String, _ width: Int) -> String {
      guard axis < dimensions.count else { return words[base] ?? "" }
      let (leading, trailing) = rows(axis)
      let all: [Int?] = leading.map { $0 } + (trailing.isEmpty ? [] : [nil]) + trailing.map { $0 }
      let parts = all.map { row in
        row.map { nested(axis + 1, base * dimensions[axis] + $0, indent + " ", width - 1) } ?? "..."
      }
      var text = ""
      if axis == dimensions.count - 1 {
        var line = indent
        for (number, word) in parts.enumerated() {
          // A line that holds nothing yet is not ended.
          if line.count + word.count > width - 1, line.count > indent.count {
            text += line.droppingTrailingBlanks + "\n"
            line = indent
          }
          line += word + (number == parts.count - 1 ? "" : " ")
        }
        text += line
      } else {
        let separator = String(repeating: "\n", count: dimensions.count - axis - 1)
        text = parts.map { indent + $0 }.joined(separator: separator)
      }
      return "[" + text.dropFirst(indent.count) + "]"
    }
    return nested(0, 0, " ", Self.width)
  }
}

/// The words for some elements, all of one width.
private struct ElementWords: TensorElementVisitor {
  let tensor: Tensor
  let positions: [Int]

  mutating func visit<Element: TensorElement>(_ type: Element.Type) throws -> [String] {
    let elements = tensor.withElements(as: type) { all in positions.map { all[$0] } }
    if Element.dtype.isFloating {
      return tensor.rank == 0
        ? elements.map { FloatWords.scalar(Decimal($0)) } : FloatWords(elements.map { Decimal($0) }).words
    }
    if Element.dtype == .bool {
      return elements.map { $0.asInt64 == 1 ? (tensor.rank == 0 ? "True" : " True") : "False" }
    }
    let words = elements.map { String($0.asInt64) }
    let width = words.map(\.count).max() ?? 0
    return words.map { $0.paddedLeft(to: width) }
  }
}

/// A number in the fewest digits that read back as it: 0.DIGITS · 10^exponent.
private struct Decimal {
  let value: Double
  let isNegative: Bool
  var digits: [UInt8]
  var exponent: Int

  init<Element: TensorElement>(_ element: Element) {
    value = element.asDouble
    isNegative = value.sign == .minus
    let text = DecimalText.describe(element: element).drop { $0 == "-" }.lowercased()
    let sides = text.split(separator: "e")
    let point = sides.first?.split(separator: ".", omittingEmptySubsequences: false).first?.count ?? 0
    let all = (sides.first ?? "").compactMap(\.wholeNumberValue).map(UInt8.init)
    let zeros = all.prefix { $0 == 0 }.count
    exponent = (sides.count > 1 ? Int(sides[1]) ?? 0 : 0) + point - zeros
    digits = Array(all.dropFirst(zeros))
    while digits.last == 0 { digits.removeLast() }
    if digits.isEmpty { exponent = 1 }
  }

  /// Cut to so many digits, the last one rounded.
  mutating func round(to count: Int) {
    guard digits.count > max(count, 0) else { return }
    // The fewest digits may end half way, but the number itself is on one side.
    self = Decimal(value)
    guard digits.count > max(count, 0) else { return }
    let isUp = count >= 0 && digits[count] >= 5
    digits.removeSubrange(max(count, 0)...)
    guard isUp else {
      while digits.last == 0 { digits.removeLast() }
      return
    }
    var i = digits.count - 1
    while i >= 0, digits[i] == 9 {
      digits.removeLast()
      i -= 1
    }
    if i >= 0 {
      digits[i] += 1
    } else {
      digits = [1]
      exponent += 1
    }
  }

  /// Digits before and after the point.
  var positional: (whole: String, fraction: String) {
    let whole = exponent <= 0 ? "0" : (0..<exponent).map { $0 < digits.count ? String(digits[$0]) : "0" }.joined()
    let fraction =
      digits.isEmpty
      ? ""
      : String(repeating: "0", count: max(0, -exponent))
        + digits.dropFirst(max(0, exponent)).map { String($0) }.joined()
    return ((isNegative ? "-" : "") + whole, fraction)
  }

  /// Digits before and after the point, and the power of ten with its sign.
  var scientific: (whole: String, fraction: String, power: String) {
    let power = digits.isEmpty ? 0 : exponent - 1
    let number = String(power.magnitude)
    return (
      (isNegative ? "-" : "") + String(digits.first ?? 0), digits.dropFirst().map { String($0) }.joined(),
      (power < 0 ? "-" : "+") + (number.count < 2 ? "0" : "") + number
    )
  }
}

/// `FloatingFormat` of NumPy's `arrayprint.py`.
private struct FloatWords {
  private static let precision = 8
  private let numbers: [Decimal]
  private let isScientific: Bool

  init(_ numbers: [Decimal]) {
    let sizes = numbers.map { abs($0.value) }.filter { $0.isFinite && $0 != 0 }
    let (least, largest) = (sizes.min() ?? 1, sizes.max() ?? 1)
    let isScientific = largest >= 1e8 || least < 1e-4 || largest / least > 1000
    self.isScientific = isScientific
    self.numbers = numbers.map { number in
      var rounded = number
      rounded.round(to: isScientific ? Self.precision + 1 : Self.precision + number.exponent)
      return rounded
    }
  }

  var words: [String] { isScientific ? scientificWords : positionalWords }

  /// A number alone: all of its digits.
  static func scalar(_ number: Decimal) -> String {
    guard number.value.isFinite else { return special(number) }
    let (whole, fraction) = number.positional
    if number.value == 0 || (1e-4..<1e16).contains(abs(number.value)) {
      return whole + "." + (fraction.isEmpty ? "0" : fraction)
    }
    let parts = number.scientific
    return parts.whole + (parts.fraction.isEmpty ? "" : "." + parts.fraction) + "e" + parts.power
  }

  private var positionalWords: [String] {
    let parts = numbers.map { $0.value.isFinite ? $0.positional : nil }
    let right = parts.map { $0?.fraction.count ?? 0 }.max() ?? 0
    let left = leftWidth(parts.map { $0?.whole.count ?? 0 }.max() ?? 0, right)
    return zip(numbers, parts).map { number, part in
      guard let part else { return Self.special(number).paddedLeft(to: left + right + 1) }
      return part.whole.paddedLeft(to: left) + "." + part.fraction
        + String(repeating: " ", count: right - part.fraction.count)
    }
  }

  private var scientificWords: [String] {
    let parts = numbers.map { $0.value.isFinite ? $0.scientific : nil }
    let digits = parts.map { $0?.fraction.count ?? 0 }.max() ?? 0
    let power = parts.map { $0?.power.count ?? 0 }.max() ?? 0
    let right = digits + power + 1
    let left = leftWidth(parts.map { $0?.whole.count ?? 0 }.max() ?? 0, right)
    return zip(numbers, parts).map { number, part in
      guard let part else { return Self.special(number).paddedLeft(to: left + right + 1) }
      let zeros = String(repeating: "0", count: digits - part.fraction.count)
      let exponent =
        part.power.prefix(1) + String(repeating: "0", count: power - part.power.count) + part.power.dropFirst()
      return part.whole.paddedLeft(to: left) + "." + part.fraction + zeros + "e" + exponent
    }
  }

  /// Room for words that are longer than the digits before the point.
  private func leftWidth(_ width: Int, _ right: Int) -> Int {
    numbers.filter { !$0.value.isFinite }.reduce(width) { max($0, Self.special($1).count - right - 1) }
  }

  private static func special(_ number: Decimal) -> String {
    number.value.isNaN ? "nan" : number.value < 0 ? "-inf" : "inf"
  }
}

extension String {
  fileprivate func paddedLeft(to width: Int) -> String { String(repeating: " ", count: max(0, width - count)) + self }
  fileprivate var droppingTrailingBlanks: Substring {
    self[..<(lastIndex { $0 != " " }.map(index(after:)) ?? startIndex)]
  }
}
