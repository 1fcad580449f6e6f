import Apus
import ApusOperators
import Foundation
import TestSupport
import Testing

/// Walks the catalog: an operator that lacks anything is named, with what it lacks. Docs/AddAnOperator.md says what a
/// new one needs.
@Suite struct CatalogTests {
  /// Operators that no line of a reference file can hold, and the suites that cover them.
  static let exemptions: [String: OperatorAudit.Exemption] = [
    "parameter": .init(suite: "ApusOperatorsTests/InterpreterTests.swift", graphs: "Graphs/Text/every_construct.graph"),
    "variable": .init(suite: "ApusOperatorsTests/InterpreterTests.swift", graphs: "Graphs/Text/every_construct.graph"),
    "constant": .init(suite: "ApusOperatorsTests/InterpreterTests.swift", graphs: "Graphs/Text/every_construct.graph"),
    "fusion": .init(suite: "ApusOperatorsTests/ControlTests.swift", graphs: "Graphs/Text/control_flow.graph"),
    "if": .init(suite: "ApusOperatorsTests/ControlTests.swift", graphs: "Graphs/Text/control_flow.graph"),
    "while": .init(suite: "ApusOperatorsTests/ControlTests.swift", graphs: "Graphs/Text/control_flow.graph"),
    "scan": .init(suite: "ApusOperatorsTests/ControlTests.swift", graphs: "Graphs/Text/control_flow.graph"),
  ]

  @Test func everyOperatorIsComplete() async throws {
    let all = try Dictionary(grouping: ReferenceCase.loadAll(), by: \.op)
    let types = OperatorCatalog.standard.types
    let audits = await withTaskGroup(of: (Int, OperatorAudit).self) { group in
      for (position, type) in types.enumerated() {
        let name = type.record.name
        group.addTask {
          (position, OperatorAudit(type, all[name] ?? [], exemption: CatalogTests.exemptions[name]))
        }
      }
      return await group.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
    }
    print(CatalogTests.table(audits))
    #expect(audits.map(\.name) == OperatorCatalog.standard.names)
    for audit in audits {
      #expect(audit.outcomes.map(\.check) == OperatorAudit.Check.allCases, "\(audit.name): a check was skipped")
      for fault in audit.faults { Issue.record("\(fault)") }
    }
    // No case is lost: one of an operator that does not exist would never run.
    for name in all.keys.sorted() {
      #expect(
        OperatorCatalog.standard.type(named: name) != nil, "reference values of '\(name)', which is no operator")
    }
  }

  /// Only what a reference file cannot say is exempt: declarations and operators with regions, all of them.
  @Test func exemptionsAreFew() {
    let special = OperatorCatalog.standard.types.map { $0.record }
      .filter { $0.traits.contains(.declaration) || !$0.regions.isEmpty }.map(\.name)
    #expect(special.sorted() == CatalogTests.exemptions.keys.sorted())
  }

  @Test func namesAreUniqueAndWellFormed() {
    let names = OperatorCatalog.standard.names
    #expect(Set(names).count == names.count)
    for name in names { #expect(name.wholeMatch(of: /[a-z][a-z0-9]*(_[a-z0-9]+)*/) != nil, "\(name)") }
  }

  /// Docs/Operators.md is made from the records.
  @Test func documentationIsFresh() throws {
    let expected = OperatorDocumentation.markdown(OperatorCatalog.standard.types)
    let written = (try? Repository.text("Docs/Operators.md")) ?? ""
    let isFresh = written == expected
    #expect(isFresh, "Docs/Operators.md is stale: swift run apus ops --markdown > Docs/Operators.md")
  }

  // MARK: The audit itself

  /// Without cases, all that cases are for is missing.
  @Test func missingCasesAreFaults() {
    let faults = OperatorAudit(Exp.self, []).faults
    #expect(faults.count == 4)
    for check in ["text", "reference", "edges", "gradient"] {
      #expect(faults.contains { $0.hasPrefix("exp: \(check): ") }, "\(check)")
    }
    #expect(OperatorAudit(Scan.self, []).faults.contains { $0.hasPrefix("scan: reference: ") })
  }

  /// A wrong number, an attribute that is always at its default, and a missing edge case are found.
  @Test func wrongCasesAreFaults() throws {
    let line = """
      {"op": "cumulative_sum", "attributes": {"axis": 0, "reverse": false}, "rtol": 0, \
      "inputs": [{"dtype": "f32", "shape": [2], "data": [1, 2]}], \
      "outputs": [{"dtype": "f32", "shape": [2], "data": [1, 4]}]}
      """
    let wrong = try JSONDecoder().decode(ReferenceCase.self, from: Data(line.utf8))
    let faults = OperatorAudit(CumulativeSum.self, [wrong]).faults
    #expect(
      faults.contains { $0.hasPrefix("cumulative_sum: reference: ") && $0.hasSuffix("element 1 is 3.0, not 4.0") })
    #expect(faults.contains("cumulative_sum: text: no reference case gives 'reverse' a value other than false"))
    #expect(faults.contains("cumulative_sum: text: no reference case gives 'exclusive' a value other than false"))
    #expect(!faults.contains { $0.contains("'axis'") })
    #expect(faults.contains { $0.hasPrefix("cumulative_sum: edges: ") })
  }

  /// A suite or a graph that is named but not there.
  @Test func emptyExemptionsAreFaults() {
    let exemption = OperatorAudit.Exemption(
      suite: "ApusOperatorsTests/NoSuchTests.swift", graphs: "Graphs/Text/every_construct.graph")
    let faults = OperatorAudit(Scan.self, [], exemption: exemption).faults
    #expect(faults.contains("scan: text: Graphs/Text/every_construct.graph has no scan"))
    #expect(faults.count == 4)
  }

  /// A line for each operator: which checks ran, and on what.
  private static func table(_ audits: [OperatorAudit]) -> String {
    let rows = [["operator"] + OperatorAudit.Check.allCases.map(\.rawValue)] + audits.map { [$0.name] + $0.cells }
    let last = rows[0].count - 1
    let widths = rows[0].indices.map { column in column == last ? 0 : rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      zip(row, widths).map { $0 + String(repeating: " ", count: max(0, $1 - $0.count)) }.joined(separator: "  ")
    }.joined(separator: "\n")
  }
}
