import Apus
import Foundation

/// LLVM's FileCheck, under whatever name and version it is installed.
public enum FileCheck {
  public static let program: URL? = {
    let versions = (14...30).reversed()
    let candidates =
      ["/usr/bin/FileCheck"] + versions.map { "/usr/bin/FileCheck-\($0)" }
      + versions.map { "/usr/lib/llvm-\($0)/bin/FileCheck" }
    return candidates.first { FileManager.default.isExecutableFile(atPath: $0) }.map { URL(fileURLWithPath: $0) }
  }()

  /// Checks `text` against the CHECK lines of a file.
  /// - Returns: what does not match; nil if all does.
  public static func mismatch(_ text: String, file: String, options: [String] = []) throws -> String? {
    guard let program else {
      throw ApusError.input("FileCheck is not installed", help: "bash Scripts/setup.sh --tests")
    }
    let result = try runProgram(
      program, arguments: [Repository.file(file).path] + options, input: Array(text.utf8))
    return result.status == 0 ? nil : result.errors
  }
}
