import ApusCore
import ApusGraph

/// Keras's automatic names: the class's name in snake case, numbered from the second on.
struct LayerNames {
  private var taken: Set<String> = []
  /// By class the last number given: all below it are taken, and stay so.
  private var last: [String: Int] = [:]

  mutating func name(for layer: any ModelLayer) throws -> String {
    if let name = layer.name {
      guard Identifier.isValid(name) else {
        throw ApusError.input("'\(name)' is not a name for a layer", help: "as '\(Identifier.sanitized(name))'")
      }
      guard taken.insert(name).inserted else {
        throw ApusError.input(
          "two layers are named '\(name)'",
          help: "names must differ; a layer that is applied twice is wrapped once: Shared(…)")
      }
      return name
    }
    let base = LayerNames.snakeCase(layer.displayedType)
    let (name, number) = NumberedName.unused(base, from: last[base] ?? 0, isTaken: { taken.contains($0) })
    last[base] = number
    taken.insert(name)
    return name
  }

  /// `MaxPooling2D` → `max_pooling2d`, `Conv2DTranspose` → `conv2d_transpose`, `PReLU` → `p_re_lu`: an underscore where
  /// a capital follows a small letter, and where a word of small letters begins.
  static func snakeCase(_ text: String) -> String {
    let letters = Array(text)
    var result = ""
    for (i, c) in letters.enumerated() {
      let beginsWord = i + 1 < letters.count && letters[i + 1].isLowercase
      if i > 0, c.isUppercase, beginsWord || letters[i - 1].isLowercase { result += "_" }
      result += c.lowercased()
    }
    return result
  }
}

/// Names as Keras numbers them: `dense`, `dense_1`, `dense_2`.
enum NumberedName {
  /// `base`, or the first of `base_1`, `base_2` … that is not taken.
  static func unused(_ base: String, isTaken: (String) -> Bool) -> String {
    unused(base, from: 0, isTaken: isTaken).name
  }

  /// The same from a number on, below which all are taken; 0 stands for `base` itself.
  static func unused(_ base: String, from first: Int, isTaken: (String) -> Bool) -> (name: String, number: Int) {
    var number = first
    while true {
      let candidate = number == 0 ? base : "\(base)_\(number)"
      if !isTaken(candidate) { return (candidate, number) }
      number += 1
    }
  }
}
