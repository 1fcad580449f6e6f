import Foundation

/// What the processor that a process runs on can do, as far as native code depends on it.
package struct HostProcessor: Sendable {
  /// Whether it runs code for x86-64.
  package var isX86: Bool
  /// Its abilities, as Linux names them.
  package var flags: Set<String>

  package init(isX86: Bool, flags: Set<String>) {
    self.isX86 = isX86
    self.flags = flags
  }

  /// The processor of this process.
  package static let current: HostProcessor = {
    #if arch(x86_64)
      return HostProcessor(isX86: true, flags: flags(in: try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)))
    #else
      return HostProcessor(isX86: false, flags: [])
    #endif
  }()

  /// The flags in the text of `/proc/cpuinfo`.
  package static func flags(in text: String?) -> Set<String> {
    guard let line = text?.split(separator: "\n").first(where: { $0.hasPrefix("flags") }),
      let list = line.split(separator: ":").last
    else { return [] }
    return Set(list.split(separator: " ").map(String.init))
  }
}
