import ApusCore
import ApusKernels

/// The text of a constant in a plan: its type and its elements, each as the bits that a register would hold.
package enum ConstantText {
  /// Constants of more elements are left out of texts that are for reading only.
  static let readableCount = 16

  /// `f32[2, 2] [1.0, 2.0, 3.0, 4.0]`, `i64[100] all 0`, `f32[64, 64] hex "…"`.
  /// - Parameter isComplete: whether the text is to be read back; else large constants are `elided`.
  package static func describe(_ tensor: Tensor, isComplete: Bool) -> String {
    let dimensions = tensor.dimensions.map { "\($0)" }.joined(separator: ", ")
    let type = "\(tensor.dtype)[\(dimensions)]"
    let size = tensor.dtype.byteCount
    return tensor.withUnsafeBytes { bytes in
      let first = bytes.prefix(size)
      let isUniform = stride(from: size, to: bytes.count, by: size).allSatisfy {
        bytes[$0..<$0 + size].elementsEqual(first)
      }
      if isUniform, tensor.count > 1 { return "\(type) all \(element(bytes, 0, tensor.dtype))" }
      if tensor.count <= readableCount {
        return "\(type) [\((0..<tensor.count).map { element(bytes, $0, tensor.dtype) }.joined(separator: ", "))]"
      }
      return isComplete ? "\(type) hex \"\(hexadecimal(bytes))\"" : "\(type) elided"
    }
  }

  private static func element(_ bytes: UnsafeRawBufferPointer, _ index: Int, _ dtype: DType) -> String {
    let start = index * dtype.byteCount
    let bits = bytes[start..<start + dtype.byteCount].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    return NumberText.describe(bits, dtype.scalarType)
  }

  private static let digits = Array("0123456789abcdef".utf8)

  private static func hexadecimal(_ bytes: UnsafeRawBufferPointer) -> String {
    var text: [UInt8] = []
    text.reserveCapacity(2 * bytes.count)
    for byte in bytes { text += [digits[Int(byte >> 4)], digits[Int(byte & 15)]] }
    return String(decoding: text, as: UTF8.self)
  }

  // MARK: Reading

  static func parse(_ cursor: inout TextCursor) throws -> Tensor {
    let place = cursor.position
    guard let dtype = cursor.word().flatMap(DType.init) else {
      throw cursor.fail("expected a constant's type, as f32[2]", at: place)
    }
    var tensor = try Tensor(zeros: dtype, list(&cursor) { try $0.integer("a size") })
    let size = dtype.byteCount
    let literal = cursor.position
    if cursor.accept("elided") {
      throw cursor.fail("this constant was left out when the plan was printed", at: literal, help: "print it in full")
    }
    if cursor.accept("hex") {
      let bytes = Array(try cursor.string("bytes").utf8)
      let values = try stride(from: 0, to: bytes.count - 1, by: 2).map { start in
        guard let byte = UInt8(String(decoding: bytes[start...start + 1], as: UTF8.self), radix: 16) else {
          throw cursor.fail("these are not hexadecimal digits", at: literal)
        }
        return byte
      }
      guard values.count == tensor.byteCount else {
        throw cursor.fail("\(tensor.byteCount) bytes are needed, not \(values.count)", at: literal)
      }
      tensor.withUnsafeMutableBytes { $0.copyBytes(from: values) }
      return tensor
    }
    let isUniform = cursor.accept("all")
    let elements = try isUniform ? [number(&cursor, dtype)] : list(&cursor) { try number(&$0, dtype) }
    guard isUniform || elements.count == tensor.count else {
      throw cursor.fail("\(tensor.count) elements are needed, not \(elements.count)", at: literal)
    }
    tensor.withUnsafeMutableBytes { bytes in
      for index in 0..<bytes.count / size {
        let bits = elements[isUniform ? 0 : index]
        for byte in 0..<size { bytes[index * size + byte] = UInt8(truncatingIfNeeded: bits >> UInt64(8 * byte)) }
      }
    }
    return tensor
  }

  private static func number(_ cursor: inout TextCursor, _ dtype: DType) throws -> UInt64 {
    let place = cursor.position
    guard let bits = cursor.numberText().flatMap({ NumberText.parse($0, dtype.scalarType) }) else {
      throw cursor.fail("expected a number of type \(dtype)", at: place)
    }
    return bits
  }

  /// `[1, 2]`
  static func list<T>(_ cursor: inout TextCursor, _ element: (inout TextCursor) throws -> T) throws -> [T] {
    try cursor.expect("[")
    var list: [T] = []
    if cursor.accept("]") { return list }
    repeat { list.append(try element(&cursor)) } while cursor.accept(",")
    try cursor.expect("]")
    return list
  }
}
