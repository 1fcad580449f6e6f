import ApusCore
import Foundation

/// The files in a folder and in the folders in it.
enum FileTree {
  enum Entry {
    case file(String)
    /// A link to a folder, which is not followed: it may lead to another class, or back.
    case link(String)
  }

  /// Calls `body` with each file below a folder, as a path that begins with the folder. Hidden files and folders are left
  /// out.
  /// - Parameter body: returns whether there is more to look for.
  static func forEach(below folder: String, _ body: (Entry) -> Bool) {
    var folders = [folder]
    while let folder = folders.popLast() {
      for name in Directory.entries(of: folder) where !name.hasPrefix(".") {
        let path = FileGroup.join(folder, name)
        var status = stat()
        guard lstat(path, &status) == 0 else { continue }
        let isLink = status.st_mode & S_IFMT == S_IFLNK
        if !BinaryFile.isDirectory(path) {
          guard body(.file(path)) else { return }
        } else if isLink {
          guard body(.link(path)) else { return }
        } else {
          folders.append(path)
        }
      }
    }
  }
}

/// Files of a folder of data that are not read, by their endings.
struct LeftOutFiles {
  private var counts: [String: Int] = [:]
  private(set) var count = 0

  mutating func add(_ path: String) {
    let ending = (path as NSString).pathExtension.lowercased()
    add(ending.isEmpty ? "without an ending" : "." + ending, 1)
  }

  mutating func addLink() { add("links to folders", 1) }

  mutating func add(_ other: LeftOutFiles) {
    for (kind, number) in other.counts { add(kind, number) }
  }

  private mutating func add(_ kind: String, _ number: Int) {
    counts[kind, default: 0] += number
    count += number
  }

  /// `12 .gif, 12 .bmp, 1 .webp`: the most frequent first.
  var text: String {
    let most = 6
    let sorted = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    let shown = sorted.prefix(most).map { "\($0.value) \($0.key)" }
    return (shown + (sorted.count > most ? ["and others"] : [])).joined(separator: ", ")
  }
}
