/// A message of Protocol Buffers, written field by field (https://protobuf.dev/programming-guides/encoding).
struct WireMessage {
  private(set) var bytes: [UInt8] = []

  private enum WireType: UInt64 {
    case varint = 0
    case fixed64 = 1
    case lengthDelimited = 2
    case fixed32 = 5
  }

  mutating func append(_ field: Int, int64 value: Int64) {
    tag(field, .varint)
    varint(UInt64(bitPattern: value))
  }

  mutating func append(_ field: Int, double value: Double) {
    tag(field, .fixed64)
    bytes.append(littleEndian: value.bitPattern)
  }

  mutating func append(_ field: Int, float value: Float) {
    tag(field, .fixed32)
    bytes.append(littleEndian: value.bitPattern)
  }

  mutating func append(_ field: Int, string value: String) { append(field, data: Array(value.utf8)) }
  mutating func append(_ field: Int, message: WireMessage) { append(field, data: message.bytes) }

  /// A packed list.
  mutating func append(_ field: Int, doubles values: [Double]) {
    var data: [UInt8] = []
    for value in values { data.append(littleEndian: value.bitPattern) }
    append(field, data: data)
  }

  mutating func append(_ field: Int, data: [UInt8]) {
    tag(field, .lengthDelimited)
    varint(UInt64(data.count))
    bytes += data
  }

  private mutating func tag(_ field: Int, _ type: WireType) { varint(UInt64(field) << 3 | type.rawValue) }

  /// Seven bits a byte, the lowest first; the highest bit of a byte says that more follow.
  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest > 0x7F {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}

extension [UInt8] {
  mutating func append(littleEndian value: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }
}
