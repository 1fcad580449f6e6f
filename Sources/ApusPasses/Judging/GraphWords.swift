import ApusCore
import ApusGraph
import ApusOperators

extension Graph {
  /// The graph whose text has other words.
  /// - Parameter replace: what stands for a word, and how many brackets are open around it.
  /// - Returns: nil if no graph has such a text.
  func replacingWords(_ replace: (_ word: Substring, _ depth: Int) -> String?) -> Graph? {
    var result = ""
    var depth = 0
    let text = self.text()
    var rest = text[...]
    while let character = rest.first {
      let word = rest.prefix { $0.isLetter || $0.isNumber || "_.%@/-\"".contains($0) }
      if word.isEmpty {
        if character == "[" { depth += 1 }
        if character == "]" { depth -= 1 }
        result.append(rest.removeFirst())
      } else {
        result += replace(word, depth) ?? String(word)
        rest = rest[word.endIndex...]
      }
    }
    guard let graphs = try? Graph.parse(result), graphs.count == 1, graphs[0].violations().isEmpty else { return nil }
    return graphs[0]
  }
}
