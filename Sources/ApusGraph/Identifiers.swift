import ApusCore

/// A value of a graph: result `index` in order of definition. Prints as the text format does if the value has no
/// name: `%12`.
public struct ValueID: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let index: Int

  package init(_ index: Int) { self.index = index }

  public static func < (a: ValueID, b: ValueID) -> Bool { a.index < b.index }
  public var description: String { "%\(index)" }
}

/// A node of a graph: its position in topological order.
public struct NodeID: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let index: Int

  package init(_ index: Int) { self.index = index }

  public static func < (a: NodeID, b: NodeID) -> Bool { a.index < b.index }
  public var description: String { "node \(index)" }
}

/// The origin of a node: the layer (or imported node) that appended it, and its location in a text if it was parsed.
public struct Origin: Sendable {
  /// Printed as `from "dense_1"`; part of a graph's equality.
  public var name: String?
  /// For messages only: it differs each time a graph is printed and parsed again.
  public var location: SourceLocation?

  public init(name: String? = nil, location: SourceLocation? = nil) {
    self.name = name
    self.location = location
  }
}

/// Names of values and graphs: a letter or underscore, then letters, digits, `_`, `.`, `/` and `-`.
public enum Identifier {
  public static func isValid(_ name: String) -> Bool {
    guard let first = name.unicodeScalars.first, isStart(first) else { return false }
    return name.unicodeScalars.allSatisfy(isPart)
  }

  /// `name` with every character that is not allowed replaced by `_`.
  public static func sanitized(_ name: String) -> String {
    let text = String(String.UnicodeScalarView(name.unicodeScalars.map { isPart($0) ? $0 : "_" }))
    return text.unicodeScalars.first.map(isStart) ?? false ? text : "_" + text
  }

  static func isStart(_ c: Unicode.Scalar) -> Bool {
    ("a"..."z").contains(c) || ("A"..."Z").contains(c) || c == "_"
  }
  static func isPart(_ c: Unicode.Scalar) -> Bool {
    isStart(c) || ("0"..."9").contains(c) || c == "." || c == "/" || c == "-"
  }
}
