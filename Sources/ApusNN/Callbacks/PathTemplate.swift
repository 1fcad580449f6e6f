import ApusCore
import Foundation

/// A path with names in braces that stand for numbers: `models/{epoch:02d}-{val_loss:.2f}`.
struct PathTemplate {
  private enum Part {
    case text(Substring)
    case number(name: String, format: String?)
  }

  let text: String
  private let parts: [Part]

  init(_ text: String) {
    self.text = text
    var parts: [Part] = []
    var rest = text[...]
    while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
      parts.append(.text(rest[..<open]))
      let inner = rest[rest.index(after: open)..<close].split(separator: ":", maxSplits: 1).map(String.init)
      parts.append(.number(name: inner.first ?? "", format: inner.count == 2 ? inner[1] : nil))
      rest = rest[rest.index(after: close)...]
    }
    self.parts = parts + [.text(rest)]
  }

  var names: [String] { parts.compactMap { if case .number(let name, _) = $0 { name } else { nil } } }

  /// The path up to the first folder with a number in its name: all of it if there is none.
  var fixedFolder: String {
    guard case .text(let start)? = parts.first, parts.count > 1 else { return text }
    guard let slash = start.lastIndex(of: "/") else { return "." }
    return String(start[...slash])
  }

  /// - Throws: `ApusError` if a name is not among those, or a format is not valid.
  func check(counts: [String], logs: [String]) throws {
    _ = try path(
      counts: Dictionary(uniqueKeysWithValues: counts.map { ($0, 1) }),
      logs: Dictionary(uniqueKeysWithValues: logs.map { ($0, 1) }))
  }

  /// The path for these numbers.
  /// - Parameter counts: numbers that are whole: epochs and batches, from 1.
  /// - Throws: `ApusError` if a name has no number, or a format is not valid.
  func path(counts: [String: Int], logs: [String: Double]) throws -> String {
    try parts.map { part in
      switch part {
      case .text(let text): return String(text)
      case .number(let name, let format):
        guard let value = counts[name].map(Double.init) ?? logs[name] else {
          let known = counts.keys.sorted() + logs.keys.sorted()
          throw ApusError.input(
            "the checkpoint's path '\(text)' names '\(name)', which is not logged",
            help: Suggestion.didYouMean(name, among: known) ?? "known: \(known.joined(separator: ", "))")
        }
        return try formatted(name, value, format ?? (counts[name] == nil ? ".4f" : "d"))
      }
    }.joined()
  }

  /// Formats as `02d` and `.2f` say; nothing else reaches the C library.
  private func formatted(_ name: String, _ value: Double, _ format: String) throws -> String {
    if format.wholeMatch(of: #/[0-9]{0,2}d/#) != nil {
      guard let number = Int(exactly: value.rounded(.towardZero)) else {
        throw ApusError.input(
          "the checkpoint's path '\(text)' writes '\(name)' as a whole number, which \(value) is not")
      }
      return String(format: "%" + format.dropLast() + "ld", number)
    }
    guard format.wholeMatch(of: #/[0-9]{0,2}(\.[0-9]{1,2})?[feg]/#) != nil else {
      throw ApusError.input(
        "the checkpoint's path '\(text)' has the format '\(format)'", help: "as {epoch:02d} or {val_loss:.2f}")
    }
    return String(format: "%" + format, value)
  }
}
