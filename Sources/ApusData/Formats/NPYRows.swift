import ApusCore
import Foundation

/// An array in an NPY file whose rows, along its first axis, are read when they are asked for: the file may be larger than
/// memory. Safe to read from several threads.
package final class NPYRows: Sendable {
  package let path: String
  /// The type of the whole array, `[count, …]`.
  package let type: TensorType
  package let rowByteCount: Int
  package var count: Int { shape[0] }
  private let shape: [Int]
  private let descriptor: Int32
  /// Where the elements begin.
  private let start: Int

  /// Opens a file and reads its header.
  /// - Throws: `ApusError` for a file that is damaged or shorter than its header says, and for elements whose bytes, or whose
  ///   axes, are in another order than a tensor's: rows are not contiguous then.
  package init(_ path: String) throws {
    self.path = path
    let file = open(path, O_RDONLY | O_CLOEXEC)
    descriptor = file
    guard file >= 0 else { throw ApusError.system(path, "cannot be opened") }
    do {
      var status = stat()
      guard fstat(file, &status) == 0 else { throw ApusError.system(path, "cannot be examined") }
      guard status.st_mode & S_IFMT == S_IFREG else {
        throw ApusError.file(path, "is not a file whose parts can be read")
      }
      // A header is padded to a multiple of 64 bytes, and seldom longer than 128.
      let head = try [UInt8](unsafeUninitializedCapacity: min(1 << 16, Int(status.st_size))) { buffer, count in
        try NPYRows.read(UnsafeMutableRawBufferPointer(buffer), from: file, at: 0, path)
        count = buffer.count
      }
      let (header, data) = try NPY.header(of: head, path: path)
      let (dtype, isSwapped) = try NPY.elementType(header.descr, path: path)
      let hint = "numpy.save(path, numpy.ascontiguousarray(x).astype(x.dtype.newbyteorder('=')))"
      guard !isSwapped, !header.fortranOrder || header.shape.count < 2 else {
        throw ApusError.file(
          path, "is in \(isSwapped ? "big-endian" : "column-major") order, so its rows cannot be read one by one",
          help: hint)
      }
      guard let count = header.shape.first, count > 0, dtype != .bool else {
        throw ApusError.file(path, "holds \(TensorType(dtype, Shape(header.shape))), which is not a row of samples")
      }
      type = TensorType(dtype, Shape(header.shape))
      guard let byteCount = type.byteCount, byteCount <= Int(status.st_size) - data.lowerBound else {
        throw ApusError.file(path, "is shorter than its header says: it promises \(type)")
      }
      (shape, start, rowByteCount) = (header.shape, data.lowerBound, byteCount / count)
    } catch {
      close(file)
      throw error
    }
  }

  deinit { close(descriptor) }

  /// Consecutive rows as a tensor.
  package func rows(_ rows: Range<Int>) throws -> Tensor {
    var result = try Tensor(uninitialized: type.dtype, [rows.count] + shape.dropFirst())
    try result.withUnsafeMutableBytes { try read(rows, into: $0) }
    return result
  }

  /// Reads consecutive rows into memory of their size.
  package func read(_ rows: Range<Int>, into buffer: UnsafeMutableRawBufferPointer) throws {
    try Self.read(
      UnsafeMutableRawBufferPointer(rebasing: buffer[..<(rows.count * rowByteCount)]), from: descriptor,
      at: start + rows.lowerBound * rowByteCount, path)
  }

  /// Tells the system that rows will be read soon, so that it fetches them from the disk.
  package func willNeed(_ rows: Range<Int>) {
    // This is advice: a system that cannot read ahead ignores it.
    _ = posix_fadvise(
      descriptor, off_t(start + rows.lowerBound * rowByteCount), off_t(rows.count * rowByteCount), POSIX_FADV_WILLNEED)
  }

  private static func read(
    _ buffer: UnsafeMutableRawBufferPointer, from descriptor: Int32, at offset: Int, _ path: String
  ) throws {
    var done = 0
    while done < buffer.count {
      let n = pread(descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(offset + done))
      if n < 0 {
        if errno == EINTR { continue }
        throw ApusError.system(path, "cannot be read")
      }
      guard n > 0 else { throw ApusError.file(path, "has become shorter while it was read") }
      done += n
    }
  }
}
