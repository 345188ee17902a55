"""What TensorBoard's own reader finds in a folder of event files, as JSON: scalars by tag and step, images, the config."""
import json
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

events = EventAccumulator(sys.argv[1], size_guidance={"tensors": 0, "scalars": 0, "images": 0})
events.Reload()
tags = events.Tags()
json.dump(
    {
        "scalars": {tag: {str(e.step): e.value for e in events.Scalars(tag)} for tag in tags["scalars"]},
        "images": {tag: [e.width, e.height] for tag in tags["images"] for e in events.Images(tag)[:1]},
        "config": events.Tensors("config")[0].tensor_proto.string_val[0].decode(),
    },
    sys.stdout,
)
