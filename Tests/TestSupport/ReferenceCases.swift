import Apus
import Foundation

/// An operator, its operands, and the results that another program computed for them: one line of a file that a script
/// in Tests/ApusOperatorsTests/Reference writes.
public struct ReferenceCase: Decodable, CustomStringConvertible, Sendable {
  public let op: String
  /// Attributes by name: numbers, booleans and lists as in JSON, bare words of the text format as strings.
  public let attributes: [String: JSONAttribute]
  public let inputs: [JSONTensor]
  public let outputs: [JSONTensor]
  /// How far results may be off, relative to the larger of `least` and the reference; 0 asks for the same number, sign of
  /// zero included.
  public let rtol: Double
  /// 1 where the file does not say.
  public let least: Double?
  /// False where the operator has a kink or a jump at these operands.
  public let gradient: Bool?
  /// What the graph is bound to, for operators that depend on the mode.
  public let mode: String?

  /// The operator as a graph in the text format.
  public var text: String { text(inDoublePrecision: false) }

  /// - Parameter inDoublePrecision: write f64 for each type of floating-point numbers, for operands and attributes.
  public func text(inDoublePrecision: Bool) -> String {
    func dtype(_ type: DType) -> DType { inDoublePrecision && type.isFloating ? .f64 : type }
    func spell(_ attribute: JSONAttribute) -> String {
      if case .word(let word) = attribute, let type = DType(rawValue: word) { return dtype(type).rawValue }
      return attribute.text
    }
    let parameters = inputs.enumerated().map { "%x\($0): \($1.type.with(dtype: dtype($1.type.dtype)))" }
      .joined(separator: ", ")
    let results = outputs.indices.map { "%y\($0)" }.joined(separator: ", ")
    let arguments =
      inputs.indices.map { "%x\($0)" } + attributes.sorted { $0.key < $1.key }.map { "\($0.key): \(spell($0.value))" }
    return """
      graph @reference(\(parameters)) {
        \(results) = \(op)(\(arguments.joined(separator: ", ")))
        return \(results)
      }

      """
  }

  public var description: String {
    let settings = attributes.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.text)" }
    return "\(op)(\((inputs.map(\.type.description) + settings).joined(separator: ", ")))"
  }

  /// Runs the operator in the interpreter, and prints and parses its graph.
  /// - Returns: what is wrong with the results; empty where nothing is.
  public func mismatches() throws -> [String] {
    guard let graph = try Graph.parse(text).first else { return ["the text holds no graph"] }
    guard try Graph.parse(graph.text()) == [graph] else { return ["\(self) does not survive printing and parsing"] }
    return try mismatches(graph, InterpreterBackend())
  }

  /// Runs the operator in a backend.
  /// - Parameter slack: how many times as far as in the interpreter results may be off; above 1 also relative to the
  ///   largest operand, for native sums are not wider than their elements, and what cancels leaves its rounding.
  /// - Returns: what is wrong with the results; empty where nothing is.
  public func mismatches(in backend: any Backend, slack: Double = 1) throws -> [String] {
    guard let graph = try Graph.parse(text).first else { return ["the text holds no graph"] }
    return try mismatches(graph, backend, slack)
  }

  private func mismatches(_ graph: Graph, _ backend: any Backend, _ slack: Double = 1) throws -> [String] {
    let results = try backend.compile(bound(graph)).run(inputs.map { try $0.tensor() }, variables: []).outputs
    guard results.count == outputs.count else { return ["\(results.count) results instead of \(outputs.count)"] }
    let largest = inputs.flatMap(\.data).map { abs($0.double) }.filter(\.isFinite).max() ?? 1
    let least = slack > 1 ? max(self.least ?? 1, largest) : self.least ?? 1
    return try zip(results, outputs).enumerated().flatMap { position, pair in
      try pair.1.mismatches(pair.0, rtol * slack, least).map { "\(self), result \(position): \($0)" }
    }
  }

  /// The graph bound to the case's mode.
  public func bound(_ graph: Graph) throws -> Graph { try mode.flatMap(Mode.init).map(graph.bound) ?? graph }

  /// The cases of all files, in order of the files' names.
  public static func loadAll() throws -> [ReferenceCase] {
    let folder = "Tests/ApusOperatorsTests/Reference/"
    return try Repository.files(below: folder, ending: ".jsonl").flatMap {
      try load(String($0.dropFirst(folder.count)))
    }
  }

  /// The cases of a file below Tests/ApusOperatorsTests/Reference.
  public static func load(_ name: String) throws -> [ReferenceCase] {
    let text = try Repository.text("Tests/ApusOperatorsTests/Reference/\(name)")
    return try text.split(separator: "\n").map { try JSONDecoder().decode(ReferenceCase.self, from: Data($0.utf8)) }
  }
}

/// A tensor as JSON: `{"dtype": "f32", "shape": [2], "data": [1.5, "nan"]}`.
public struct JSONTensor: Decodable, Sendable {
  public let dtype: String
  public let shape: [Int]
  public let data: [JSONNumber]

  public var type: TensorType { TensorType(DType(rawValue: dtype) ?? .f32, Shape(shape)) }

  public func tensor() throws -> Tensor {
    switch type.dtype {
    case .i64: try Tensor(data.map(\.integer), shape)
    case .f32: try Tensor(data.map { Float($0.double) }, shape)
    case .f64: try Tensor(data.map(\.double), shape)
    case .bf16: try Tensor(data.map { BFloat16(converting: $0.double) }, shape)
    case .f16: try Tensor(data.map { Float16($0.double) }, shape)
    case .i8: try Tensor(data.map { Int8($0.integer) }, shape)
    case .u8: try Tensor(data.map { UInt8($0.integer) }, shape)
    case .i32: try Tensor(data.map { Int32($0.integer) }, shape)
    case .bool: try Tensor(data.map { $0.double != 0 }, shape)
    }
  }

  func mismatches(_ actual: Tensor, _ rtol: Double, _ least: Double) throws -> [String] {
    guard actual.type == type else { return ["is a \(actual.type), not a \(type)"] }
    if type.dtype == .i64 {
      return zip(actual.elements(as: Int64.self), data).enumerated().compactMap { position, pair in
        pair.0 == pair.1.integer ? nil : "element \(position) is \(pair.0), not \(pair.1.integer)"
      }
    }
    return zip(actual.doubles(), try tensor().doubles()).enumerated().compactMap { position, pair in
      let (got, expected) = pair
      if expected.isNaN { return got.isNaN ? nil : "element \(position) is \(got), not NaN" }
      let agrees =
        rtol == 0 || expected.isInfinite
        ? got == expected && got.sign == expected.sign : abs(got - expected) <= rtol * max(least, abs(expected))
      return agrees ? nil : "element \(position) is \(got), not \(expected)"
    }
  }
}

/// A number; `"nan"`, `"inf"` and `"-inf"`, which JSON lacks, are strings.
public struct JSONNumber: Decodable, Sendable {
  public let double: Double
  /// The number itself where it is whole, beyond 2⁵³ too.
  public let integer: Int64

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let number = try? container.decode(Double.self) {
      double = number
    } else if let flag = try? container.decode(Bool.self) {
      double = flag ? 1 : 0
    } else {
      let word = try container.decode(String.self)
      guard let number = Double(word) else {
        throw DecodingError.dataCorruptedError(in: container, debugDescription: "'\(word)' is not a number")
      }
      double = number
    }
    integer = (try? container.decode(Int64.self)) ?? Int64(exactly: double) ?? 0
  }
}

/// An attribute as JSON.
public indirect enum JSONAttribute: Decodable, Sendable {
  case bool(Bool)
  case int(Int)
  case double(Double)
  case word(String)
  case list([JSONAttribute])

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Int.self),
      value != 0 || (try? container.decode(Double.self))?.sign != .minus
    {
      // -0.0 is no whole number: its sign counts.
      self = .int(value)
    } else if let value = try? container.decode(Double.self) {
      self = .double(value)
    } else if let value = try? container.decode(String.self) {
      self = .word(value)
    } else {
      self = .list(try container.decode([JSONAttribute].self))
    }
  }

  /// The attribute in the text format.
  public var text: String {
    switch self {
    case .bool(let value): String(value)
    case .int(let value): String(value)
    case .double(let value): "\(value)"
    case .word(let value): value
    case .list(let values): "[\(values.map(\.text).joined(separator: ", "))]"
    }
  }
}
