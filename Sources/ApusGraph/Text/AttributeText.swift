import ApusCore

/// The spelling of attributes.
package enum AttributeText {
  static func describe(_ value: AttributeValue) -> String {
    switch value {
    case .int(let n): "\(n)"
    case .float(let x): DecimalText.describe(x)
    case .bool(let b): String(b)
    case .string(let s): quote(s)
    case .name(let word): word
    case .list(let values): "[" + values.map(describe).joined(separator: ", ") + "]"
    case .call(let word, let arguments):
      word + "(" + arguments.map { "\($0.label): \(describe($0.value))" }.joined(separator: ", ") + ")"
    case .tensor(let tensor): literal(tensor)
    }
  }

  static func quote(_ text: String) -> String {
    var result = "\""
    for c in text.unicodeScalars {
      switch c {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\t": result += "\\t"
      default:
        if c.value < 0x20 { result += "\\u{\(String(c.value, radix: 16))}" } else { result.unicodeScalars.append(c) }
      }
    }
    return result + "\""
  }

  /// The elements of a constant: one number if all are the same bits, else nested lists, else base64 if there
  /// are many or a NaN carries a payload.
  package static func literal(_ tensor: Tensor, elidingAbove limit: Int? = nil) -> String {
    var elements = Elements(tensor: tensor)
    guard let texts = try? tensor.dtype.dispatch(&elements) else { return bytes(tensor) }
    if let first = texts.first, tensor.count == 1 || elements.isUniform { return first }
    if let limit, tensor.count > limit { return "elided" }
    if tensor.count > 64 { return bytes(tensor) }
    return nested(texts[...], tensor.dimensions[...])
  }

  private static func nested(_ texts: ArraySlice<String>, _ dimensions: ArraySlice<Int>) -> String {
    guard let n = dimensions.first else { return texts.first ?? "[]" }
    if texts.isEmpty { return "[]" }
    let stride = texts.count / n
    let parts = (0..<n).map { i in
      let start = texts.startIndex + i * stride
      return nested(texts[start..<start + stride], dimensions.dropFirst())
    }
    return "[" + parts.joined(separator: ", ") + "]"
  }

  private static func bytes(_ tensor: Tensor) -> String {
    "base64: \"" + tensor.withUnsafeBytes { Base64.encode($0) } + "\""
  }

  /// The elements' spellings; nil if only bytes are exact.
  private struct Elements: TensorElementVisitor {
    let tensor: Tensor
    var isUniform = false

    mutating func visit<Element: TensorElement>(_ type: Element.Type) throws -> [String]? {
      tensor.withElements(as: type) { elements in
        let first = elements.first.map(bitPattern)
        isUniform = elements.allSatisfy { bitPattern($0) == first }
        let shown = isUniform ? elements.prefix(1) : elements.prefix(65)
        var texts: [String] = []
        for element in shown {
          guard let text = spell(element) else { return nil }
          texts.append(text)
        }
        return texts
      }
    }

    private func bitPattern<Element: TensorElement>(_ element: Element) -> UInt64 {
      withUnsafeBytes(of: element) { $0.reversed().reduce(0) { $0 << 8 | UInt64($1) } }
    }

    private func spell<Element: TensorElement>(_ element: Element) -> String? {
      if element.asDouble.isNaN, bitPattern(element) != bitPattern(Element(converting: Double.nan)) { return nil }
      return DecimalText.describe(element: element)
    }
  }
}

/// Base64 as in RFC 4648 with padding.
enum Base64 {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  static func encode(_ bytes: UnsafeRawBufferPointer) -> String {
    var result: [UInt8] = []
    result.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let n = min(3, bytes.count - start)
      let word = (0..<3).reduce(UInt32(0)) { $0 << 8 | ($1 < n ? UInt32(bytes[start + $1]) : 0) }
      for i in 0..<4 { result.append(i <= n ? alphabet[Int(word >> UInt32(18 - 6 * i)) & 63] : UInt8(ascii: "=")) }
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// Nil if the text is not base64.
  static func decode(_ text: String) -> [UInt8]? {
    let codes = Array(text.utf8)
    guard codes.count % 4 == 0 else { return nil }
    var values = [UInt8](repeating: 255, count: 256)
    for (value, code) in alphabet.enumerated() { values[Int(code)] = UInt8(value) }
    let padding = codes.suffix(2).count { $0 == UInt8(ascii: "=") }
    var result: [UInt8] = []
    result.reserveCapacity(codes.count / 4 * 3)
    for start in stride(from: 0, to: codes.count, by: 4) {
      var word: UInt32 = 0
      for i in start..<start + 4 {
        if i >= codes.count - padding {
          word <<= 6
          continue
        }
        let value = values[Int(codes[i])]
        if value == 255 { return nil }
        word = word << 6 | UInt32(value)
      }
      for i in 0..<3 { result.append(UInt8(truncatingIfNeeded: word >> UInt32(16 - 8 * i))) }
    }
    result.removeLast(padding)
    return result
  }
}
