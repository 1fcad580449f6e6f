import ApusCore

/// The rules that hold for every graph; the number is stable, and Docs/TextFormat.md lists them.
public enum VerifierRule: Int, CaseIterable, Sendable {
  case definedBeforeUse = 1
  case operandCount
  case resultTypes
  case symbolsBound
  case outputsExist
  case updatesVariables
  case updatedOnce
  case updateTypes
  case uniqueNames
  case declarationNames
  case closedRegions
  case declaredOnce

  public var summary: String {
    switch self {
    case .definedBeforeUse: "a node's operands are results of nodes before it"
    case .operandCount:
      "number and element types of operands and the number of regions are what the operator's record says"
    case .resultTypes: "the types of results are those that the operator's shape rule gives"
    case .symbolsBound: "a symbol in a type or attribute occurs in the type of a parameter"
    case .outputsExist: "outputs are values of the graph"
    case .updatesVariables: "an update's target is a variable and its value a value of the graph"
    case .updatedOnce: "a variable has at most one update"
    case .updateTypes: "an update's value has the variable's type"
    case .uniqueNames: "no two values have the same name, and names are identifiers"
    case .declarationNames: "parameters and variables carry the name of their value"
    case .closedRegions: "a region holds no variables and no updates, and keeps these rules itself"
    case .declaredOnce: "a value is the result of exactly one node, at the position that the node says"
    }
  }
}

/// A rule that does not hold, and where.
public struct Violation: Sendable, CustomStringConvertible {
  public let rule: VerifierRule
  public let message: String
  public let location: SourceLocation?

  public var description: String { "rule \(rule.rawValue): \(message) (\(rule.summary))" }
}

extension Graph {
  /// All rules that do not hold, in order of nodes; empty for a sound graph.
  public func violations() -> [Violation] { violations(symbolsInScope: nil) }

  /// - Throws: `ApusError` with fault `.defect` that lists all violations: graphs are built by code that checks.
  public func verify(after stage: String) throws {
    let found = violations()
    guard found.isEmpty else {
      throw ApusError(
        .defect, found.map { Diagnostic(.error, "after \(stage), graph @\(name): \($0)", at: $0.location) })
    }
  }

  private func violations(symbolsInScope outer: [String]?) -> [Violation] {
    var found: [Violation] = []
    var names: Set<String> = []
    let scope = Set(outer ?? symbols)
    var defined = 0

    for (position, node) in nodes.enumerated() {
      func violate(_ rule: VerifierRule, _ message: String) {
        let place = node.results.first.map { $0.index < values.count ? label(of: $0) : $0.description } ?? "?"
        found.append(
          Violation(rule: rule, message: "\(place) = \(node.op.name): \(message)", location: node.origin.location))
      }
      let operandsAreDefined = node.operands.allSatisfy { $0.index < defined }
      for operand in node.operands where operand.index >= defined {
        violate(.definedBeforeUse, "operand \(operand) is not defined before")
      }
      let resultsAreDense =
        node.id.index == position && node.results == node.results.indices.map { ValueID(defined + $0) }
        && node.results.allSatisfy { $0.index < values.count && values[$0.index].producer == node.id }
      if !resultsAreDense { violate(.declaredOnce, "results \(node.results) do not continue the numbering") }
      defined += node.results.count

      if operandsAreDefined && resultsAreDense {
        let actual = resultTypes(of: node)
        do {
          let expected = try Graph.inferTypes(node.op, operandTypes(of: node), node.regions)
          if expected != actual {
            violate(.resultTypes, "results are \(actual) where the shape rule gives \(expected)")
          }
        } catch let error as TypeError {
          violate(.operandCount, error.message)
        } catch {
          violate(.operandCount, "\(error)")
        }
        for symbol in (actual.flatMap(\.shape.symbols) + node.op.symbols) where !scope.contains(symbol) {
          violate(.symbolsBound, "no parameter has a dimension '\(symbol)'")
        }
        for id in node.results {
          guard let name = values[id.index].name else { continue }
          if !Identifier.isValid(name) { violate(.uniqueNames, "'\(name)' is not a name") }
          if !names.insert(name).inserted { violate(.uniqueNames, "the name '\(name)' is taken") }
        }
        let own = (node.op as? Parameter)?.label ?? (node.op as? Variable)?.label
        if let own, values[node.result.index].name != own {
          violate(.declarationNames, "the declaration is named '\(own)'")
        }
      }
      for region in node.regions {
        if !region.updates.isEmpty || !region.variables.isEmpty {
          violate(.closedRegions, "region @\(region.name) declares or updates a variable")
        }
        for inner in region.violations(symbolsInScope: Array(scope)) {
          found.append(
            Violation(
              rule: inner.rule, message: "in a region of \(node.op.name): \(inner.message)", location: inner.location))
        }
      }
    }

    func violate(_ rule: VerifierRule, _ message: String) {
      found.append(Violation(rule: rule, message: message, location: nil))
    }
    for output in outputs where output.index >= defined { violate(.outputsExist, "output \(output) does not exist") }
    var updated: Set<ValueID> = []
    for update in updates {
      guard update.variable.index < defined, update.value.index < defined,
        producer(of: update.variable).op is Variable
      else {
        violate(.updatesVariables, "\(update.variable) = \(update.value) does not update a variable")
        continue
      }
      if !updated.insert(update.variable).inserted {
        violate(.updatedOnce, "\(label(of: update.variable)) is updated twice")
      }
      if type(of: update.variable) != type(of: update.value) {
        violate(
          .updateTypes,
          "\(label(of: update.variable)): \(type(of: update.variable)) is updated by a \(type(of: update.value))")
      }
    }
    return found
  }
}
