"""Reads events.tfevents with TensorBoard's own reader and writes events.json: what TensorBoard sees in it.

    python3 read_events.py

Needs the package tensorboard. The file is written by CallbackFileTests.eventsAreReadByTensorBoard with APUS_UPDATE=1.
"""

import json
import os

from tensorboard.backend.event_processing.event_accumulator import HISTOGRAMS, IMAGES, SCALARS, EventAccumulator

folder = os.path.dirname(os.path.abspath(__file__))
events = EventAccumulator(os.path.join(folder, "events.tfevents"), size_guidance={SCALARS: 0, HISTOGRAMS: 0, IMAGES: 0})
events.Reload()
tags = events.Tags()
seen = {
    "scalars": {tag: [[e.wall_time, e.step, e.value] for e in events.Scalars(tag)] for tag in tags["scalars"]},
    "histograms": {
        tag: [
            {"step": e.step, "min": e.histogram_value.min, "max": e.histogram_value.max, "num": e.histogram_value.num,
             "sum": e.histogram_value.sum, "sum_squares": e.histogram_value.sum_squares,
             "bucket_limit": list(e.histogram_value.bucket_limit), "bucket": list(e.histogram_value.bucket)}
            for e in events.Histograms(tag)]
        for tag in tags["histograms"]},
    "images": {
        tag: [[e.step, e.width, e.height, list(e.encoded_image_string[:8])] for e in events.Images(tag)]
        for tag in tags["images"]},
    "graph": [
        [node.name, node.op, list(node.input),
         [[dim.size for dim in shape.dim] for shape in node.attr["_output_shapes"].list.shape]]
        for node in events.Graph().node],
}
with open(os.path.join(folder, "events.json"), "w") as file:
    json.dump(seen, file)
    file.write("\n")
