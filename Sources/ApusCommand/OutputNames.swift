import Apus

/// The names of the files of a graph's outputs: no two of them are one file, on a disk that takes `A` and `a` for one name
/// either.
enum OutputNames {
  /// File systems allow 255 bytes; the extension and what makes a name unique need some.
  private static let longest = 200

  /// - Parameter labels: the outputs' names, or numbers for those that have none.
  /// - Returns: a name for each, without an extension: its own if it can be a file's, with `.` for `/`, else `output0`
  ///   with its position; `_1`, `_2`, … follow if another output has that name.
  static func files(for labels: [String]) -> [String] {
    let plain = labels.enumerated().map { index, label in
      Identifier.isValid(label) ? shortened(label.replacing("/", with: ".")) : "output\(index)"
    }
    var taken: Set<String> = []
    var names = [String?](repeating: nil, count: labels.count)
    // Whoever is called so has the name first.
    for index in labels.indices where plain[index] == labels[index] && taken.insert(plain[index].lowercased()).inserted
    {
      names[index] = plain[index]
    }
    return labels.indices.map { index in
      if let name = names[index] { return name }
      var name = plain[index]
      var suffix = 0
      while !taken.insert(name.lowercased()).inserted {
        suffix += 1
        name = "\(plain[index])_\(suffix)"
      }
      return name
    }
  }

  private static func shortened(_ name: String) -> String {
    guard name.utf8.count > longest else { return name }
    return "\(name.prefix(longest))-\(String(StableHash.fnv1a(name), radix: 16))"
  }
}
