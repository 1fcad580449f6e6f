/// Where the lines and the records of a table are.
extension CSVParser {
  /// Where the lines are, without their ends: LF, CR LF or CR.
  static func lines(of bytes: [UInt8], from first: Int) -> [Range<Int>] {
    let lineFeed = UInt8(ascii: "\n")
    let carriageReturn = UInt8(ascii: "\r")
    var lines: [Range<Int>] = []
    var start = first
    for at in first..<bytes.count where bytes[at] == lineFeed || bytes[at] == carriageReturn {
      // The LF of CR LF: its line has been taken, and one more would put errors on the wrong line.
      if bytes[at] == lineFeed, at > first, bytes[at - 1] == carriageReturn {
        start = at + 1
        continue
      }
      lines.append(start..<at)
      start = at + 1
    }
    if start < bytes.count { lines.append(start..<bytes.count) }
    return lines
  }

  /// Lines, joined where a quoted field holds their ends. A quote that is never closed joins nothing.
  static func records(
    of bytes: [UInt8], _ lines: [Range<Int>], _ separator: Character
  ) -> ([Range<Int>], numbers: [Int]) {
    let quote = UInt8(ascii: "\"")
    guard let separator = separator.asciiValue, bytes.contains(quote) else { return (lines, Array(lines.indices)) }
    var records: [Range<Int>] = []
    var numbers: [Int] = []
    var next = 0
    while next < lines.count {
      let first = next
      var state = QuoteState()
      repeat {
        for at in lines[next] { state.take(bytes[at], separator) }
        next += 1
      } while state.inQuotes && next < lines.count
      // The quote that is never closed: reading ends there with an error.
      if state.inQuotes { return (records + lines[first...], numbers + Array(first..<lines.count)) }
      records.append(lines[first].lowerBound..<lines[next - 1].upperBound)
      numbers.append(first)
    }
    return (records, numbers)
  }

  /// Whether a byte is in a quoted field: one that begins with a quote, blanks aside. What `fields(ofLine:)` does with
  /// characters.
  private struct QuoteState {
    private(set) var inQuotes = false
    private var canOpen = true
    private var isClosing = false

    mutating func take(_ byte: UInt8, _ separator: UInt8) {
      let isQuote = byte == UInt8(ascii: "\"")
      if inQuotes {
        (inQuotes, isClosing) = (!isQuote, isQuote)
      } else if isQuote {
        // The second of a doubled quote, or the first of a field.
        inQuotes = isClosing || canOpen
        (canOpen, isClosing) = (false, false)
      } else {
        isClosing = false
        canOpen = byte == separator || canOpen && CSVParser.isBlank(byte)
      }
    }
  }
}
