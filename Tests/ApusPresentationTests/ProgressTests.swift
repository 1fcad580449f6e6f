import ApusPresentation
import Testing

@Suite struct PresentationProgressTests {
  /// A clock that the test sets, and what was written.
  private final class Stage {
    var time = 100.0
    var written: [String] = []

    func bar(_ target: Int, _ verbosity: Verbosity, isTerminal: Bool) -> ProgressBar {
      ProgressBar(
        target: target, verbosity: verbosity, isTerminal: isTerminal, clock: { self.time },
        write: { self.written.append($0) })
    }
  }

  private let logs: [(name: String, value: Double)] = [
    ("val_loss", 0.47441), ("loss", 0.52038), ("val_accuracy", 0.82791), ("accuracy", 0.81659),
  ]

  /// The line that Keras 3.15 prints with verbose=2.
  @Test func line() {
    let stage = Stage()
    var bar = stage.bar(1500, .line, isTerminal: true)
    for step in 1...1500 {
      stage.time = 100 + 1.278 * Double(step) / 1500
      bar.update(step, logs: [("loss", 1)])
    }
    bar.finish(logs: logs)
    #expect(
      stage.written == [
        "1500/1500 - 1s - 852us/step - accuracy: 0.8166 - loss: 0.5204 - val_accuracy: 0.8279 - val_loss: 0.4744\n"
      ])
  }

  @Test func autoIsALineElsewhereThanOnATerminal() {
    let stage = Stage()
    var bar = stage.bar(10, .auto, isTerminal: false)
    bar.update(5, logs: logs)
    stage.time += 20
    bar.finish()
    #expect(stage.written == ["10/10 - 20s - 2s/step\n"])
    #expect(Verbosity.auto.resolved(isTerminal: true) == .bar)
    #expect(Verbosity.silent.resolved(isTerminal: true) == .silent)
  }

  @Test func silent() {
    let stage = Stage()
    var bar = stage.bar(10, .silent, isTerminal: true)
    bar.update(5, logs: logs)
    bar.finish(logs: logs)
    #expect(stage.written.isEmpty)
  }

  /// The first step (10 s, with compilation) is left out of the estimate of the others (0.5 s each).
  @Test func barOnATerminal() {
    let stage = Stage()
    var bar = stage.bar(150, .bar, isTerminal: true)
    stage.time = 110
    bar.update(1, logs: [("loss", 2)])
    stage.time = 110.5
    bar.update(2, logs: [("loss", 1)])
    stage.time = 110.54  // Too soon after the last: nothing is drawn.
    bar.update(3, logs: [("loss", 1)])
    stage.time = 147
    bar.update(75, logs: [("loss", 1e-3), ("a", -0.5)])
    stage.time = 184.5
    bar.finish(logs: [("loss", 0.25)])
    let dashes = String(repeating: "━", count: 20)
    func gray(_ count: Int) -> String { "\u{1B}[37m\(dashes.prefix(count))\u{1B}[0m" }
    func green(_ count: Int) -> String { "\u{1B}[32m\(dashes.prefix(count))\u{1B}[0m" }
    func bold(_ text: String) -> String { "\u{1B}[1m\(text)\u{1B}[0m" }
    #expect(
      stage.written == [
        "\r\(bold("  1/150")) \(gray(20)) \(bold("24:50")) 10s/step - loss: 2.0000",
        // The shorter line covers the longer one.
        "\r\(bold("  2/150")) \(gray(20)) \(bold("1:14")) 500ms/step - loss: 1.0000",
        "\r\(bold(" 75/150")) \(green(10))\(gray(10)) \(bold("37s")) 500ms/step - a: -0.5000 - loss: 1.0000e-03",
        "\r\(bold("150/150")) \(green(20)) \(bold("84s")) 500ms/step - loss: 0.2500"
          + String(repeating: " ", count: 17) + "\n",
      ])
  }

  /// A file gets the finished bar, without colors and without what was drawn over.
  @Test func barInAFile() {
    let stage = Stage()
    var bar = stage.bar(313, .bar, isTerminal: false)
    stage.time = 100.3
    bar.update(1)
    stage.time = 100.615
    bar.update(200)
    bar.finish(logs: [("loss", 0.5)])
    #expect(stage.written == ["313/313 ━━━━━━━━━━━━━━━━━━━━ 1s 1ms/step - loss: 0.5000\n"])
  }

  @Test func values() {
    func text(_ value: Double) -> String {
      let stage = Stage()
      var bar = stage.bar(1, .line, isTerminal: false)
      bar.finish(logs: [("x", value)])
      return String(stage.written.joined().dropFirst("1/1 - 0s - 0s/step - x: ".count).dropLast())
    }
    #expect(text(0.0010001) == "0.0010")
    #expect(text(0.001) == "1.0000e-03")
    #expect(text(-0.25) == "-0.2500")
    #expect(text(0) == "0.0000e+00")
    #expect(text(12345.678) == "12345.6780")
    #expect(text(.nan) == "nan")
    #expect(text(-.nan) == "nan")
    #expect(text(-.infinity) == "-inf")
  }

  @Test func remainingTime() {
    func remaining(_ stepTime: Double) -> String {
      let stage = Stage()
      var bar = stage.bar(2, .bar, isTerminal: true)
      stage.time += stepTime
      bar.update(1)
      return stage.written[0].split(separator: "\u{1B}[1m").last.map { String($0.prefix { $0 != "\u{1B}" }) } ?? ""
    }
    #expect(remaining(0.4) == "0s")
    #expect(remaining(60) == "60s")
    #expect(remaining(65) == "1:05")
    #expect(remaining(7209) == "2:00:09")
    #expect(remaining(1e300) != "")
  }

  @Test func header() {
    #expect(ProgressBar.epochHeader(1, of: 5) == "Epoch 1/5\n")
    let start = ProgressBar.monotonicClock()
    #expect(ProgressBar.monotonicClock() >= start)
  }
}
