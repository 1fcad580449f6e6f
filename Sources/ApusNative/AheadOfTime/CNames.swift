/// Names that C and C++ take, whatever values and graphs are called.
enum CNames {
  static func isIdentifier(_ text: String) -> Bool {
    guard let first = text.first, !first.isNumber else { return false }
    return text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
  }

  /// The first part of all names of a graph, near to `text`: good for a file's name, too.
  static func prefix(_ text: String) -> String {
    let name = characters(text)
    return shadowsHeader(name) ? name + "_graph" : name
  }

  /// Whether a header of that name would be found in place of one of the system that the header itself includes.
  static func shadowsHeader(_ name: String) -> Bool { headers.contains(name.lowercased()) }

  /// A name for a field, near to `text`.
  static func field(_ text: String) -> String {
    let name = characters(text)
    return isReserved(name) ? name + "_" : name
  }

  /// Fields of one structure, in order: those that would have one name get different ones.
  static func fields(_ names: [String]) -> [String] {
    var taken = Set<String>()
    return names.map { text in
      var name = field(text)
      while !taken.insert(name).inserted { name += "_" }
      return name
    }
  }

  private static func characters(_ text: String) -> String {
    let name = String(text.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
    return name.first.map { $0.isNumber } ?? true ? "_" + name : name
  }

  /// Macros are written in capitals, but for a few; what begins with two underscores, or one and a capital letter,
  /// belongs to the compiler.
  private static func isReserved(_ name: String) -> Bool {
    let start = name.prefix(2)
    if start.first == "_", let second = start.dropFirst().first, second == "_" || second.isUppercase { return true }
    let hasSmallLetter = name.contains { $0.isLowercase }
    return !hasSmallLetter && name.count > 1 && name.contains(where: \.isLetter)
      || keywords.contains(name) || macros.contains(name)
  }

  /// Of C23 (ISO/IEC 9899:2024, 6.4.1) and C++23 (ISO/IEC 14882:2024, lex.key and lex.digraph), and of GNU's dialects.
  private static let keywords: Set<String> = Set(
    """
    alignas alignof and and_eq asm atomic_cancel atomic_commit atomic_noexcept auto bitand bitor bool break case catch
    char char16_t char32_t char8_t class co_await co_return co_yield compl concept const const_cast consteval constexpr
    constinit continue decltype default delete do double dynamic_cast else enum explicit export extern false float for
    friend goto if import inline int long module mutable namespace new noexcept not not_eq nullptr operator or or_eq
    private protected public reflexpr register reinterpret_cast requires restrict return short signed sizeof static
    static_assert static_cast struct switch synchronized template this thread_local throw true try typedef typeid
    typename typeof typeof_unqual union unsigned using virtual void volatile wchar_t while xor xor_eq
    """.split { $0 == " " || $0 == "\n" }.map(String.init))

  /// In small letters: of the compilers for Linux and older systems, and of the C library's headers.
  private static let macros: Set<String> = Set(
    """
    linux unix i386 arm mips sparc vax sun stdin stdout stderr errno assert noreturn offsetof complex imaginary major
    minor makedev near far interface small huge pascal cdecl unreachable
    """.split { $0 == " " || $0 == "\n" }.map(String.init))

  /// What the header and its users include, and what those include.
  private static let headers: Set<String> = Set(
    """
    stdint stdio stdlib string pthread sched stddef stdarg features alloca endian time limits errno assert math ctype
    signal locale setjmp cstdlib memory new inttypes strings unistd stdbool stdalign wchar
    """.split { $0 == " " || $0 == "\n" }.map(String.init))
}
