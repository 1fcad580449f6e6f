import ApusCore

/// Lists of whole numbers in an array of Python objects, as NumPy pickles it: what Keras's `imdb.npz` holds.
///
/// Only data are read. A pickle is a program for a stack machine; names of functions are taken for words and nothing is
/// called, so that a file can do no harm. Format: Python's `pickletools`, protocols 2 to 5.
package enum PickledLists {
  /// The lists of an NPY file whose elements are objects.
  /// - Throws: `ApusError` that names the offset of what is not such an array.
  package static func parse(_ bytes: [UInt8], path: String) throws -> [[Int32]] {
    let (header, data) = try NPY.header(of: bytes, path: path)
    guard header.descr.hasSuffix("O"), header.shape.count == 1 else {
      throw ApusError.file(path, "holds \(header.descr) of shape \(Shape(header.shape)); one axis of lists is expected")
    }
    var machine = PickleMachine(ByteReader(bytes, data, path: path))
    let lists = try machine.run()
    guard lists.count == header.shape[0] else {
      throw ApusError.file(path, "holds \(lists.count) lists, but its header promises \(header.shape[0])")
    }
    return lists
  }
}

/// The stack machine of pickles, as far as arrays of lists of numbers need it.
private struct PickleMachine {
  /// A list grows after it was remembered, so it is a reference.
  private final class List {
    var numbers: [Int32] = []
    var lists: [List] = []
    /// Whether it is an element of another: lists do not nest deeper, so that freeing them does not either.
    var isInner = false
  }

  private enum Item {
    case number(Int)
    case list(List)
    case tuple([Item])
    case mark
    /// A word, a function, or what one would give.
    case other
  }

  private var reader: ByteReader
  private var stack: [Item] = []
  private var memo: [Int: Item] = [:]
  /// The largest list of lists that became the state of something: the array's elements.
  private var elements: List?

  init(_ reader: ByteReader) { self.reader = reader }

  mutating func run() throws -> [[Int32]] {
    while try step() {}
    guard let elements, elements.numbers.isEmpty else { throw fault("it builds no array of lists of numbers") }
    return elements.lists.map(\.numbers)
  }

  private func fault(_ message: String) -> ApusError {
    .file(reader.path, "its pickled objects cannot be read at offset \(reader.offset): \(message)")
  }

  private mutating func byte() throws -> Int { Int(try reader.littleEndian(UInt8.self, "a pickle")) }
  private mutating func word() throws -> Int { Int(try reader.littleEndian(UInt32.self, "a pickle")) }

  /// Runs one instruction; false after the last.
  private mutating func step() throws -> Bool {
    let code = try byte()
    switch UInt8(code) {
    case 0x2E: return false
    case 0x80: _ = try byte()
    case 0x95: _ = try reader.take(8, "a pickle's frame")
    case UInt8(ascii: "K"): stack.append(.number(try byte()))
    case UInt8(ascii: "M"): stack.append(.number(Int(try reader.littleEndian(UInt16.self, "a number"))))
    case UInt8(ascii: "J"): stack.append(.number(Int(try reader.littleEndian(Int32.self, "a number"))))
    case UInt8(ascii: "]"): stack.append(.list(List()))
    case UInt8(ascii: "a"): try append([pop()])
    case UInt8(ascii: "e"): try append(popToMark())
    case UInt8(ascii: "("): stack.append(.mark)
    case UInt8(ascii: ")"): stack.append(.tuple([]))
    case UInt8(ascii: "t"): stack.append(tuple(try popToMark()))
    case 0x85, 0x86, 0x87:
      let items = try (0..<code - 0x84).map { _ in try pop() }
      stack.append(tuple(items.reversed()))
    case UInt8(ascii: "q"): memo[try byte()] = try top()
    case UInt8(ascii: "r"): memo[try word()] = try top()
    case 0x94: memo[memo.count] = try top()
    case UInt8(ascii: "h"): try recall(byte())
    case UInt8(ascii: "j"): try recall(word())
    case UInt8(ascii: "b"): try build()
    default: try skip(UInt8(code))
    }
    return true
  }

  /// Instructions that give words and functions, which are not looked at.
  private mutating func skip(_ code: UInt8) throws {
    switch code {
    case UInt8(ascii: "N"), 0x88, 0x89: break
    case UInt8(ascii: "C"), UInt8(ascii: "U"), 0x8C, 0x8A: _ = try reader.take(byte(), "a word")
    case UInt8(ascii: "X"), UInt8(ascii: "B"), UInt8(ascii: "T"): _ = try reader.take(word(), "a word")
    case UInt8(ascii: "c"):
      // Two lines: the module and the name.
      for _ in 0..<2 { while try byte() != 0x0A {} }
    case 0x93, UInt8(ascii: "R"), 0x81:
      // A name of two words, or a call of a function with a tuple.
      _ = try pop()
      _ = try pop()
    default: throw fault("the instruction \(code) is not a part of lists of numbers")
    }
    stack.append(.other)
  }

  private mutating func pop() throws -> Item {
    guard let item = stack.popLast() else { throw fault("it takes more than there is") }
    return item
  }

  private func top() throws -> Item {
    guard let item = stack.last else { throw fault("it takes more than there is") }
    return item
  }

  private mutating func popToMark() throws -> [Item] {
    let mark = stack.lastIndex { if case .mark = $0 { true } else { false } }
    guard let mark else { throw fault("a mark is missing") }
    defer { stack.removeSubrange(mark...) }
    return Array(stack[(mark + 1)...])
  }

  private mutating func recall(_ key: Int) throws {
    guard let item = memo[key] else { throw fault("it recalls what it does not remember") }
    stack.append(item)
  }

  /// A tuple without those in it: only the list at the end of a state is read, and nothing nests without bounds.
  private func tuple(_ items: [Item]) -> Item {
    .tuple(items.map { if case .tuple = $0 { .other } else { $0 } })
  }

  /// Adds items to the list below them.
  private mutating func append(_ items: [Item]) throws {
    guard case .list(let list) = try top() else { throw fault("a list is missing") }
    for item in items {
      switch item {
      case .number(let number):
        guard let number = Int32(exactly: number) else { throw fault("the number \(number) is too large") }
        list.numbers.append(number)
      case .list(let inner):
        guard !list.isInner, inner.lists.isEmpty, inner !== list else { throw fault("a list holds lists of lists") }
        inner.isInner = true
        list.lists.append(inner)
      default: throw fault("a list holds something else than numbers")
      }
    }
  }

  /// Gives the object below it the state on top: an array's is a tuple that ends in its elements.
  private mutating func build() throws {
    guard case .tuple(let state) = try pop(), case .list(let list)? = state.last else { return }
    if list.lists.count >= elements?.lists.count ?? 0 { elements = list }
  }
}
