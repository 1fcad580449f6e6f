import Foundation
import Glibc

/// Which LLVM this machine has, found out without loading it.
enum LLVMInstallation {
  /// Releases that Apus works with, best first.
  static let releases = [22, 21, 20, 19]

  /// The library that the user wants: `APUS_LLVM` holds its path.
  static var chosen: String? { ProcessInfo.processInfo.environment["APUS_LLVM"] }

  /// What to give to `dlopen`, best first.
  static var names: [String] {
    if let chosen { return [chosen] }
    return releases.flatMap { ["libLLVM.so.\($0).1", "libLLVM-\($0).so.1", "libLLVM-\($0).so"] }
  }

  private static let folders = [
    "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/local/lib",
  ]

  /// The file that will be loaded, if it lies where it is looked for.
  private static func file() -> (name: String, status: stat)? {
    for name in names {
      let paths = name.contains("/") ? [name] : folders.map { "\($0)/\(name)" }
      for path in paths {
        var status = stat()
        if stat(path, &status) == 0 { return (name, status) }
      }
    }
    return nil
  }

  /// Whether there is one, as far as can be told without loading it; one elsewhere than in the usual folders is loaded.
  static let isPresent = file() != nil || (try? LLVMLibrary.shared()) != nil

  static let installHelp = "install the package libllvm22 (or 21, 20, 19)"

  /// Tells one build of LLVM from another, for the cache's keys: the name, size and time of the file that will be
  /// loaded. A library elsewhere than in the usual folders has its own entries by its name only.
  static let fingerprint: String = {
    if let (name, status) = file() { return "\(name) \(status.st_size) \(status.st_mtim.tv_sec)" }
    return names.count == 1 ? names[0] : "elsewhere"
  }()
}
