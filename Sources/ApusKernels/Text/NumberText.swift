/// The spelling of one number of a register, given as bits.
package enum NumberText {
  /// The shortest decimal that reads back as the same bits; hexadecimal bits where no decimal does (a NaN's payload, or
  /// bits beyond the type).
  package static func describe(_ bits: UInt64, _ type: ScalarType) -> String {
    guard bits == KernelBuilder.truncated(bits, type) else { return hexadecimal(bits) }
    switch type {
    case .i1: return bits == 1 ? "true" : "false"
    case .i8, .i16, .i32, .i64: return "\(KernelBuilder.signed(bits, type))"
    case .f32:
      let x = Float(bitPattern: UInt32(bits))
      if x.isNaN { return x.bitPattern == Float.nan.bitPattern ? "nan" : hexadecimal(bits) }
      return "\(x)"
    case .f64:
      let x = Double(bitPattern: bits)
      if x.isNaN { return x.bitPattern == Double.nan.bitPattern ? "nan" : hexadecimal(bits) }
      return "\(x)"
    }
  }

  /// - Returns: nil if the text is not a number of the type.
  package static func parse(_ text: String, _ type: ScalarType) -> UInt64? {
    if text.hasPrefix("0x") { return UInt64(text.dropFirst(2), radix: 16) }
    switch type {
    case .i1: return text == "true" ? 1 : text == "false" ? 0 : nil
    case .i8, .i16, .i32, .i64:
      guard let number = Int64(text) else { return nil }
      let bits = UInt64(bitPattern: number)
      let isInRange =
        number >= Int64.min >> Int64(64 - type.bits) && (type.bits == 64 || number < 1 << Int64(type.bits))
      return isInRange ? KernelBuilder.truncated(bits, type) : nil
    case .f32: return isDecimal(text) ? Float(text).map { UInt64($0.bitPattern) } : nil
    case .f64: return isDecimal(text) ? Double(text)?.bitPattern : nil
    }
  }

  /// Swift's own parser takes more than texts hold: hexadecimal fractions and payloads.
  private static func isDecimal(_ text: String) -> Bool {
    ["nan", "inf", "-inf"].contains(text)
      || text.utf8.allSatisfy { (48...57).contains($0) || "+-.eE".utf8.contains($0) }
  }

  private static func hexadecimal(_ bits: UInt64) -> String { "0x" + String(bits, radix: 16) }
}
