import ApusCore
import Foundation

/// The library libjpeg-turbo through its interface TurboJPEG, found by name when the first JPEG file is read: nothing of
/// it is needed to build, or for data that hold none.
///
/// Interface: libjpeg-turbo, "TurboJPEG C API", release 2 (releases 3 keep these functions).
final class TurboJPEG: Sendable {
  static let installHelp = "install the package libturbojpeg0"

  private static let loaded = Result { try TurboJPEG() }
  static func shared() throws -> TurboJPEG { try loaded.get() }

  /// Whether JPEG files can be read here.
  static var isPresent: Bool { (try? shared()) != nil }

  typealias Handle = UnsafeMutableRawPointer
  typealias Bytes = UnsafePointer<UInt8>
  typealias Number = UnsafeMutablePointer<Int32>

  let initDecompress: @convention(c) () -> Handle?
  /// Handle, bytes, their count; gives width, height, subsampling and color space.
  let header: @convention(c) (Handle, Bytes?, UInt, Number, Number, Number, Number) -> Int32
  /// Handle, bytes, their count, target, width, bytes a row, height, pixel format, flags.
  let decompress:
    @convention(c) (Handle, Bytes?, UInt, UnsafeMutablePointer<UInt8>?, Int32, Int32, Int32, Int32, Int32) -> Int32
  let errorText: @convention(c) (Handle) -> UnsafePointer<CChar>?
  let destroy: @convention(c) (Handle) -> Int32

  private init() throws {
    // `APUS_TURBOJPEG` holds the path of another build of it.
    let chosen = ProcessInfo.processInfo.environment["APUS_TURBOJPEG"]
    let library = try DynamicLibrary(
      "libturbojpeg", files: chosen.map { [$0] } ?? ["libturbojpeg.so.0", "libturbojpeg.so"], help: Self.installHelp,
      missing: .input("JPEG files are read by libturbojpeg, which is not found here", help: Self.installHelp))
    initDecompress = try library.symbol("tjInitDecompress")
    header = try library.symbol("tjDecompressHeader3")
    decompress = try library.symbol("tjDecompress2")
    errorText = try library.symbol("tjGetErrorStr2")
    destroy = try library.symbol("tjDestroy")
  }
}
