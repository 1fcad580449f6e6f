import ApusGraph

/// What a pass's record says, as text for people and programs. Docs/Passes.md is made from it.
public struct PassDocumentation: Encodable {
  /// How closely results agree with those before: `exact`, `exact but zeros' signs`, `rounded` or `within` an error.
  struct Precision: Encodable {
    let agreement: String
    let error: Double?
    let assumesFinite: Bool

    init(_ precision: PassPrecision) {
      assumesFinite = precision.assumesFinite
      switch precision.agreement {
      case .exact: (agreement, error) = ("exact", nil)
      case .exactButZeroSigns: (agreement, error) = ("exactButZeroSigns", nil)
      case .rounded: (agreement, error) = ("rounded", nil)
      case .approximate(let bound): (agreement, error) = ("approximate", bound)
      }
    }
  }

  struct Rule: Encodable {
    let name: String
    let law: String
    let precision: Precision
  }

  let name: String
  let summary: String
  let precision: Precision
  let rules: [Rule]
  let options: [String: Int]
  let statistics: [String: String]
  private let record: PassRecord

  private enum CodingKeys: CodingKey { case name, summary, precision, rules, options, statistics }

  public init(_ record: PassRecord) {
    self.record = record
    (name, summary, precision) = (record.name, record.summary, Precision(record.precision))
    rules = record.rules.map { Rule(name: $0.name, law: $0.law, precision: Precision($0.precision)) }
    options = Dictionary(uniqueKeysWithValues: record.options.map { ($0.name, $0.standard) })
    statistics = Dictionary(uniqueKeysWithValues: record.statistics.map { ($0.name, $0.summary) })
  }

  /// Name, class and summary, a line for each pass, and a line for each option.
  public static func list(_ records: [PassRecord]) -> String {
    var rows: [[String]] = []
    for record in records {
      rows.append([record.name, "\(record.precision)", record.summary])
      for option in record.options { rows.append(["", "", "{\(option.name)=\(option.standard)} \(option.summary)"]) }
    }
    return table(rows)
  }

  /// All that the record says, for a terminal.
  public var explanation: String {
    var text = "\(name): \(summary)\n\nresults: \(record.precision)\n"
    let parts = [
      ("rules", record.rules.map { [$0.name, "\($0.precision)", $0.law] }),
      ("options", record.options.map { ["\($0.name)=\($0.standard)", $0.summary] }),
      ("counts", record.statistics.map { [$0.name, $0.summary] }),
    ]
    for (title, rows) in parts where !rows.isEmpty { text += "\n\(title)\n\(Self.table(rows))" }
    return text
  }

  /// Docs/Passes.md.
  public static func markdown(_ records: [PassRecord]) -> String {
    var text = """
      # Passes

      Made by `apus passes --markdown` from the passes' own records; a test fails when it is stale. Each pass has a class, which
      says how closely its results agree with those before, and so has each of its rules: the pass's class is what its rules keep
      together. `--validate` holds a pass to the classes of the rules that it has applied
      ([Debugging.md](Debugging.md#what---validate-compares)).

      | class | results |
      |---|---|
      | exact | the same bits for all inputs; of a NaN that it is one |
      | exact but zeros' signs | the same, but a zero may have the other sign |
      | rounded | rounded in other places, as sums in another order are |
      | within an error | within that error of `f32` results, for inputs of ordinary size |
      | …, if finite | promised only if all numbers are finite |

      """
    for record in records { text += PassDocumentation(record).section }
    return text
  }

  private var section: String {
    var text = "\n## `\(name)`\n\n\(summary). *\(record.precision)*\n"
    if !record.options.isEmpty || !record.statistics.isEmpty { text += "\n" }
    for option in record.options { text += "- `{\(option.name)=\(option.standard)}`: \(option.summary)\n" }
    for statistic in record.statistics { text += "- counts `\(statistic.name)`: \(statistic.summary)\n" }
    if !record.rules.isEmpty { text += "\n| rule | law | class |\n|---|---|---|\n" }
    for rule in record.rules { text += "| `\(rule.name)` | \(rule.law) | \(rule.precision) |\n" }
    return text
  }

  /// Rows below one another, two spaces in front and between.
  private static func table(_ rows: [[String]]) -> String {
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      let cells = zip(row, widths).dropLast().map { $0 + String(repeating: " ", count: $1 - $0.count) }
      return "  " + (cells + row.suffix(1)).joined(separator: "  ") + "\n"
    }.joined()
  }
}
