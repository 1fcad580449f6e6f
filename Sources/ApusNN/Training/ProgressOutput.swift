import ApusCore
import Foundation

/// Where progress is shown. Progress without a reader is lost.
public struct ProgressOutput {
  public let isTerminal: Bool
  public let write: (String) -> Void

  public init(isTerminal: Bool, write: @escaping (String) -> Void) {
    self.isTerminal = isTerminal
    self.write = write
  }

  /// Standard output; bars where it is a terminal. What a program printed before comes before it.
  public static var standard: ProgressOutput {
    ProgressOutput(isTerminal: isatty(STDOUT_FILENO) == 1) {
      // `print` keeps text in a buffer where the output is a file or a pipe.
      fflush(nil)
      Descriptor.write($0, to: STDOUT_FILENO)
    }
  }

  /// Standard error, for programs whose output is read by others.
  public static var standardError: ProgressOutput {
    ProgressOutput(isTerminal: isatty(STDERR_FILENO) == 1) { Descriptor.write($0, to: STDERR_FILENO) }
  }
}

enum StandardError {
  static func write(_ text: String) { Descriptor.write(text, to: STDERR_FILENO) }
}
