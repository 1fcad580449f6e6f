import ApusCore
import ApusData
import Foundation

/// The page of a report: one file of HTML with its styles, its scripts and its data, which needs no network and no server.
///
/// The data are the report as JSON, packed by zlib and written in base 64. Browsers unpack that themselves
/// (`DecompressionStream`).
public struct ReportPage {
  private let report: Report

  public init(_ report: Report) { self.report = report }

  /// The whole file.
  public var html: String {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      let json = try encoder.encode(report)
      let packed = Data(try Deflater.pack(Array(json), .zlib)).base64EncodedString()
      // The title is the only part that could hold a mark, and is filled in last.
      return PackageResources.page_html.text
        .replacingOccurrences(of: "{{style}}", with: Self.styles.map(\.text).joined())
        .replacingOccurrences(of: "{{script}}", with: Self.scripts.map(\.text).joined(separator: "\n"))
        .replacingOccurrences(of: "{{bytes}}", with: "\(json.count)")
        .replacingOccurrences(of: "{{report}}", with: packed)
        .replacingOccurrences(of: "{{title}}", with: Self.escaped(report.title))
    }
  }

  private static let styles = [PackageResources.style_css, PackageResources.drawing_css, PackageResources.judging_css]

  /// In the order in which they need each other.
  private static let scripts = [
    PackageResources.data_js, PackageResources.text_js, PackageResources.values_js, PackageResources.drawing_js,
    PackageResources.pipeline_js,
    PackageResources.rewrites_js, PackageResources.verdict_js, PackageResources.details_js, PackageResources.memory_js,
    PackageResources.kernels_js, PackageResources.remarks_js,
    PackageResources.main_js,
  ]

  private static func escaped(_ text: String) -> String {
    text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
  }
}

extension [UInt8] {
  fileprivate var text: String { String(decoding: self, as: UTF8.self) }
}
