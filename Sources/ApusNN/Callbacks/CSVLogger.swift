import ApusCore
import ApusData
import Foundation

/// Writes a line an epoch: `epoch` (from 0), then the logs in order of names.
public final class CSVLogger: Callback, Component, CheckedBeforeTraining {
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

  func checkBeforeTraining(_ trainer: Trainer) throws {
    try WritablePlace.checkFile(path, of: title)
    guard let names = try existing()?.names else { return }
    let lacking = trainer.expectedLogs.subtracting(names).sorted()
    let surplus = names.filter { !trainer.expectedLogs.contains($0) }
    guard !lacking.isEmpty || !surplus.isEmpty else { return }
    throw ApusError.file(
      path,
      [
        lacking.isEmpty ? nil : "has no column for \(lacking.joined(separator: ", ")), which this training logs",
        surplus.isEmpty ? nil : "has columns for \(surplus.joined(separator: ", ")), which this training does not log",
      ].compactMap(\.self).joined(separator: "; it "),
      help: "append lines of a training with the same metrics and validation, or write to another file")
  }

  public func trainingBegins(_ trainer: Trainer) throws {
    (text, names) = try existing() ?? ("", nil)
  }

  /// What there is in the file, if lines are to follow it, and the names of the logs in its first line.
  /// - Throws: `ApusError` if it cannot be read, or another program wrote it.
  private func existing() throws -> (text: String, names: [String]?)? {
    guard appends, FileManager.default.fileExists(atPath: path) else { return nil }
    guard let text = String(validating: try BinaryFile.read(path), as: UTF8.self) else {
      throw ApusError.file(path, "is not text, so no lines can follow it", help: "write to another file")
    }
    guard let first = text.split(whereSeparator: \.isNewline).first else { return nil }
    let fields = first.components(separatedBy: separator)
    guard fields.first == "epoch", Set(fields).count == fields.count else {
      throw ApusError.file(
        path, "begins with '\(first)', and not with the names of logs",
        help: "its first line is "
          + line("epoch", ["…"]).trimmingCharacters(in: .newlines) + "; write to another file, or choose its separator")
    }
    return (text.last?.isNewline ?? true ? text : text + "\n", Array(fields.dropFirst()))
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
