import ApusCore
import ApusData
import Foundation

/// Writes a line an epoch: `epoch` (from 0), then the logs in order of names.
public final class CSVLogger: Callback, Component {
  private var path = ""
  private var separator = ","
  private var appends = false
  private var text = ""
  private var names: [String]?

  public static let record = ComponentRecord(
    "csv_logger", aliases: ["csv"], "writes a line an epoch to a file: the epoch, then the logs in order of names",
    settings: [
      setting("filename", \.path, "the file", required: true),
      setting("separator", \.separator, "what is between two values"),
      setting("append", \.appends, "whether lines follow those of an existing file, as after resuming"),
    ])

  public init() {}

  public var watchesBatches: Bool { false }

  /// - Parameter appending: whether lines follow those of an existing file, as after resuming.
  public init(_ path: String, separator: String = ",", appending: Bool = false) {
    self.path = path
    self.separator = separator
    appends = appending
  }

  public func trainingBegins(_ trainer: Trainer) throws {
    (text, names) = ("", nil)
    guard appends, FileManager.default.fileExists(atPath: path) else { return }
    do { text = try String(contentsOfFile: path, encoding: .utf8) } catch {
      throw ApusError.input("cannot read '\(path)': \(error.localizedDescription)")
    }
    names = text.split(separator: "\n").first.map { $0.components(separatedBy: separator).dropFirst().map(\.self) }
  }

  public func epochEnds(_ epoch: Int, _ logs: [String: Double], _ trainer: Trainer) throws {
    let names = names ?? trainer.expectedLogs.union(logs.keys).sorted()
    if self.names == nil { text = line("epoch", names) }
    self.names = names
    text += line(String(epoch), names.map { name in logs[name].map { "\($0)" } ?? "NA" })
    try AtomicFile.write(text, to: path)
  }

  private func line(_ first: String, _ rest: [String]) -> String {
    ([first] + rest).joined(separator: separator) + "\n"
  }
}
