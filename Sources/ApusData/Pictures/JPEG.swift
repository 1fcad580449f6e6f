import ApusCore

/// JPEG files, baseline and progressive, gray and in colors; libjpeg-turbo decodes them.
public enum JPEG {
  /// Whether the library that decodes them is here: Debian's package `libturbojpeg0`.
  public static var isAvailable: Bool { TurboJPEG.isPresent }

  /// Reads a picture as `u8[height, width, channels]` with 1 channel for gray and 3 for RGB.
  ///
  /// The rotation that a camera wrote into the file is not applied.
  /// - Throws: `ApusError` for a damaged or cut file, for colors of printers (CMYK), and where libjpeg-turbo is not
  ///   installed.
  public static func read(_ path: String) throws -> Tensor { try parse(BinaryFile.read(path), path: path) }

  static let signature: [UInt8] = [0xFF, 0xD8, 0xFF]

  /// TurboJPEG's numbers for color spaces, pixel formats and flags.
  private enum Code {
    static let gray: Int32 = 2
    static let cmyk: Int32 = 3
    static let pixelsRGB: Int32 = 0
    static let pixelsGray: Int32 = 6
    /// Exact transform; damage is an error and not a warning; no more scans than a picture needs.
    static let flags: Int32 = 4096 | 8192 | 32_768
  }

  static func parse(_ bytes: [UInt8], path: String) throws -> Tensor {
    guard bytes.starts(with: signature) else {
      throw ApusError.file(path, "is not a JPEG file: it does not begin with FF D8 FF")
    }
    let library: TurboJPEG
    do { library = try TurboJPEG.shared() } catch let error as ApusError {
      throw ApusError.file(path, "cannot be read: \(error.message)", help: error.diagnostics.first?.help)
    }
    guard let decoder = library.initDecompress() else { throw ApusError.file(path, "cannot be read: out of memory") }
    defer { _ = library.destroy(decoder) }
    return try bytes.withUnsafeBufferPointer { data in
      func check(_ status: Int32) throws {
        guard status != 0 else { return }
        let reason = library.errorText(decoder).map { String(cString: $0) } ?? "unknown"
        throw ApusError.file(path, "is damaged or cut off; libjpeg-turbo says: \(reason)")
      }
      var (width, height, sampling, space): (Int32, Int32, Int32, Int32) = (0, 0, 0, 0)
      try check(library.header(decoder, data.baseAddress, UInt(data.count), &width, &height, &sampling, &space))
      guard space < Code.cmyk else {
        throw ApusError.file(
          path, "has the colors of a printer (CMYK)", help: "convert it: convert IN.jpg -colorspace sRGB OUT.jpg")
      }
      let channels: Int32 = space == Code.gray ? 1 : 3
      var picture = try Tensor(uninitialized: .u8, [Int(height), Int(width), Int(channels)])
      try picture.withMutableElements(as: UInt8.self) { pixels in
        try check(
          library.decompress(
            decoder, data.baseAddress, UInt(data.count), pixels.baseAddress, width, width * channels, height,
            channels == 1 ? Code.pixelsGray : Code.pixelsRGB, Code.flags))
      }
      return picture
    }
  }
}
