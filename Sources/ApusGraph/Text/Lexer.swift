import ApusCore

struct Token {
  enum Kind: Equatable {
    case punctuation(Character)
    /// `%name` or `%12`
    case value(String)
    /// `@name`
    case graphName(String)
    case word(String)
    case int(Int128)
    case float(Double)
    case string(String)
    case end
  }

  var kind: Kind
  var line: Int
  var column: Int
  var length: Int
  /// First on its line: where the parser picks up after an error.
  var startsLine: Bool

  /// The token as a message names it.
  var description: String {
    switch kind {
    case .punctuation(let c): "'\(c)'"
    case .value(let name): "'%\(name)'"
    case .graphName(let name): "'@\(name)'"
    case .word(let word): "'\(word)'"
    case .int(let n): "'\(n)'"
    case .float(let x): "'\(DecimalText.describe(x))'"
    case .string: "a string"
    case .end: "the end of the file"
    }
  }
}

/// Cuts a text into tokens. Whatever cannot be one is reported and left out, so the parser can go on.
struct Lexer {
  let file: String
  /// The text by lines; a file with one enormous line is no slower.
  let lines: [[Unicode.Scalar]]
  private(set) var tokens: [Token] = []
  private(set) var diagnostics: [Diagnostic] = []

  init(_ text: String, file: String) {
    self.file = file
    lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).map(Array.init)
    for line in lines.indices { scan(line) }
    let last = max(0, lines.count - 1)
    tokens.append(
      Token(kind: .end, line: last + 1, column: (lines.last?.count ?? 0) + 1, length: 1, startsLine: true))
  }

  /// The place of a token, with an excerpt of its line that stays within a terminal's width.
  func location(_ token: Token) -> SourceLocation { location(token.line, token.column, token.length) }

  /// The token as it is written.
  func text(of token: Token) -> String {
    let start = token.column - 1
    return String(String.UnicodeScalarView(lines[token.line - 1][start..<start + token.length]))
  }

  private func location(_ line: Int, _ column: Int, _ length: Int) -> SourceLocation {
    let scalars = line <= lines.count ? lines[line - 1] : []
    let excerpt = scalars.count <= 200 ? String(String.UnicodeScalarView(scalars.filter { $0 != "\r" })) : nil
    return SourceLocation(file: file, line: line, column: column, length: length, excerpt: excerpt)
  }

  private mutating func scan(_ index: Int) {
    let line = lines[index]
    var i = 0
    var isFirst = true

    func run(from start: Int, while condition: (Unicode.Scalar) -> Bool) -> Int {
      var end = start
      while end < line.count, condition(line[end]) { end += 1 }
      return end
    }
    func slice(_ range: Range<Int>) -> String { String(String.UnicodeScalarView(line[range])) }

    while i < line.count {
      let c = line[i]
      let start = i
      var kind: Token.Kind?
      switch c {
      case " ", "\t", "\r":
        i += 1
        continue
      case "/" where i + 1 < line.count && line[i + 1] == "/": return
      case "(", ")", "{", "}", "[", "]", ",", ":", "=":
        kind = .punctuation(Character(c))
        i += 1
      case "%", "@":
        i = run(from: i + 1, while: Identifier.isPart)
        let name = slice(start + 1..<i)
        let isNumber = c == "%" && !name.isEmpty && name.utf8.allSatisfy { (48...57).contains($0) }
        if isNumber || Identifier.isValid(name) {
          kind = c == "%" ? .value(name) : .graphName(name)
        } else {
          report(
            "'\(c)\(name)' is not a name", index, start, i - start, help: "a letter or _, then letters, digits, _ . / -"
          )
        }
      case "\"":
        (kind, i) = string(line, index, start)
      case _ where c == "-" || ("0"..."9").contains(c):
        i = run(from: i + 1) { Identifier.isPart($0) && $0 != "/" || $0 == "+" }
        kind = number(slice(start..<i))
        if kind == nil {
          let isTooLarge = Double(slice(start..<i))?.isInfinite == true
          report(
            "'\(slice(start..<i))' is \(isTooLarge ? "beyond the range of f64" : "not a number")", index, start,
            i - start,
            help: isTooLarge ? "infinity is written inf" : nil)
        }
      case _ where Identifier.isStart(c):
        i = run(from: i) { Identifier.isPart($0) && $0 != "/" && $0 != "-" && $0 != "." }
        kind = .word(slice(start..<i))
      default:
        i += 1
        report("unexpected character \(AttributeText.quote(String(Character(c))))", index, start, 1)
      }
      if let kind {
        tokens.append(
          Token(kind: kind, line: index + 1, column: start + 1, length: i - start, startsLine: isFirst))
      }
      isFirst = false
    }
  }

  private func number(_ text: String) -> Token.Kind? {
    if text == "-inf" { return .float(-.infinity) }
    // Int is the faster of the two.
    if let n = Int(text).map({ Int128($0) }) ?? Int128(text), text != "-0" { return .int(n) }
    let isDecimal = text.utf8.allSatisfy { (48...57).contains($0) || "+-.eE".utf8.contains($0) }
    // Infinity has a word of its own: 1e999 is a slip.
    return isDecimal ? Double(text).flatMap { $0.isFinite ? .float($0) : nil } : nil
  }

  private mutating func string(_ line: [Unicode.Scalar], _ index: Int, _ start: Int) -> (Token.Kind?, Int) {
    var text = String.UnicodeScalarView()
    var i = start + 1
    while i < line.count {
      switch line[i] {
      case "\"": return (.string(String(text)), i + 1)
      case "\\" where i + 1 < line.count:
        let escape = line[i + 1]
        i += 2
        switch escape {
        case "n": text.append("\n")
        case "t": text.append("\t")
        case "\"", "\\": text.append(escape)
        case "u":
          let digits = line[i...].dropFirst().prefix(8).prefix { $0.isASCII && $0.properties.isHexDigit }
          let end = i + 1 + digits.count
          if i < line.count, line[i] == "{", end < line.count, line[end] == "}",
            let code = UInt32(String(String.UnicodeScalarView(digits)), radix: 16), let c = Unicode.Scalar(code)
          {
            text.append(c)
            i = end + 1
          } else {
            report("'\\u' wants a code point like \\u{41}", index, i - 2, 2)
          }
        default: report("unknown escape '\\\(Character(escape))'", index, i - 2, 2)
        }
      default:
        text.append(line[i])
        i += 1
      }
    }
    report("the string does not end on its line", index, start, line.count - start)
    return (nil, line.count)
  }

  private mutating func report(_ message: String, _ line: Int, _ column: Int, _ length: Int, help: String? = nil) {
    diagnostics.append(Diagnostic(.error, message, at: location(line + 1, column + 1, max(1, length)), help: help))
  }
}
