import ApusCore

/// The step from a file's bytes to a tensor's elements, common to the formats.
enum ElementBytes {
  /// Reverses the bytes of each element of `size` bytes.
  static func swap(_ buffer: UnsafeMutableRawBufferPointer, elementSize: Int) {
    switch elementSize {
    case 2: swap(buffer, as: UInt16.self)
    case 4: swap(buffer, as: UInt32.self)
    case 8: swap(buffer, as: UInt64.self)
    default: break  // One byte has no order.
    }
  }

  private static func swap<Word: FixedWidthInteger>(_ buffer: UnsafeMutableRawBufferPointer, as word: Word.Type) {
    let words = buffer.assumingMemoryBound(to: Word.self)
    var i = 0
    while i < words.count {
      words[i] = words[i].byteSwapped
      i += 1
    }
  }

  /// A tensor of the bytes in `range`, which are as many as the type needs.
  /// - Parameter swapped: the bytes are big-endian.
  /// - Throws: `ApusError` if a `bool` byte is neither 0 nor 1.
  static func tensor(
    _ dtype: DType, _ dimensions: [Int], from bytes: [UInt8], _ range: Range<Int>, swapped: Bool = false, path: String
  ) throws -> Tensor {
    var tensor = try Tensor(uninitialized: dtype, dimensions)
    try tensor.withUnsafeMutableBytes { target in
      bytes.withUnsafeBytes { target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[range])) }
      if swapped { swap(target, elementSize: dtype.byteCount) }
      if dtype == .bool, let wrong = target.firstIndex(where: { $0 > 1 }) {
        throw ApusError.file(path, "element \(wrong) of a bool array is the byte \(target[wrong]); it must be 0 or 1")
      }
    }
    return tensor
  }

  /// The same array with its elements, given in column-major (Fortran) order, put in row-major order.
  static func rowMajor(fromColumnMajor tensor: Tensor) throws -> Tensor {
    guard tensor.rank > 1, tensor.count > 1 else { return tensor }
    var result = try Tensor(uninitialized: tensor.dtype, tensor.dimensions)
    switch tensor.dtype.byteCount {
    case 1: transpose(tensor, into: &result, as: UInt8.self)
    case 2: transpose(tensor, into: &result, as: UInt16.self)
    case 4: transpose(tensor, into: &result, as: UInt32.self)
    default: transpose(tensor, into: &result, as: UInt64.self)
    }
    return result
  }

  private static func transpose<Word: FixedWidthInteger>(
    _ source: Tensor, into target: inout Tensor, as word: Word.Type
  ) {
    let dimensions = source.dimensions
    var strides = [1]
    for n in dimensions.dropLast() { strides.append(strides[strides.count - 1] * n) }
    var index = [Int](repeating: 0, count: dimensions.count)
    source.withUnsafeBytes { from in
      target.withUnsafeMutableBytes { to in
        let from = from.assumingMemoryBound(to: Word.self)
        let to = to.assumingMemoryBound(to: Word.self)
        var read = 0
        for write in 0..<to.count {
          to[write] = from[read]
          // Count up in row-major order, keeping the column-major offset in step.
          var axis = dimensions.count - 1
          while axis >= 0 {
            index[axis] += 1
            read += strides[axis]
            if index[axis] < dimensions[axis] { break }
            read -= strides[axis] * dimensions[axis]
            index[axis] = 0
            axis -= 1
          }
        }
      }
    }
  }
}
