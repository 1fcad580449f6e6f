/// The spelling of numbers: the fewest digits that read back as the same number, whole numbers without a fraction.
package enum DecimalText {
  package static func describe<Number: BinaryFloatingPoint & CustomStringConvertible>(_ x: Number) -> String {
    if x.isNaN { return "nan" }
    if x.isInfinite { return x < 0 ? "-inf" : "inf" }
    let text = x.description
    return text.hasSuffix(".0") && !(x.isZero && x.sign == .minus) ? String(text.dropLast(2)) : text
  }

  /// An element of a tensor: digits, `true` or `false`; `nan` for each NaN, whatever its payload.
  package static func describe(element: some TensorElement) -> String {
    switch element {
    case let x as Float: describe(x)
    case let x as Double: describe(x)
    case let x as Float16: describe(x)
    case let x as BFloat16: describe(x.asFloat)
    case let b as Bool: b ? "true" : "false"
    default: "\(element.asInt64)"
    }
  }
}
