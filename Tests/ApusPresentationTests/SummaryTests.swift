import ApusPresentation
import Testing

@Suite struct PresentationSummaryTests {
  private let mlp = SummaryTable(
    modelName: "sequential",
    rows: [
      .init(name: "flatten", type: "Flatten", outputShapes: [[nil, 784]], parameterCount: 0),
      .init(name: "dense", type: "Dense", outputShapes: [[nil, 128]], parameterCount: 100_480),
      .init(name: "dense_1", type: "Dense", outputShapes: [[nil, 10]], parameterCount: 1290),
    ],
    trainable: .init(count: 101_770, byteCount: 407_080), nonTrainable: .init(count: 0, byteCount: 0))

  @Test func box() {
    #expect(
      mlp.text() == """
        Model: "sequential"
        ┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┓
        ┃ Layer (type)                         ┃ Output Shape                ┃         Param # ┃
        ┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━┩
        │ flatten (Flatten)                    │ (None, 784)                 │               0 │
        ├──────────────────────────────────────┼─────────────────────────────┼─────────────────┤
        │ dense (Dense)                        │ (None, 128)                 │         100,480 │
        ├──────────────────────────────────────┼─────────────────────────────┼─────────────────┤
        │ dense_1 (Dense)                      │ (None, 10)                  │           1,290 │
        └──────────────────────────────────────┴─────────────────────────────┴─────────────────┘
         Total params: 101,770 (397.54 KB)
         Trainable params: 101,770 (397.54 KB)
         Non-trainable params: 0 (0.00 B)

        """)
  }

  /// In a terminal of 80 columns the table has 76.
  @Test func narrowBox() {
    let lines = mlp.text(terminalWidth: 80).split(separator: "\n")
    #expect(lines[1] == "┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓")
    #expect(lines[6] == "│ dense (Dense)                   │ (None, 128)            │       100,480 │")
    for width in [0, 5, 30, 31, 40, 64] {
      let table = mlp.text(terminalWidth: width).split(separator: "\n").dropFirst().dropLast(3)
      #expect(Set(table.map(\.count)).count == 1, "every line of the table is as wide as the others at \(width)")
    }
  }

  @Test func connections() {
    let table = SummaryTable(
      modelName: "functional",
      rows: [
        .init(
          name: "input_layer", type: "InputLayer", outputShapes: [[nil, 4]], parameterCount: 0, connections: []),
        .init(
          name: "a_very_long_layer_name_that_is_longer_than_its_column", type: "Dense", outputShapes: [[nil, 8]],
          parameterCount: 40, connections: ["input_layer[0][0]"]),
        .init(
          name: "add", type: "Add", outputShapes: [[nil, 8]], parameterCount: 0,
          connections: ["a_very_long_layer[0][0]", "dense_1[0][0]", "dense_2[0][0]"]),
      ],
      trainable: .init(count: 40, byteCount: 160), nonTrainable: .init(count: 0, byteCount: 0),
      optimizer: .init(count: 41, byteCount: 164))
    // Drawn by Rich, the table library that Keras uses, with the columns that Keras gives it.
    #expect(
      table.text() == """
        Model: "functional"
        ┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
        ┃ Layer (type)                  ┃ Output Shape              ┃         Param # ┃ Connected to               ┃
        ┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━━┩
        │ input_layer (InputLayer)      │ (None, 4)                 │               0 │ -                          │
        ├───────────────────────────────┼───────────────────────────┼─────────────────┼────────────────────────────┤
        │ a_very_long_layer_name_that_… │ (None, 8)                 │              40 │ input_layer[0][0]          │
        │ (Dense)                       │                           │                 │                            │
        ├───────────────────────────────┼───────────────────────────┼─────────────────┼────────────────────────────┤
        │ add (Add)                     │ (None, 8)                 │               0 │ a_very_long_layer[0][0],   │
        │                               │                           │                 │ dense_1[0][0],             │
        │                               │                           │                 │ dense_2[0][0]              │
        └───────────────────────────────┴───────────────────────────┴─────────────────┴────────────────────────────┘
         Total params: 81 (324.00 B)
         Trainable params: 40 (160.00 B)
         Non-trainable params: 0 (0.00 B)
         Optimizer params: 41 (164.00 B)

        """)
    let classic = table.text(style: .classic).split(separator: "\n", omittingEmptySubsequences: false)
    #expect(classic[0...10].dropFirst(2).allSatisfy { $0.count == 98 })
    #expect(
      classic[8].hasPrefix("add (Add)                       (None, 8)            0           a_very_long_layer[0][0]"))
    #expect(classic[9].hasSuffix("dense_1[0][0]                    "))
  }

  @Test func classic() {
    #expect(
      mlp.text(style: .classic).replacing(" \n", with: "·\n") == """
        Model: "sequential"
        _________________________________________________________________
        Layer (type)                 Output Shape              Param #  ·
        =================================================================
        flatten (Flatten)            (None, 784)               0        ·
        _________________________________________________________________
        dense (Dense)                (None, 128)               100480   ·
        _________________________________________________________________
        dense_1 (Dense)              (None, 10)                1290     ·
        =================================================================
        Total params: 101,770
        Trainable params: 101,770
        Non-trainable params: 0
        _________________________________________________________________

        """)
  }

  @Test func shapesAndSizes() {
    func row(_ shapes: [[Int?]], _ count: Int) -> String {
      let table = SummaryTable(
        modelName: "m", rows: [.init(name: "x", type: "X", outputShapes: shapes, parameterCount: count)],
        trainable: .init(count: count, byteCount: count * 4), nonTrainable: .init(count: 0, byteCount: 0))
      return table.text().split(separator: "\n")[4...5].joined(separator: "|").replacing(
        #/ +/#, with: " ")
    }
    #expect(row([[nil]], 0).contains("│ (None,) │ 0 │"))
    #expect(row([[nil, 28, 28, 1]], 999).contains("│ (None, 28, 28, 1) │ 999 │"))
    #expect(row([[nil, 3], [nil, 4]], 1000).contains("│ [(None, 3), (None, 4)] │ 1,000 │"))
    #expect(row([], 0).contains("│ ? │ 0 (unbuilt) │"))
    // VGG16.
    let vgg = SummaryTable(
      modelName: "vgg16", rows: [], trainable: .init(count: 138_357_544, byteCount: 553_430_176),
      nonTrainable: .init(count: 0, byteCount: 0))
    #expect(vgg.text().contains(" Total params: 138,357,544 (527.79 MB)\n"))
  }
}
