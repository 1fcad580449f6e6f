/// The colors of pictures.
enum Palette {
  /// Okabe and Ito's colors, which people with any kind of color vision tell apart.
  static let colors = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
  /// Of a right answer and of a wrong one.
  static let right = colors[0]
  static let wrong = colors[1]

  /// The color of a curve or a class. There are seven; then they begin anew.
  static func color(_ index: Int) -> String { colors[index % colors.count] }

  /// Red, green and blue of `#rrggbb`, each mixed with white.
  /// - Parameter strength: 1 for the color itself, 0 for white.
  static func components(of color: String, strength: Double = 1) -> [UInt8] {
    let value = Int(color.dropFirst(), radix: 16) ?? 0
    return [16, 8, 0].map { shift -> UInt8 in
      let missing = 255 - Double(value >> shift & 0xFF)
      return UInt8((255 - missing * min(max(strength, 0), 1)).rounded())
    }
  }

  /// The same as `#rrggbb`.
  static func mixed(_ color: String, strength: Double) -> String {
    "#"
      + components(of: color, strength: strength).map { byte in
        let digits = String(byte, radix: 16)
        return byte < 16 ? "0" + digits : digits
      }.joined()
  }
}
