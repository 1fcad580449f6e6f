import Apus

/// All that an operator of the catalog must have, checked: documentation, a text round trip, reference values, edge
/// cases, a way to run, and a gradient or the reason why there is none.
public struct OperatorAudit: Sendable {
  public enum Check: String, CaseIterable, Sendable {
    case documentation, text, reference, edges, execution, gradient
  }

  /// What became of a check.
  public enum Outcome: Sendable {
    /// With what was looked at.
    case passed(String)
    case failed([String])
  }

  public let name: String
  public let outcomes: [(check: Check, outcome: Outcome)]

  /// - Parameters:
  ///   - type: the operator.
  ///   - cases: its reference cases.
  ///   - exemption: for operators that no reference case can hold, what covers them instead.
  public init(_ type: any Operator.Type, _ cases: [ReferenceCase], exemption: Exemption? = nil) {
    name = type.record.name
    var outcomes: [(check: Check, outcome: Outcome)] = []
    for check in Check.allCases {
      let outcome: Outcome
      do {
        outcome =
          switch check {
          case .documentation: OperatorAudit.documentation(type.record)
          case .execution: OperatorAudit.execution(type)
          case .text: try exemption?.text(type.record) ?? OperatorAudit.text(type.record, cases)
          case .reference: try exemption?.suite() ?? OperatorAudit.reference(cases)
          case .edges: try exemption?.suite() ?? OperatorAudit.edges(cases)
          case .gradient: try exemption?.suite() ?? GradientAudit(type, cases).outcome()
          }
      } catch {
        outcome = .failed(["\(error)"])
      }
      outcomes.append((check, outcome))
    }
    self.outcomes = outcomes
  }

  /// One line for each fault, with the operator's name.
  public var faults: [String] {
    outcomes.flatMap { check, outcome in
      switch outcome {
      case .passed: [String]()
      case .failed(let messages): messages.map { "\(name): \(check.rawValue): \($0)" }
      }
    }
  }

  /// What was looked at, in the order of `Check.allCases`.
  public var cells: [String] {
    outcomes.map { _, outcome in
      switch outcome {
      case .passed(let what): what
      case .failed(let messages): "FAILED (\(messages.count))"
      }
    }
  }

  // MARK: The checks

  private static func documentation(_ record: OperatorRecord) -> Outcome {
    var faults: [String] = []
    func require(_ text: String, of what: String, named name: String) {
      if text.count < 2 || text == name { faults.append("\(what) needs a summary that says more than '\(text)'") }
    }
    require(record.summary, of: "the operator", named: record.name)
    for attribute in record.attributes {
      require(attribute.summary, of: "attribute '\(attribute.name)'", named: attribute.name)
    }
    let names = record.operands.map(\.name) + record.attributes.map(\.name)
    if Set(names).count != names.count { faults.append("two operands or attributes share a name") }
    return faults.isEmpty ? .passed("\(record.attributes.count) attributes") : .failed(faults)
  }

  private static func execution(_ type: any Operator.Type) -> Outcome {
    if type.record.traits.contains(.declaration) { return .passed("given") }
    if type is any Interpretable.Type { return .passed("kernel") }
    if type is any CompositeOperator.Type { return .passed("expansion") }
    if type is any ModeDependentOperator.Type { return .passed("mode binding") }
    return .failed(["it has no kernel (Interpretable), no expansion (CompositeOperator) and no mode binding"])
  }

  /// Each case survives printing and parsing, and together they give every attribute a value that is not its default.
  private static func text(_ record: OperatorRecord, _ cases: [ReferenceCase]) throws -> Outcome {
    guard !cases.isEmpty else { return .failed(["no reference case to print and parse"]) }
    var faults: [String] = []
    var spelt: [[String]] = record.attributes.map { _ in [] }
    for reference in cases {
      let graphs = try Graph.parse(reference.text)
      guard let graph = graphs.first, try Graph.parse(graph.text()) == graphs else {
        faults.append("\(reference) does not survive printing and parsing")
        continue
      }
      guard let op = graph.nodes.last?.op else { continue }
      for (position, text) in op.attributeTexts.enumerated() { spelt[position].append(text.1) }
    }
    for (attribute, texts) in zip(record.attributes, spelt)
    where !texts.contains(where: { $0 != attribute.defaultText }) {
      faults.append("no reference case gives '\(attribute.name)' a value other than \(attribute.defaultText)")
    }
    return faults.isEmpty ? .passed("\(cases.count) round trips") : .failed(faults)
  }

  private static func reference(_ cases: [ReferenceCase]) throws -> Outcome {
    guard !cases.isEmpty else {
      return .failed(["no reference value in Tests/ApusOperatorsTests/Reference/*.jsonl; Docs/Testing.md says how"])
    }
    let faults = try cases.flatMap { try $0.mismatches() }
    return faults.isEmpty ? .passed("\(cases.count) cases") : .failed(faults)
  }

  /// Operands with no or one element; of operators whose operands are scalars by nature, such results.
  private static func edges(_ cases: [ReferenceCase]) -> Outcome {
    let count = cases.count { reference in
      reference.inputs.contains { !$0.shape.isEmpty && $0.data.count <= 1 }
        || reference.outputs.contains { $0.data.count <= 1 }
    }
    return count > 0 ? .passed("\(count) cases") : .failed(["no reference case with an empty operand or one of size 1"])
  }
}

extension OperatorAudit {
  /// What covers an operator that no reference case can hold, because it declares or has regions.
  public struct Exemption: Sendable {
    /// A suite's file, below Tests.
    let file: String
    /// A graph file that holds the operator.
    let graphs: String

    public init(suite file: String, graphs: String) { (self.file, self.graphs) = (file, graphs) }

    /// The suite exists.
    func suite() throws -> Outcome {
      let name = file.split(separator: "/").last.map { String($0.dropLast(".swift".count)) } ?? file
      let exists = try Repository.text("Tests/\(file)").contains("@Suite struct \(name)")
      return exists ? .passed(name) : .failed(["Tests/\(file) has no suite \(name)"])
    }

    /// The graph file holds the operator, every attribute at a value that is not its default, and survives printing and
    /// parsing.
    func text(_ record: OperatorRecord) throws -> Outcome {
      let parsed = try Graph.parse(Repository.text(graphs), file: graphs)
      let isEqual = try Graph.parse(parsed.map { $0.text() }.joined(separator: "\n")) == parsed
      guard isEqual else { return .failed(["\(graphs) does not survive printing and parsing"]) }
      func nodes(_ graph: Graph) -> [Node] { graph.nodes.flatMap { [$0] + $0.regions.flatMap(nodes) } }
      let texts = parsed.flatMap(nodes).filter { $0.op.name == record.name }.map(\.op.attributeTexts)
      if texts.isEmpty { return .failed(["\(graphs) has no \(record.name)"]) }
      let faults = record.attributes.enumerated().filter { position, attribute in
        !texts.contains { $0[position].1 != attribute.defaultText }
      }.map { "\(graphs) never gives '\($0.element.name)' a value other than \($0.element.defaultText)" }
      return faults.isEmpty ? .passed("\(texts.count) round trips") : .failed(faults)
    }
  }
}
