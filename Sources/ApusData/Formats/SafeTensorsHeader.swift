import ApusCore
import Foundation

/// The JSON object at the head of a safetensors file: a member for each tensor, and `__metadata__`.
struct SafeTensorsHeader: Decodable {
  struct Entry {
    var name: String
    var dtype: String
    var shape: [Int]
    /// Where the elements lie, from the end of the header.
    var start: Int, end: Int
  }

  /// In the order of the elements in the file.
  private(set) var entries: [Entry] = []
  private(set) var metadata: [String: String] = [:]

  /// - Throws: `ApusError` that names the member at fault.
  init(json: ArraySlice<UInt8>, path: String) throws {
    guard json.first == UInt8(ascii: "{") else {
      throw ApusError.file(path, "is no safetensors file: its header does not begin with '{'")
    }
    do {
      self = try JSONDecoder().decode(SafeTensorsHeader.self, from: Data(json))
    } catch let error as DecodingError {
      throw ApusError.file(path, "its safetensors header is malformed: \(SafeTensorsHeader.reason(error))")
    }
  }

  init(from decoder: any Decoder) throws {
    struct Member: Decodable {
      var dtype: String
      var shape: [Int]
      var offsets: [Int]
      enum CodingKeys: String, CodingKey {
        case dtype, shape
        case offsets = "data_offsets"
      }
    }
    let members = try decoder.container(keyedBy: Key.self)
    for key in members.allKeys {
      if key.stringValue == "__metadata__" {
        metadata = try members.decode([String: String].self, forKey: key)
        continue
      }
      let member = try members.decode(Member.self, forKey: key)
      guard member.offsets.count == 2 else {
        throw DecodingError.dataCorruptedError(
          forKey: key, in: members, debugDescription: "data_offsets holds \(member.offsets.count) numbers, not 2")
      }
      entries.append(
        Entry(
          name: key.stringValue, dtype: member.dtype, shape: member.shape, start: member.offsets[0],
          end: member.offsets[1]))
    }
    // The decoder's keys come in no order; the offsets have one, and empty tensors share theirs.
    entries.sort { ($0.start, $0.end, $0.name) < ($1.start, $1.end, $1.name) }
  }

  /// The type of each entry, once all of them are known to fill the `dataCount` bytes that follow the header, each
  /// byte used once.
  func checkedTypes(dataCount: Int, path: String) throws -> [TensorType] {
    var types: [TensorType] = []
    var position = 0
    for entry in entries {
      func fault(_ message: String, help: String? = nil) -> ApusError {
        .file("\(path), tensor '\(entry.name)'", message, help: help)
      }
      guard let dtype = SafeTensorsHeader.codes.first(where: { $0.code == entry.dtype })?.dtype else {
        let known = SafeTensorsHeader.codes.map(\.code)
        throw fault(
          "no tensor holds the element type '\(entry.dtype)'", help: "known are " + known.joined(separator: " "))
      }
      guard entry.shape.allSatisfy({ $0 >= 0 }) else { throw fault("its shape \(entry.shape) has a negative size") }
      guard entry.start >= 0, entry.start <= entry.end, entry.end <= dataCount else {
        throw fault("its offsets \(entry.start) to \(entry.end) do not lie in the \(dataCount) bytes of data")
      }
      guard entry.start == position else {
        let what =
          entry.start < position ? "overlap the tensor before" : "leave a gap of \(entry.start - position) bytes"
        throw fault("its offsets \(entry.start) to \(entry.end) \(what): \(position) is expected first")
      }
      let type = TensorType(dtype, Shape(entry.shape))
      guard type.byteCount == entry.end - entry.start else {
        let need = type.byteCount.map { "\($0) bytes" } ?? "more than any memory"
        throw fault("has \(entry.end - entry.start) bytes, but \(type) takes \(need)")
      }
      position = entry.end
      types.append(type)
    }
    guard position == dataCount else {
      throw ApusError.file(path, "\(dataCount - position) bytes of data belong to no tensor")
    }
    return types
  }

  /// The header's bytes, padded with spaces so that the elements begin at a multiple of 8.
  static func text(of file: SafeTensors, path: String) throws -> [UInt8] {
    var members: [String] = []
    if !file.metadata.isEmpty {
      let pairs = file.metadata.sorted { $0.key < $1.key }.map { "\(quoted($0.key)):\(quoted($0.value))" }
      members.append("\"__metadata__\":{" + pairs.joined(separator: ",") + "}")
    }
    var position = 0
    var seen: Set<String> = ["__metadata__"]
    for (name, tensor) in file.tensors {
      guard seen.insert(name).inserted else {
        let reason = name == "__metadata__" ? "is reserved for the metadata" : "is used twice"
        throw ApusError.file(path, "the tensor name '\(name)' \(reason)")
      }
      let code = codes.first { $0.dtype == tensor.dtype }?.code ?? ""
      let shape = tensor.dimensions.map(String.init).joined(separator: ",")
      let end = position + tensor.byteCount
      members.append(
        "\(quoted(name)):{\"dtype\":\"\(code)\",\"shape\":[\(shape)],\"data_offsets\":[\(position),\(end)]}")
      position = end
    }
    var bytes = Array(("{" + members.joined(separator: ",") + "}").utf8)
    bytes += [UInt8](repeating: 0x20, count: (8 - bytes.count % 8) % 8)
    return bytes
  }

  private static let codes: [(code: String, dtype: DType)] = [
    ("F32", .f32), ("F64", .f64), ("BF16", .bf16), ("F16", .f16), ("I8", .i8), ("U8", .u8), ("I32", .i32),
    ("I64", .i64), ("BOOL", .bool),
  ]

  /// A JSON string (RFC 8259, section 7).
  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }

  private static func reason(_ error: DecodingError) -> String {
    let context: DecodingError.Context
    var what = ""
    switch error {
    case .typeMismatch(_, let c), .dataCorrupted(let c): context = c
    case .valueNotFound(_, let c): context = c
    case .keyNotFound(let key, let c):
      context = c
      what = "'\(key.stringValue)' is missing"
    @unknown default: return "\(error)"
    }
    let place = context.codingPath.map(\.stringValue).joined(separator: ".")
    if what.isEmpty { what = context.debugDescription }
    return place.isEmpty ? what : "in '\(place)': \(what)"
  }

  private struct Key: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }
}
