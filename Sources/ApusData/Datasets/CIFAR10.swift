import ApusCore
import Foundation

/// The files of CIFAR-10's binary version: records of a label and the red, green and blue planes of 32 by 32 pixels.
///
/// Format: A. Krizhevsky, "The CIFAR-10 dataset", section "Binary version".
enum CIFAR10 {
  static let trainNames = (1...5).map { "data_batch_\($0).bin" }
  static let testName = "test_batch.bin"
  static let classNames = [
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
  ]

  private static let side = 32
  private static let recordByteCount = 1 + 3 * side * side

  /// The files that a folder lacks.
  static func missing(in folder: String) -> [String] {
    (trainNames + [testName]).filter { !BinaryFile.exists(FileGroup.join(folder, $0)) }
  }

  static func load(folder: String, name: String) throws -> DatasetSplits {
    let missing = missing(in: folder)
    guard missing.isEmpty else {
      throw ApusError.file(
        folder, "lacks " + missing.joined(separator: ", "),
        help: "the folder of the binary version holds " + (trainNames + [testName]).joined(separator: ", "))
    }
    return DatasetSplits(
      name: name, classNames: classNames,
      train: try part("\(name) (train)", trainNames.map { FileGroup.join(folder, $0) }),
      test: try part("\(name) (test)", [FileGroup.join(folder, testName)]))
  }

  /// `u8[count, 32, 32, 3]` and `u8[count]` of files in a row.
  private static func part(_ name: String, _ paths: [String]) throws -> Dataset {
    var labels: [UInt8] = []
    var pixels: [UInt8] = []
    for path in paths {
      let bytes = try BinaryFile.read(path)
      guard bytes.count % recordByteCount == 0, !bytes.isEmpty else {
        throw ApusError.file(
          path, "has \(bytes.count) bytes, which are not records of \(recordByteCount): a label and 3 planes of 32×32")
      }
      let plane = side * side
      for start in stride(from: 0, to: bytes.count, by: recordByteCount) {
        guard bytes[start] < 10 else {
          throw ApusError.file(path, "the label at offset \(start) is \(bytes[start])", help: "labels are 0 … 9")
        }
        labels.append(bytes[start])
        for i in 0..<plane {
          for c in 0..<3 { pixels.append(bytes[start + 1 + c * plane + i]) }
        }
      }
    }
    let images = try Tensor(pixels, [labels.count, side, side, 3])
    return try Dataset(name: name, images: images, labels: Tensor(labels), imagePlace: paths[0], labelPlace: paths[0])
  }
}
