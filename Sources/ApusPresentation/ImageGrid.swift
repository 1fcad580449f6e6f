import ApusCore
import ApusData

/// Pictures in rows, with what they are and what a model takes them for. Right answers are framed blue, wrong ones orange.
///
/// ```swift
/// let captions = [ImageGrid.Caption("Sneaker 97%", isRight: true), .init("Coat 51% (Shirt)", isRight: false)]
/// try ImageGrid(title: "predictions", images: data.test.images[..<2], captions: captions).write(to: "grid.svg")
/// ```
public struct ImageGrid: Drawing, Sendable {
  /// What is written under a picture.
  public struct Caption: Sendable, Hashable {
    public var text: String
    /// Nil if there is nothing to be right or wrong about.
    public var isRight: Bool?

    public init(_ text: String, isRight: Bool? = nil) { (self.text, self.isRight) = (text, isRight) }

    /// `Sneaker 97%`, and if the answer is wrong, what would be right: `Coat 51% (Shirt)`.
    /// - Parameters:
    ///   - probability: of the answer, 0 to 1, if it is known.
    ///   - truth: what would be right, if it is known.
    public init(answer: String, probability: Double? = nil, truth: String? = nil) {
      let share = probability.flatMap { $0.isFinite ? " \(Int(($0 * 100).rounded()))%" : nil } ?? ""
      isRight = truth.map { $0 == answer }
      text = answer + share + (truth.flatMap { $0 == answer ? nil : " (\($0))" } ?? "")
    }
  }

  public let title: String
  /// `u8[count, height, width, 1 or 3]`.
  public let pictures: Tensor
  /// One a picture, or none.
  public let captions: [Caption]
  public let columns: Int

  /// - Parameters:
  ///   - images: `[count, height, width]`, `[count, height, width, 1 or 3]`, or rows of a square number of values. Values
  ///     other than bytes are brought to 0 … 255 from the smallest to the largest of all.
  ///   - captions: one a picture, or none.
  ///   - columns: pictures in a row; nil for about as many as there are rows.
  /// - Throws: `ApusError` if the samples are not pictures, or the captions are not as many.
  public init(title: String = "", images: Tensor, captions: [Caption] = [], columns: Int? = nil) throws {
    self.title = title
    pictures = try Picture.pictures(of: images)
    let count = pictures.dimensions[0]
    guard captions.isEmpty || captions.count == count else {
      throw ApusError.input("\(count) pictures have \(captions.count) captions")
    }
    guard columns ?? 1 > 0 else { throw ApusError.input("a grid cannot have \(columns ?? 0) columns") }
    guard !pictures.dimensions.contains(0) else { throw ApusError.input("\(images.type) holds no picture to draw") }
    self.captions = captions
    self.columns = min(columns ?? Int(Double(count).squareRoot().rounded(.up)), count)
  }

  private static func color(_ caption: Caption?) -> String {
    caption?.isRight.map { $0 ? Palette.right : Palette.wrong } ?? "#cccccc"
  }

  public func svg() -> String {
    let d = pictures.dimensions
    let count = d[0]
    let fontSize = 11
    // At least as wide as a short caption, at most as large as a picture can be beside others.
    let scale = max(1, (96 / Double(max(d[1], d[2]))).rounded(.down))
    let (width, height) = (Double(d[2]) * scale, Double(d[1]) * scale)
    let longest = captions.map { SVGCanvas.width(of: $0.text, size: fontSize) }.max() ?? 0
    let cell = (width: max(width, min(longest, 150)) + 16, height: height + (captions.isEmpty ? 14 : 30))
    let top = title.isEmpty ? 10.0 : 42
    let rows = (count + columns - 1) / columns
    let total = Double(columns) * cell.width + 8
    var canvas = SVGCanvas(width: total, height: top + Double(rows) * cell.height + 4, title: title)
    if !title.isEmpty {
      canvas.text(title, x: total / 2, y: 26, size: 17, anchor: .middle, weight: "bold")
    }
    for index in 0..<count {
      let caption = captions.isEmpty ? nil : captions[index]
      let center = 4 + (Double(index % columns) + 0.5) * cell.width
      let y = top + Double(index / columns) * cell.height
      let color = Self.color(caption)
      canvas.rectangle(
        center - width / 2 - 2, y - 2, width + 4, height + 4, fill: color, stroke: color)
      // The picture was looked at when the grid was made, so this cannot fail.
      if let picture = try? pictures[index], let png = try? PNG.encoded(picture) {
        canvas.image(png, center - width / 2, y, width, height)
      }
      if let caption {
        let text = SVGCanvas.shortened(caption.text, to: Int(cell.width / (0.58 * Double(fontSize))))
        canvas.text(
          text, x: center, y: y + height + 17, size: fontSize, anchor: .middle,
          fill: caption.isRight == nil ? "#333333" : color)
      }
    }
    return canvas.document()
  }

  /// The pictures with their frames as pixels, without captions: `u8[height, width, 3]`, for `PNG.write`.
  /// - Parameter frame: its width in pixels.
  public func pixels(frame: Int = 2) throws -> Tensor {
    let d = pictures.dimensions
    let frame = max(0, frame)
    let (height, width) = (d[1] + 2 * frame, d[2] + 2 * frame)
    var framed = try Tensor(uninitialized: .u8, [d[0], height, width, 3])
    pictures.withElements(as: UInt8.self) { source in
      framed.withMutableElements(as: UInt8.self) { target in
        for index in 0..<d[0] {
          let color = Palette.components(of: Self.color(captions.isEmpty ? nil : captions[index]))
          for y in 0..<height {
            for x in 0..<width {
              let at = ((index * height + y) * width + x) * 3
              let (row, column) = (y - frame, x - frame)
              let isInside = row >= 0 && row < d[1] && column >= 0 && column < d[2]
              for c in 0..<3 {
                target[at + c] =
                  isInside ? source[((index * d[1] + row) * d[2] + column) * d[3] + min(c, d[3] - 1)] : color[c]
              }
            }
          }
        }
      }
    }
    return try PNG.grid(framed, columns: columns, gap: frame, ground: 255)
  }

  /// Writes the grid: an SVG file with captions, or if `path` ends in `.png`, pixels with frames alone.
  /// - Throws: `ApusError` if the file cannot be written.
  public func write(to path: String) throws {
    if path.lowercased().hasSuffix(".png") { return try PNG.write(pixels(), to: path) }
    try AtomicFile.write(svg(), to: path)
  }
}
