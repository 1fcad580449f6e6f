import ApusCore
import ApusData
import Foundation

/// A picture as text: colors in a terminal that has them, else letters from light to dark.
public enum PictureText {
  /// Letters by brightness, the darkest first.
  private static let ramp = Array(" .:-=+*#%@")

  /// - Parameters:
  ///   - picture: `u8[height, width, 1 or 3]`.
  ///   - inColors: whether the terminal shows 24-bit colors: two rows of pixels become a line of half blocks. Without, a
  ///     pixel is two letters wide.
  ///   - width: columns of the terminal; a wider picture is shrunk.
  /// - Returns: lines that end in a newline.
  public static func text(_ picture: Tensor, inColors: Bool, width: Int) throws -> String {
    let most = max(1, inColors ? width : width / 2)
    var picture = picture
    let d = picture.dimensions
    if d.count == 3, d[1] > most {
      picture = try Picture.resized(picture, height: max(1, d[0] * most / d[1]), width: most)
    }
    return inColors ? try blocks(picture) : try letters(picture)
  }

  private static func letters(_ picture: Tensor) throws -> String {
    let gray = try Picture.converted(picture, channels: 1)
    let pixels = gray.elements(as: UInt8.self)
    let width = gray.dimensions[1]
    return (0..<gray.dimensions[0]).map { y in
      let line = pixels[y * width..<(y + 1) * width].map { pixel -> String in
        String(repeating: ramp[Int(pixel) * ramp.count / 256], count: 2)
      }.joined()
      return String(line.reversed().drop { $0 == " " }.reversed()) + "\n"
    }.joined()
  }

  private static func blocks(_ picture: Tensor) throws -> String {
    let rgb = try Picture.converted(picture, channels: 3)
    let pixels = rgb.elements(as: UInt8.self)
    let (height, width) = (rgb.dimensions[0], rgb.dimensions[1])
    func color(_ y: Int, _ x: Int) -> String {
      let at = (y * width + x) * 3
      return "\(pixels[at]);\(pixels[at + 1]);\(pixels[at + 2])"
    }
    var text = ""
    for y in stride(from: 0, to: height, by: 2) {
      for x in 0..<width {
        let below = y + 1 < height ? "\u{1B}[48;2;\(color(y + 1, x))m" : "\u{1B}[49m"
        text += "\u{1B}[38;2;\(color(y, x))m\(below)▀"
      }
      text += "\u{1B}[0m\n"
    }
    return text
  }

  /// The numbers of a picture in columns; a table a channel for colors.
  /// - Parameter picture: `[height, width]`, or `[height, width, channels]`, of any type.
  public static func matrix(_ picture: Tensor) -> String {
    let d = picture.dimensions
    guard d.count == 2 || d.count == 3 else { return "\(picture.type)\n" }
    let channels = d.count == 3 ? d[2] : 1
    let fields = picture.doubles().map(number)
    let space = (fields.map(\.count).max() ?? 0) + 1
    let names = channels == 3 ? ["red", "green", "blue"] : (0..<channels).map { "channel \($0)" }
    return (0..<channels).map { c in
      let lines = (0..<d[0]).map { y in
        (0..<d[1]).map { x in
          let field = fields[(y * d[1] + x) * channels + c]
          return String(repeating: " ", count: space - field.count) + field
        }.joined() + "\n"
      }
      return (channels > 1 ? "\(names[c])\n" : "") + lines.joined()
    }.joined()
  }

  /// A number as short as can be: whole ones without a point, others with five digits.
  public static func number(_ value: Double) -> String {
    Int(exactly: value).map(String.init) ?? (value.isNaN ? "nan" : String(format: "%.5g", value))
  }
}
