import ApusCore
import ApusData
import ApusGraph
import Foundation

/// A file of events that TensorBoard reads: records as TensorFlow writes them, each an `Event` message
/// (tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto).
package final class EventFile {
  package let path: String
  private let descriptor: Int32

  /// Makes the folder and the file, with a name that TensorBoard looks for and no other process uses.
  /// - Parameter time: seconds since 1970.
  /// - Throws: `ApusError` that names the folder or the file which cannot be made.
  package init(in directory: String, time: Double = Date().timeIntervalSince1970) throws {
    try Directory.make(directory)
    let host = ProcessInfo.processInfo.hostName
    let stem = "\(directory)/events.out.tfevents.\(Int(time)).\(host).\(ProcessInfo.processInfo.processIdentifier)"
    var (path, number) = ("", 0)
    repeat {
      path = "\(stem).\(number)"
      number += 1
    } while FileManager.default.fileExists(atPath: path)
    self.path = path
    descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      throw ApusError.input("cannot write '\(path)': \(String(cString: strerror(errno)))")
    }
    var event = WireMessage()
    event.append(1, double: time)
    event.append(3, string: "brain.Event:2")
    try append(event)
  }

  deinit { close(descriptor) }

  /// - Parameters:
  ///   - scalars: numbers by their tags.
  ///   - histograms: the elements of tensors by their tags.
  ///   - images: `u8[height, width, 1 or 3]` by their tags.
  package func write(
    step: Int, time: Double = Date().timeIntervalSince1970, scalars: [(tag: String, value: Double)] = [],
    histograms: [(tag: String, values: [Double])] = [], images: [(tag: String, picture: Tensor)] = []
  ) throws {
    var summary = WireMessage()
    for (tag, number) in scalars {
      var value = WireMessage()
      value.append(1, string: tag)
      value.append(2, float: Float(number))
      summary.append(1, message: value)
    }
    for (tag, values) in histograms {
      var value = WireMessage()
      value.append(1, string: tag)
      value.append(5, message: Histogram(values).message)
      summary.append(1, message: value)
    }
    for (tag, picture) in images {
      var image = WireMessage()
      for (field, size) in zip(1..., picture.dimensions) { image.append(field, int64: Int64(size)) }
      image.append(4, data: try PNG.encoded(picture))
      var value = WireMessage()
      value.append(1, string: tag)
      value.append(4, message: image)
      summary.append(1, message: value)
    }
    var event = WireMessage()
    event.append(1, double: time)
    event.append(2, int64: Int64(step))
    event.append(5, message: summary)
    try append(event)
  }

  /// Writes the graph that TensorBoard's page of graphs draws.
  package func write(_ graph: Graph, time: Double = Date().timeIntervalSince1970) throws {
    var event = WireMessage()
    event.append(1, double: time)
    event.append(4, message: WireMessage(drawing: graph))
    try append(event)
  }

  /// A record: the length, its checksum, the data, their checksum (tensorflow/core/lib/io/record_writer.h).
  private func append(_ event: WireMessage) throws {
    var record: [UInt8] = []
    record.append(littleEndian: UInt64(event.bytes.count))
    record.append(littleEndian: CRC32C.masked(record))
    record += event.bytes
    record.append(littleEndian: CRC32C.masked(event.bytes))
    // In one piece, so that a reader sees whole records.
    if let number = Descriptor.write(record, to: descriptor) {
      throw ApusError.input("cannot write '\(path)': \(String(cString: strerror(number)))")
    }
  }
}

/// Numbers in thirty buckets of one width, as TensorBoard's own summaries have them.
struct Histogram {
  private static let bucketCount = 30

  let values: [Double]
  let (least, largest): (Double, Double)
  /// The upper ends of the buckets, and how many numbers are in each.
  let (limits, counts): ([Double], [Double])

  /// - Parameter values: those that are not finite are left out.
  init(_ values: [Double]) {
    let values = values.filter(\.isFinite)
    let (least, largest) = (values.min() ?? 0, values.max() ?? 0)
    // Each divided for itself, because the difference may be infinite.
    let width = largest / Double(Self.bucketCount) - least / Double(Self.bucketCount)
    (self.values, self.least, self.largest) = (values, least, largest)
    guard width > 0 else {
      // All are one number.
      (limits, counts) = ([largest], [Double(values.count)])
      return
    }
    limits = (1...Self.bucketCount).map { $0 == Self.bucketCount ? largest : least + Double($0) * width }
    var counts = [Double](repeating: 0, count: Self.bucketCount)
    for value in values {
      let place = value / width - least / width
      counts[place < Double(Self.bucketCount) ? Int(place) : Self.bucketCount - 1] += 1
    }
    self.counts = counts
  }

  var message: WireMessage {
    var message = WireMessage()
    message.append(1, double: least)
    message.append(2, double: largest)
    message.append(3, double: Double(values.count))
    message.append(4, double: values.reduce(0, +))
    message.append(5, double: values.reduce(0) { $0 + $1 * $1 })
    message.append(6, doubles: limits)
    message.append(7, doubles: counts)
    return message
  }
}

/// The checksum of Castagnoli et al. 1993, bit by bit reversed: polynomial 0x82F63B78.
enum CRC32C {
  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { crc, _ in crc & 1 == 0 ? crc >> 1 : crc >> 1 ^ 0x82F6_3B78 }
  }

  static func checksum(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(~0) { crc, byte in crc >> 8 ^ table[Int(UInt8(truncatingIfNeeded: crc) ^ byte)] }
  }

  /// Rotated and shifted, so that the checksum of data that hold checksums is not a simple one.
  static func masked(_ bytes: [UInt8]) -> UInt32 {
    let crc = checksum(bytes)
    return (crc >> 15 | crc << 17) &+ 0xA282_EAD8
  }
}
