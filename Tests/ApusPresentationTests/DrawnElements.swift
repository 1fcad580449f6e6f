import Foundation

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// What an SVG document draws, in order.
struct DrawnElements {
  struct Element {
    let name: String
    let attributes: [String: String]
    var text = ""

    /// A number among the attributes; NaN if it is not there.
    func number(_ key: String) -> Double { attributes[key].flatMap(Double.init) ?? .nan }
  }

  let all: [Element]
  let isWellFormed: Bool

  init(_ svg: String) {
    let reader = Reader()
    let parser = XMLParser(data: Data(svg.utf8))
    parser.delegate = reader
    isWellFormed = parser.parse()
    all = reader.elements
  }

  func named(_ name: String) -> [Element] { all.filter { $0.name == name } }
  var texts: [String] { named("text").map(\.text) }
  func text(_ text: String) -> Element? { named("text").first { $0.text == text } }

  private final class Reader: NSObject, XMLParserDelegate {
    var elements: [Element] = []
    private var open: [Int] = []

    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
      attributes: [String: String]
    ) {
      open.append(elements.count)
      elements.append(Element(name: name, attributes: attributes))
    }
    func parser(
      _ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?
    ) { open.removeLast() }
    func parser(_ parser: XMLParser, foundCharacters text: String) {
      if let last = open.last { elements[last].text += text }
    }
  }
}
