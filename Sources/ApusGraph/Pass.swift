import ApusCore

/// A function from a graph to an equivalent graph.
///
/// A pass transforms and remarks, nothing else: order, verification, timing, printing, diffs and blame are the
/// pipeline's. Docs/WriteAPass.md walks through one.
///
/// What a pass counts is what it did: where every statistic stays 0 the graph must be the same, and where one does not
/// it must differ. The pipeline checks that.
public protocol Pass: Sendable {
  /// Name, summary, options and statistics: help and documentation come from it.
  static var record: PassRecord { get }

  /// The pass with every option at its default.
  init()

  /// - Parameter context: takes remarks and statistics.
  func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph
}

extension Pass {
  public var name: String { Self.record.name }

  /// Declares a numeric option that `property` stores; its default is its value in `Self()`.
  public static func option(
    _ name: String, _ property: WritableKeyPath<Self, Int> & Sendable, _ summary: String
  ) -> PassOption {
    PassOption(
      name: name, summary: summary, standard: Self()[keyPath: property],
      read: { pass in (pass as? Self ?? Self())[keyPath: property] },
      write: { pass, value in
        guard var typed = pass as? Self else { return pass }
        typed[keyPath: property] = value
        return typed
      })
  }
}

/// The declaration of a pass.
public struct PassRecord: Sendable {
  public let name: String
  /// One line.
  public let summary: String
  public let options: [PassOption]
  /// What the pass counts: name and meaning.
  public let statistics: [PassStatistic]
  /// The rewrites that the pass names when it asks `PassContext.permits`, each with a law and a class of its own.
  public let rules: [RewriteRule]
  /// How closely results agree with those before a rewrite of no rule. A pass that says nothing is exact.
  package let precisionWithoutRules: PassPrecision

  /// The class of the pass: what its rules keep, and its rewrites of no rule.
  public var precision: PassPrecision { rules.map(\.precision).union().union(precisionWithoutRules) }

  /// - Parameter precision: of the rewrites for which the pass names no rule.
  public init(
    _ name: String, _ summary: String, options: [PassOption] = [], statistics: [PassStatistic] = [],
    precision: PassPrecision = .exact, rules: [RewriteRule] = []
  ) {
    self.name = name
    self.summary = summary
    self.options = options
    self.statistics = statistics
    self.rules = rules
    precisionWithoutRules = precision
  }
}

/// A number that steers a pass, written `fold-constants{limit=4096}`.
public struct PassOption: Sendable {
  public let name: String
  public let summary: String
  public let standard: Int
  package let read: @Sendable (any Pass) -> Int
  package let write: @Sendable (any Pass, Int) -> any Pass
}

/// A number that a pass counts.
public struct PassStatistic: Sendable {
  public let name: String
  public let summary: String

  public init(_ name: String, _ summary: String) {
    self.name = name
    self.summary = summary
  }
}

/// What a pass has to say about one place.
public struct Remark: Sendable, Hashable, CustomStringConvertible {
  public enum Kind: String, Sendable { case applied, missed }

  public let kind: Kind
  public let message: String
  public let location: SourceLocation?

  public var description: String {
    (location.map { "\($0): " } ?? "") + "remark: \(kind == .missed ? "missed: " : "")\(message)"
  }
}

/// Takes what a pass reports.
public struct PassContext: Sendable {
  public private(set) var remarks: [Remark] = []
  /// Counts in the order of the pass's record.
  public private(set) var statistics: [(name: String, count: Int)]
  /// What was counted without being in the record: a defect that the pipeline reports.
  package private(set) var undeclared: [String] = []
  /// Whether remarks are read: a pass that has to look for them need not otherwise.
  public let isRemarking: Bool
  /// The rules of each rewrite that `permits` has permitted.
  package private(set) var rewriteRules: [[RewriteRule]] = []
  private let rewriteLimit: Int?
  /// Whether a rewrite was not permitted: what is left then is left for that.
  private var isStopped = false

  package init(_ record: PassRecord, isRemarking: Bool = true, rewriteLimit: Int? = nil) {
    statistics = record.statistics.map { ($0.name, 0) }
    self.isRemarking = isRemarking
    self.rewriteLimit = rewriteLimit
  }

  /// Whether one more rewrite may be made. A pass asks right before each, and leaves its node as it is if the answer is no.
  /// That is how a fault is narrowed down to one rewrite (`--bisect`, `--rewrite-limit`); a pass that never asks is one
  /// rewrite as a whole. Each rewrite that is permitted must leave an equivalent graph.
  /// - Parameter rules: those of the record by which the rewrite is made. Validation holds it to what they promise.
  public mutating func permits(_ rules: [RewriteRule]) -> Bool {
    if let rewriteLimit, rewriteRules.count >= rewriteLimit {
      isStopped = true
      return false
    }
    rewriteRules.append(rules)
    return true
  }

  /// As `permits(_:)` with a list.
  public mutating func permits(_ rules: RewriteRule...) -> Bool { permits(rules) }

  /// Something was done, and why it could be.
  public mutating func applied(_ message: @autoclosure () -> String, at node: Node? = nil) {
    guard isRemarking else { return }
    remarks.append(Remark(kind: .applied, message: message(), location: node?.origin.location))
  }

  /// Something was left, and why.
  public mutating func missed(_ message: @autoclosure () -> String, at node: Node? = nil) {
    guard isRemarking, !isStopped else { return }
    remarks.append(Remark(kind: .missed, message: message(), location: node?.origin.location))
  }

  /// Adds to a statistic of the record.
  public mutating func count(_ name: String, _ amount: Int = 1) {
    if let index = statistics.firstIndex(where: { $0.name == name }) {
      statistics[index].count += amount
    } else {
      undeclared.append(name)
    }
  }
}
