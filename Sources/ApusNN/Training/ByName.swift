import ApusCore

/// Something for each input or output of a model, by name or in order:
///
///     losses: ["box": .meanSquaredError, "label": .sparseCategoricalCrossEntropy]
///     losses: [.meanSquaredError, .sparseCategoricalCrossEntropy]
///
/// Inputs have the names that `Input` gave them, outputs those of the layers that make them: `Trainer.inputNames`,
/// `Trainer.outputNames`.
public struct ByName<Element>: ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral {
  /// Names are nil if the elements are in order.
  private let elements: [(name: String?, element: Element)]

  public init(dictionaryLiteral elements: (String, Element)...) { self.elements = elements.map { ($0.0, $0.1) } }
  public init(arrayLiteral elements: Element...) { self.init(elements) }

  /// - Parameter elements: in the model's order.
  public init(_ elements: [Element]) { self.elements = elements.map { (nil, $0) } }
  /// - Parameter elements: with the names of inputs or outputs.
  public init(_ elements: [(String, Element)]) { self.elements = elements.map { ($0.0, $0.1) } }
  public init(_ elements: [String: Element]) { self.elements = elements.map { ($0.key, $0.value) } }

  public var isEmpty: Bool { elements.isEmpty }
  var values: [Element] { elements.map(\.element) }

  /// The same names with other elements.
  func map<Other>(_ transform: (Element) throws -> Other) rethrows -> ByName<Other> {
    ByName<Other>(named: try elements.map { ($0.name, try transform($0.element)) })
  }

  private init(named elements: [(name: String?, element: Element)]) { self.elements = elements }

  /// The element of each name; nil for a name that has none.
  /// - Parameters:
  ///   - what: one of the elements, for messages: `loss`.
  ///   - place: what has the names, for messages: `output`.
  /// - Throws: `ApusError` if a name is unknown or given twice, or elements in order are too few or too many.
  func assigned(to names: [String], _ what: String, of place: String) throws -> [Element?] {
    if elements.isEmpty { return names.map { _ in nil } }
    let list = names.joined(separator: ", ")
    guard elements.contains(where: { $0.name != nil }) else {
      guard elements.count == names.count else {
        throw ApusError.input(
          "there \(elements.count == 1 ? "is 1 \(what)" : "are \(elements.count) of \(what)") for \(names.count) "
            + "of \(place): \(list)", help: "give one for each, in this order or by name")
      }
      return elements.map(\.element)
    }
    var result = [Element?](repeating: nil, count: names.count)
    for (name, element) in elements {
      guard let name, let index = names.firstIndex(of: name) else {
        throw ApusError.input(
          "the model has no \(place) '\(name ?? "")', for which a \(what) is given",
          help: name.flatMap { Suggestion.didYouMean($0, among: names) } ?? "it has: \(list)")
      }
      guard result[index] == nil else {
        throw ApusError.input("the \(what) of \(place) '\(names[index])' is given twice")
      }
      result[index] = element
    }
    return result
  }

  /// As `assigned`, but none may be missing.
  /// - Throws: also if one is missing, by its name.
  func required(for names: [String], _ what: String, of place: String) throws -> [Element] {
    try zip(names, assigned(to: names, what, of: place)).map { name, element in
      guard let element else {
        throw ApusError.input(
          "\(place) '\(name)' has no \(what)", help: "the model has: \(names.joined(separator: ", "))")
      }
      return element
    }
  }
}

extension ByName: Sendable where Element: Sendable {}
