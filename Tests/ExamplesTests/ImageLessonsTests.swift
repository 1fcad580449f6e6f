import TestSupport
import Testing

/// The lessons that read images, on made-up ones: networks have the sizes that are promised, and learn.
@Suite struct ImageLessonsTests {
  /// Parameter counts are those that Keras prints of these networks.
  @Test(arguments: [("mlp", "101,770", 0.8), ("cnn", "225,034", 0.8), ("lenet5", "61,706", 0.8)])
  func learns(_ lesson: String, parameters: String, bound: Double) throws {
    let run = try LessonRun(lesson)
    #expect(run.output.contains("Total params: \(parameters) "), "\(run.output)")
    try run.expect("test accuracy", above: bound)
  }

  @Test func mlpAnswers() throws {
    let folder = try TemporaryFolder()
    let run = try LessonRun("mlp", "--pictures", folder.file("new/pictures"))
    #expect(run.output.contains("training images: u8[400, 28, 28], labels: u8[400]"))
    #expect(
      run.output.matches(of: #/image \d: rectangle (\d) \(\d\.\d\d\), is rectangle \1\n/#).count >= 4, "\(run.output)")
    for name in ["course-mlp-history.svg", "course-mlp-images.svg"] {
      #expect(try !folder.bytes("new/pictures/\(name)").isEmpty)
    }
  }
}
