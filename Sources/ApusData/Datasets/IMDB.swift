import ApusCore
import Foundation

/// How texts that are lists of word numbers become samples of one length. Part of a saved model.
public struct SequenceEncoding: Codable, Hashable, Sendable {
  /// How many numbers words have, those for the beginning and for words that are left out included.
  public var vocabulary: Int
  /// Words of a sample.
  public var length: Int

  public init(vocabulary: Int = 10_000, length: Int = 256) {
    (self.vocabulary, self.length) = (vocabulary, length)
  }

  /// The last `length` words, after zeros if a text is shorter; words beyond the vocabulary are 2.
  ///
  /// As by Keras's `imdb.load_data(num_words: vocabulary)` and `pad_sequences(maxlen: length)`, in the order of the file: 1 begins a
  /// text, and the words' own numbers, from 1 for the most frequent, are 3 higher.
  func samples(_ texts: [[Int32]]) throws -> Tensor {
    var tensor = try Tensor(zeros: .i32, [texts.count, length])
    tensor.withMutableElements(as: Int32.self) { elements in
      for (row, text) in texts.enumerated() {
        let words = [1] + text.map { Int($0) + 3 }
        let kept = words.suffix(length)
        for (position, word) in zip((row + 1) * length - kept.count..<(row + 1) * length, kept) {
          elements[position] = Int32(word < vocabulary ? word : 2)
        }
      }
    }
    return tensor
  }
}

/// Keras's file of film reviews: the lists of word numbers and the labels of both parts.
///
/// A. L. Maas and others, "Learning word vectors for sentiment analysis", ACL 2011.
enum IMDB {
  static let fileName = "imdb.npz"
  static let classNames = ["negative", "positive"]

  static func load(_ path: String, name: String, _ encoding: SequenceEncoding) throws -> DatasetSplits {
    let archive = try ZipArchive(contentsOf: path)
    func bytes(_ array: String) throws -> ([UInt8], place: String) {
      guard let entry = archive.entries.first(where: { $0.name == array + ".npy" }) else {
        throw ApusError.file(
          path, "has no array '\(array)'", help: "Keras's \(fileName) holds x_train, y_train, x_test and y_test")
      }
      return (try archive.contents(of: entry), "\(path), array '\(array)'")
    }
    func part(_ part: String) throws -> Dataset {
      let (texts, textPlace) = try bytes("x_\(part)")
      let (labels, labelPlace) = try bytes("y_\(part)")
      let targets = try NPY.parse(labels, path: labelPlace)
      guard targets.dtype.isInteger, targets.rank == 1 else {
        throw ApusError.file(labelPlace, "holds \(targets.type); labels are whole numbers [count]")
      }
      let lists = try PickledLists.parse(texts, path: textPlace)
      if let row = lists.firstIndex(where: { $0.contains { $0 < 0 } }) {
        throw ApusError.file(textPlace, "review \(row) holds a negative word number")
      }
      let set = try Dataset(name: "\(name) (\(part))", inputs: encoding.samples(lists), targets: targets)
      try set.checkLabels(classes: 2, of: "'\(name)'")
      return set
    }
    return DatasetSplits(name: name, classNames: classNames, train: try part("train"), test: try part("test"))
  }

  /// The file at a path, or in a folder; nil if neither is it.
  static func file(at path: String) -> String? {
    if BinaryFile.isDirectory(path) {
      let file = FileGroup.join(path, fileName)
      return BinaryFile.exists(file) ? file : nil
    }
    return (path as NSString).lastPathComponent == fileName && BinaryFile.exists(path) ? path : nil
  }
}
