import ApusCore

/// From the bytes of a PNG file's rows to samples of 8 bits.
struct PNGSamples {
  private let header: PNGHeader
  /// Red, green and blue of each entry.
  private let palette: [UInt8]
  private let path: String

  init(_ header: PNGHeader, palette: [UInt8], path: String) {
    self.header = header
    self.palette = palette
    self.path = path
  }

  /// Puts the pixels of a row where they belong.
  /// - Parameters:
  ///   - start: where the row's bytes begin in `raw`, behind the filter's number.
  ///   - y: the row of the picture.
  func unpack(
    _ raw: [UInt8], _ start: Int, _ pass: PNGHeader.Pass, _ y: Int, into pixels: UnsafeMutableBufferPointer<UInt8>
  ) throws {
    let channels = header.kind.channels
    let samples = header.kind.sampleCount
    for x in 0..<pass.width {
      let target = (y * header.width + pass.left + x * pass.stepX) * channels
      if header.kind == .palette {
        let entry = 3 * value(raw, start, x)
        guard entry + 3 <= palette.count else {
          throw ApusError.file(path, "row \(y) uses color \(entry / 3), but its palette has \(palette.count / 3)")
        }
        for c in 0..<3 { pixels[target + c] = palette[entry + c] }
      } else {
        for c in 0..<channels { pixels[target + c] = scaled(value(raw, start, x * samples + c)) }
      }
    }
  }

  /// Sample number `index` of the row; the first is in the highest bits of its byte.
  private func value(_ raw: [UInt8], _ start: Int, _ index: Int) -> Int {
    switch header.bitDepth {
    case 8: return Int(raw[start + index])
    case 16: return Int(raw[start + 2 * index]) << 8 | Int(raw[start + 2 * index + 1])
    case let depth:
      let bit = index * depth
      return Int(raw[start + bit / 8]) >> (8 - depth - bit % 8) & (1 << depth - 1)
    }
  }

  /// The nearest of 0 … 255 to a sample in the same part of its range.
  private func scaled(_ value: Int) -> UInt8 {
    switch header.bitDepth {
    case 8: UInt8(value)
    case 16: UInt8((value * 255 + 32_767) / 65_535)
    case let depth: UInt8(value * 255 / (1 << depth - 1))
    }
  }
}
