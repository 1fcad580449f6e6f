import ApusCore
import ApusGraph

/// What an operator's record says, as text for people and programs. Docs/Operators.md is made from it.
public struct OperatorDocumentation: Encodable {
  struct Operand: Encodable {
    let name: String
    let dtypes: [String]
    let repetition: String
    let summary: String
  }

  struct Attribute: Encodable {
    let name: String
    let kind: String
    let `default`: String?
    let summary: String
  }

  let name: String
  let family: String
  let tier: String
  let summary: String
  let accuracy: String?
  let usage: String
  let operands: [Operand]
  let attributes: [Attribute]
  let regions: [String]
  let results: [String]
  let traits: [String]

  public init(_ type: any Operator.Type) {
    let record = type.record
    name = record.name
    family = record.family.rawValue
    tier =
      type is any CompositeOperator.Type
      ? "composite" : type is any ModeDependentOperator.Type ? "mode-dependent" : "primitive"
    summary = record.summary
    accuracy = record.accuracy.isEmpty ? nil : record.accuracy
    usage = record.usage
    operands = record.operands.map { operand in
      let repetition =
        switch operand.repetition {
        case .once: "one"
        case .optional: "optional"
        case .any: "any number"
        }
      return Operand(
        name: operand.name, dtypes: DType.allCases.filter(operand.dtypes.contains).map(\.rawValue),
        repetition: repetition, summary: operand.summary)
    }
    attributes = record.attributes.map {
      Attribute(name: $0.name, kind: $0.kind, default: $0.isRequired ? nil : $0.defaultText, summary: $0.summary)
    }
    regions = record.regions
    results = record.results
    traits = OperatorTraits.named.filter { record.traits.contains($0.trait) }.map(\.name)
  }

  /// A line each, by family.
  public static func list(_ types: [any Operator.Type]) -> String {
    let width = types.map { $0.record.name.count }.max() ?? 0
    var text = ""
    for family in OperatorFamily.allCases {
      let members = types.filter { $0.record.family == family }
      if members.isEmpty { continue }
      text += "\(family.rawValue)\n"
      for type in members {
        let name = type.record.name
        text += "  \(name)\(String(repeating: " ", count: width - name.count))  \(type.record.summary)\n"
      }
    }
    return text
  }

  /// All that the record says, for a terminal.
  public var explanation: String {
    var text = "\(name): \(summary)\n\n  \(usage)\n\n  \(tier), \(family)"
    if !traits.isEmpty { text += "; \(traits.joined(separator: ", "))" }
    text += "\n"
    for operand in operands {
      text += "  %\(operand.name) (\(operand.repetition)): \(operand.dtypes.joined(separator: " "))"
      text += operand.summary.isEmpty ? "\n" : "; \(operand.summary)\n"
    }
    for attribute in attributes {
      let standard = attribute.default.map { ", default \($0)" } ?? ", required"
      text += "  \(attribute.name): \(attribute.summary) (\(attribute.kind)\(standard))\n"
    }
    for region in regions { text += "  { \(region) }\n" }
    if let accuracy { text += "  accuracy: \(accuracy)\n" }
    return text
  }

  /// Docs/Operators.md.
  public static func markdown(_ types: [any Operator.Type]) -> String {
    var text = """
      # Operators

      Made by `apus ops --markdown` from the operators' own records; a test fails when it is stale.
      A primitive has a reference kernel; a composite is defined by smaller operators; a mode-dependent one is replaced
      when a graph is bound to training or inference. Accuracy is that of both backends: of a sum of n terms, u is 2⁻²⁴ for
      `f32` and 2⁻⁵³ for `f64`, and Σ| | is the sum of the terms' magnitudes.

      """
    for family in OperatorFamily.allCases {
      let members = types.filter { $0.record.family == family }
      if members.isEmpty { continue }
      text += "\n## \(family.rawValue.prefix(1).uppercased() + family.rawValue.dropFirst())\n"
      for type in members { text += OperatorDocumentation(type).section }
    }
    return text
  }

  private var section: String {
    var text = "\n### `\(name)`\n\n\(summary)\n\n```\n\(usage)\n```\n\n"
    text += "*\(([tier] + traits).joined(separator: ", "))*\n"
    if !operands.isEmpty || !attributes.isEmpty { text += "\n" }
    for operand in operands {
      text += "- `%\(operand.name)`: \(operand.dtypes.joined(separator: ", "))"
      text += operand.repetition == "one" ? "" : " (\(operand.repetition))"
      text += operand.summary.isEmpty ? "\n" : "; \(operand.summary)\n"
    }
    for attribute in attributes {
      let standard = attribute.default.map { "default `\($0)`" } ?? "required"
      text += "- `\(attribute.name)`: \(attribute.summary) (\(attribute.kind); \(standard))\n"
    }
    if let accuracy { text += "\nAccuracy: \(accuracy).\n" }
    return text
  }
}
