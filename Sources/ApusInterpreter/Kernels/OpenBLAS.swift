import ApusCore
import Glibc

/// The library OpenBLAS through CBLAS, found by name at the first contraction: it starts threads when it is loaded, and
/// a process that runs native code needs none of it.
///
/// Interface: Netlib, "CBLAS", with 32-bit integers; `openblas_set_num_threads` is OpenBLAS's own.
final class OpenBLAS: Sendable {
  private static let installHelp = "install the package libopenblas0"

  private static let loaded = Result { try OpenBLAS() }
  /// - Throws: `ApusError` if it is not installed.
  static func shared() throws -> OpenBLAS { try loaded.get() }

  /// `CblasRowMajor`, `CblasNoTrans`, `CblasTrans`.
  static let rowMajor: Int32 = 101
  static let plain: Int32 = 111
  static let transposed: Int32 = 112

  /// C = α A B + β C: order, how A and B lie, m, n, k, α, A and its stride, B and its stride, β, C and its stride.
  let sgemm:
    @convention(c) (
      Int32, Int32, Int32, Int32, Int32, Int32, Float, UnsafePointer<Float>, Int32, UnsafePointer<Float>, Int32, Float,
      UnsafeMutablePointer<Float>, Int32
    ) -> Void
  let dgemm:
    @convention(c) (
      Int32, Int32, Int32, Int32, Int32, Int32, Double, UnsafePointer<Double>, Int32, UnsafePointer<Double>, Int32,
      Double, UnsafeMutablePointer<Double>, Int32
    ) -> Void

  private init() throws {
    // `APUS_OPENBLAS` holds the path of another build of it.
    let files = getenv("APUS_OPENBLAS").map { [String(cString: $0)] } ?? ["libopenblas.so.0", "libopenblas.so"]
    let library = try DynamicLibrary(
      "libopenblas", files: files, help: Self.installHelp,
      missing: .input(
        "the interpreter multiplies matrices by libopenblas, which is not found here", help: Self.installHelp))
    sgemm = try library.symbol("cblas_sgemm")
    dgemm = try library.symbol("cblas_dgemm")
    // One thread, so that results do not depend on the number of processors; small products would not gain from more.
    let setThreads: @convention(c) (Int32) -> Void = try library.symbol("openblas_set_num_threads")
    setThreads(1)
  }
}
