/// The functions of a module's text, each by its name.
struct FunctionTexts {
  private var texts: [String: String] = [:]

  subscript(symbol: String) -> String? { texts[symbol] }

  /// - Parameter text: of LLVM's intermediate form. A function is from `define` to the brace that ends it.
  init(llvm text: String) {
    var lines: [Substring] = []
    var name: String?
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("define "), let start = line.firstIndex(of: "@") {
        name = String(line[line.index(after: start)...].prefix { $0 != "(" }).replacing("\"", with: "")
      }
      guard let function = name else { continue }
      lines.append(line)
      guard line == "}" else { continue }
      texts[function] = lines.joined(separator: "\n")
      (name, lines) = (nil, [])
    }
  }

  /// - Parameters:
  ///   - text: assembly. A function is what follows the one before, its constants included, up to its `.size`.
  ///   - symbols: the functions' names.
  init(assembly text: String, _ symbols: [String]) {
    let ends = Dictionary(symbols.map { ("\t.size\t\($0),", $0) }) { first, _ in first }
    var lines: [Substring] = []
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      lines.append(line)
      guard line.hasPrefix("\t.size\t"), let comma = line.firstIndex(of: ","), let symbol = ends[String(line[...comma])]
      else { continue }
      texts[symbol] = lines.joined(separator: "\n")
      lines = []
    }
  }
}
