import Foundation

/// A small set of texts in two classes, the same in each run: reviews of a handful of words, of which one or two say what
/// the reviewer thinks.
enum TextFolder {
  private static let likes = ["good", "great", "lovely", "brilliant", "moving"]
  private static let dislikes = ["bad", "awful", "dull", "weak", "boring"]
  private static let others = ["a", "the", "film", "plot", "actor", "ending", "with", "and", "it", "scene", "was"]

  /// `(text, class)`: classes in turn.
  static func samples(count: Int) -> [(text: String, label: String)] {
    (0..<count).map { index in
      let isLiked = index % 2 == 1
      let words = isLiked ? likes : dislikes
      // Steps that share no factor with the number of words visit all of them.
      var text = (0..<5 + index % 4).map { others[(index * 7 + $0 * 5 + index / 11) % others.count] }
      for place in 0...index % 3 / 2 {
        text.insert(words[(index / 2 + place * 2) % words.count], at: (index * 3 + place) % text.count)
      }
      let sentence = text.joined(separator: " ")
      return (
        sentence.prefix(1).uppercased() + sentence.dropFirst() + (index % 5 == 0 ? "!" : "."), isLiked ? "liked" : "not"
      )
    }
  }

  /// Writes the texts as `PATH/CLASS/NUMBER.txt`.
  static func write(to path: String, count: Int) throws {
    for (index, sample) in samples(count: count).enumerated() {
      let folder = URL(fileURLWithPath: path).appendingPathComponent(sample.label)
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try Data(sample.text.utf8).write(to: folder.appendingPathComponent("\(index).txt"))
    }
  }

  /// The same as a table with the columns `review` and `label`.
  static func table(count: Int) -> String {
    "review,label\n" + samples(count: count).map { "\"\($0.text)\",\($0.label)\n" }.joined()
  }
}
