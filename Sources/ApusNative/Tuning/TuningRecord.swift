import ApusCore
import ApusOperators

/// How layers are computed: what measurement chose for each, as a text that can be read, changed and carried to another
/// machine of the same kind.
///
/// ```
/// # Ways to compute convolutions: direct, or the side of Winograd's tiles.
/// direct  convolution(f32[1, 7, 7, 512], fixed f32[3, 3, 512, 512], strides: [1, 1], padding: same)
/// 4       convolution(f32[1, 56, 56, 64], fixed f32[3, 3, 64, 64], strides: [1, 1], padding: same)
/// ```
///
/// Layers that it does not name are computed as the cost model says. Results do not depend on it beyond rounding.
public struct TuningRecord: Hashable, Sendable {
  /// The side of a layer's tiles by its text; 1: none.
  public private(set) var tiles: [String: Int] = [:]

  public init() {}

  subscript(layer: String) -> Int? {
    get { tiles[layer] }
    set { tiles[layer] = newValue }
  }

  private static let direct = "direct"

  /// Lines that begin with `#` are comments.
  public var text: String {
    let lines = tiles.sorted { $0.key < $1.key }.map { layer, tile in
      (tile == 1 ? Self.direct : "\(tile)").padding(to: Self.direct.count) + "  \(layer)\n"
    }
    return "# Ways to compute convolutions: \(Self.direct), or the side of Winograd's tiles.\n" + lines.joined()
  }

  /// - Parameters:
  ///   - text: as `text` gives it; layers are not looked up: a record may hold those of many models.
  ///   - file: for messages.
  /// - Throws: `ApusError` with the place of a line in another form, or of a layer that is there twice.
  public init(text: String, file: String) throws {
    for (number, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
      let rest = line.drop(while: \.isWhitespace)
      let way = rest.prefix { !$0.isWhitespace }
      if way.isEmpty || way.hasPrefix("#") { continue }
      func fault(_ message: String, _ word: Substring, help: String? = nil) -> ApusError {
        let column = line.distance(from: line.startIndex, to: word.startIndex) + 1
        return .input(
          message,
          at: SourceLocation(
            file: file, line: number + 1, column: column, length: word.count, excerpt: String(line)), help: help)
      }
      guard let tile = way == Self.direct ? 1 : WinogradMatrix.tiles.first(where: { way == "\($0)" })
      else {
        throw fault(
          "'\(way)' is not a way to compute a layer", way,
          help: "\(Self.direct), 2, 4 or 6, then the layer as `apus bench --tune --tuning FILE` writes it")
      }
      let layer = rest[way.endIndex...].drop(while: \.isWhitespace).trimmingSuffix(while: \.isWhitespace)
      guard !layer.isEmpty else { throw fault("no layer follows '\(way)'", way) }
      guard layer.hasSuffix(")"), layer.contains("(") else {
        throw fault(
          "'\(layer)' is not a layer", layer,
          help: "an operator with its operands' types and attributes, as convolution(f32[…], f32[…], …)")
      }
      guard tiles.updateValue(tile, forKey: String(layer)) == nil else {
        throw fault("this layer is in the record already", layer, help: "keep one of its lines")
      }
    }
  }
}

extension String {
  fileprivate func padding(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}

extension Substring {
  fileprivate func trimmingSuffix(while condition: (Character) -> Bool) -> Substring {
    var rest = self
    while let last = rest.last, condition(last) { rest.removeLast() }
    return rest
  }
}
