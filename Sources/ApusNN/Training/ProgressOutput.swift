import Foundation

/// Where progress is shown.
public struct ProgressOutput {
  public let isTerminal: Bool
  public let write: (String) -> Void

  public init(isTerminal: Bool, write: @escaping (String) -> Void) {
    self.isTerminal = isTerminal
    self.write = write
  }

  /// Standard output; bars where it is a terminal.
  public static var standard: ProgressOutput {
    ProgressOutput(isTerminal: isatty(STDOUT_FILENO) == 1) { Descriptor.write($0, to: STDOUT_FILENO) }
  }

  /// Standard error, for programs whose output is read by others.
  public static var standardError: ProgressOutput {
    ProgressOutput(isTerminal: isatty(STDERR_FILENO) == 1) { Descriptor.write($0, to: STDERR_FILENO) }
  }
}

enum StandardError {
  static func write(_ text: String) { Descriptor.write(text, to: STDERR_FILENO) }
}

/// Writing without Foundation's handles, which end the process if the other end of a pipe is gone.
private enum Descriptor {
  /// Progress and warnings that nobody can read are lost.
  static func write(_ text: String, to descriptor: Int32) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      if count >= 0 { bytes = bytes.dropFirst(count) } else if errno != EINTR { return }
    }
  }
}
