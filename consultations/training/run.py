"""The whole of it: read, look, cross-validate, train on everything, export, package."""

import logging
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from consultations.imaging import quality
from consultations.inference.manifest import Manifest
from consultations.training import backbone, inputs, judge, learn, package
from consultations.training.data import Lesion, read
from consultations.training.export import model_of

logger = logging.getLogger(__name__)

# More of a photo than this in the blue and violet of a marker, and it counts as marked.
_PEN_SHARE = 0.003


def run(data: Path, out: Path, *, threads: int = 2, cache: Path | None = None) -> Manifest:
    """Train the reference model on `data` and write its package to `out`. The same data and versions
    give the same file. `cache` keeps what the network saw, for another run with other settings."""
    began = time.monotonic()
    torch.manual_seed(0)
    torch.set_num_threads(1)  # sums in one order, whatever the machine
    torch.use_deterministic_algorithms(True)
    settings = learn.Settings(threads=threads)
    lesions = read(data)
    photos = [each for each in lesions if each.raw]
    logger.info("%d pictures, %d of them whole photographs", len(lesions), len(photos))
    network = backbone.load()
    seen = learn.cached(cache, lambda: learn.look(lesions, settings, network))
    judged = learn.cross_validate(lesions, seen, settings)
    tested = judge.test(judged, [_tone(each) for each in photos], [_marked(each) for each in photos])
    facts = inputs.described([each.facts for each in lesions])
    head = learn.train(lesions, seen, np.ones(len(lesions), dtype=np.bool_), facts, settings)
    model, _ = model_of(network, head)
    manifest = package.write(out, model, facts, lesions, tested)
    logger.info("written to %s after %.0f s", out, time.monotonic() - began)
    return manifest


def _tone(lesion: Lesion) -> str | None:
    """The ITA group that the product would estimate from this photo."""
    tone = quality.judge(lesion.path.read_bytes()).as_dict().get("skin_tone")
    return tone["group"] if tone else None


def _marked(lesion: Lesion) -> bool:
    """Whether a pen mark shows: blue to violet, which skin is not."""
    with Image.open(lesion.path) as file:
        hue, saturation, value = np.asarray(file.convert("HSV").resize((160, 160)), dtype=np.float64).T
    ink = (hue > 135) & (hue < 227) & (saturation > 56) & (value > 30)
    return float(ink.mean()) > _PEN_SHARE
