"""The work of the similarity study in Python: PyTorch pools and reconstructs, SciPy filters as scikit-image does.

similarity.py KERNELS PROTOCOLS FILE... prints one line of JSON: seconds, and the mean SSIM and PSNR by kernel,
protocol and method. One process for each half of the files, one thread each; started by similarity.js.

SSIM is scikit-image's structural_similarity(gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
data_range=1) over the valid area, with the moments of the original computed once and kept: its own function
computes them again for every comparison.
"""

import json
import sys
import time

import numpy
import torch
import torch.nn.functional as F
from scipy.ndimage import gaussian_filter
from skimage.io import imread

torch.set_num_threads(1)
C1, C2 = 0.01**2, 0.03**2
EDGE = 5


def smooth(a):
    """The 11 x 11 Gaussian window over its valid area."""
    return gaussian_filter(a, 1.5, truncate=3.5)[EDGE:-EDGE, EDGE:-EDGE]


def luma(x):
    """BT.601 luma of [1, 3, H, W]."""
    return (0.299 * x[0, 0] + 0.587 * x[0, 1] + 0.114 * x[0, 2]).numpy()


def halved(a):
    """2 x 2 means."""
    h, w = a.shape[0] // 2 * 2, a.shape[1] // 2 * 2
    a = a[:h, :w]
    return (a[0::2, 0::2] + a[1::2, 0::2] + a[0::2, 1::2] + a[1::2, 1::2]) * 0.25


class Reference:
    """A picture's luma and its moments, at five scales."""

    WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)

    def __init__(self, plane):
        self.scales = []
        for scale in range(5):
            mean = smooth(plane)
            self.scales.append((plane, mean, smooth(plane * plane) - mean * mean))
            plane = halved(plane)

    def compare(self, other):
        """SSIM and MS-SSIM."""
        ssim, product = None, 1.0
        for scale, (plane, ux, vx) in enumerate(self.scales):
            uy = smooth(other)
            vy = smooth(other * other) - uy * uy
            vxy = smooth(plane * other) - ux * uy
            structure = (2 * vxy + C2) / (vx + vy + C2)
            if scale in (0, 4):
                both = float(numpy.mean((2 * ux * uy + C1) / (ux * ux + uy * uy + C1) * structure))
            if scale == 0:
                ssim = both
            value = both if scale == 4 else float(numpy.mean(structure))
            product *= max(value, 0.0) ** self.WEIGHTS[scale]
            other = halved(other)
        return ssim, product


def pooled(method, x, k):
    """One method of stride k."""
    if method == "average":
        return F.avg_pool2d(x, k)
    if method == "sum":
        return F.avg_pool2d(x, k, divisor_override=1)
    if method == "maximum":
        return F.max_pool2d(x, k)
    if method == "power-average":
        return F.avg_pool2d(x * x, k, divisor_override=1).sqrt_()
    if method == "soft":
        e = x.exp()
        return F.avg_pool2d(x * e, k).div_(F.avg_pool2d(e, k))
    if method == "stochastic":
        return F.avg_pool2d(x * x, k) / F.avg_pool2d(x, k).clamp_(min=1e-12)
    if method == "s3":
        dense = F.max_pool2d(F.pad(x, (0, k - 1, 0, k - 1), mode="replicate"), k, stride=1)
        return F.avg_pool2d(dense, k)
    raise ValueError(method)


METHODS = ("soft", "average", "maximum", "sum", "power-average", "stochastic", "s3")


def tiles(a, side):
    """Deviation, maximum, minimum and mean of tiles."""
    h, w = a.shape[0] // side * side, a.shape[1] // side * side
    t = a[:h, :w].reshape(h // side, side, w // side, side).swapaxes(1, 2)
    t = t.reshape(h // side, w // side, -1)
    return t.std(-1), t.max(-1), t.min(-1), t.mean(-1)


def linear(x):
    """Linear light of sRGB values."""
    return torch.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055).clamp(min=0) ** 2.4)


def luminance(x):
    """Mean luminance."""
    y = linear(x)
    return float((0.2126 * y[0, 0] + 0.7152 * y[0, 1] + 0.0722 * y[0, 2]).mean())


def study(path, kernels, protocols, sums):
    """All that is said of one picture."""
    x = torch.from_numpy(imread(path)).permute(2, 0, 1)[None].float().div_(255)
    references = {}
    for k in kernels:
        h, w = x.shape[2] // k * k, x.shape[3] // k * k
        original = x[:, :, :h, :w].contiguous()
        if (h, w) not in references:
            references[h, w] = Reference(luma(original))
        reference = references[h, w]
        side = max(1, round(32 / k))
        there = tiles(luma(original), side * k)
        bright = luminance(original)
        for method in METHODS:
            y = pooled(method, original, k)
            here = tiles(luma(y), side)
            detail = (
                float(here[0].sum() / there[0].sum()),
                float((here[1] - there[3]).sum() / (there[1] - there[3]).sum()),
                float((there[3] - here[2]).sum() / (there[3] - there[2]).sum()),
                100 * (luminance(y) / bright - 1),
            )
            for protocol in protocols:
                align = {} if protocol == "nearest" else {"align_corners": False}
                up = F.interpolate(y, size=(h, w), mode=protocol, **align)
                ssim, ms = reference.compare(luma(up))
                psnr = -10 * float(torch.log10(F.mse_loss(up, original)))
                entry = sums.setdefault(f"{k} {protocol} {method}", [0, 0, 0])
                for i, value in enumerate((1, ssim, psnr)):
                    entry[i] += value


def main():
    kernels = [int(k) for k in sys.argv[1].split(",")]
    protocols = sys.argv[2].split(",")
    sums = {}
    begin = time.perf_counter()
    with torch.no_grad():
        for path in sys.argv[3:]:
            study(path, kernels, protocols, sums)
    seconds = time.perf_counter() - begin
    print(json.dumps({"seconds": seconds, "sums": sums}))


main()
