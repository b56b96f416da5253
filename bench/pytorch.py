"""PyTorch's poolings, timed. Started by pytorch.js; reads one task a line as JSON, answers a line each.

Every task runs in a fresh process: a fork of this one, which has imported torch and computed nothing.
Where there is no safe fork, this process ends after its first task and a new one is started.

Averages are over the taps inside the input. SoftPool is composed as its users compose it:
avg_pool(x e^x) / avg_pool(e^x). Channels-last tensors are torch's channels_last. Backwards are the
derivative alone: the graph is built once and differentiated again and again.
"""

import json
import math
import os
import platform
import signal
import sys
import time

import numpy
import torch
import torch.nn.functional as F

LEAST_CALLS = 3
MOST_CALLS = 1000
TIME_LIMIT = 120


def numbers(path, start, shape):
    """Elements of the file as a tensor of its own."""
    count = math.prod(shape)
    array = numpy.fromfile(path, dtype=numpy.float32, count=count, offset=4 * start)
    return torch.from_numpy(array).view(*shape)


def channels_first(tensor, work):
    """The tensor as torch sees it: axes N, C, H, W whatever the order in memory."""
    return tensor.permute(0, 3, 1, 2) if work["layout"] == "NHWC" else tensor


def pooling(method, work):
    """A pooling as a function of its input."""
    window = (work["kernelSize"], work["stride"], work["padding"])
    average = F.avg_pool3d if work["rank"] == 3 else F.avg_pool2d
    maximum = F.max_pool3d if work["rank"] == 3 else F.max_pool2d

    def mean(x):
        return average(x, *window, count_include_pad=False)

    def soft(x):
        e = torch.exp(x)
        return mean(x * e) / mean(e)

    return {
        "average": mean,
        "maximum": lambda x: maximum(x, *window),
        "soft": soft,
    }[method]


def subject(task):
    """The call to time; it returns its result."""
    variant, work, source = task["variant"], task["work"], task["source"]
    x = channels_first(numbers(source["path"], 0, work["shape"]), work)
    pool = pooling(variant["method"], work)
    if variant["direction"] == "forward":
        return lambda: pool(x)
    torch.set_grad_enabled(True)
    x.requires_grad_()
    y = pool(x)
    gradient = numbers(source["path"], source["gradientOffset"], task["outShape"])
    gradient = channels_first(gradient, work)
    return lambda: torch.autograd.grad(y, x, gradient, retain_graph=True)[0]


def write_ends(path, result, work):
    """Writes the first and the last picture of the batch in the workload's order of axes."""
    if work["layout"] == "NHWC":
        result = result.permute(0, 2, 3, 1)
    ends = torch.stack([result[0], result[-1]]).detach().contiguous()
    ends.numpy().tofile(path)


def measure(call, warmup, milliseconds):
    """As measure() in subject.js; nothing is compiled here, so that one call may warm up."""
    begin = time.perf_counter()
    call()
    while time.perf_counter() - begin < warmup / 1000:
        call()
    times = []
    begin = time.perf_counter()
    while len(times) < LEAST_CALLS or (
        time.perf_counter() - begin < milliseconds / 1000 and len(times) < MOST_CALLS
    ):
        start = time.perf_counter()
        call()
        times.append((time.perf_counter() - start) * 1000)
    return times


def answer(task):
    """Runs a task to its answer."""
    try:
        torch.set_num_threads(task["variant"]["threads"])
        torch.set_grad_enabled(False)
        call = subject(task)
        if task["check"] is not None:
            write_ends(task["check"], call(), task["work"])
        return {"times": measure(call, task["warmup"], task["milliseconds"])}
    except Exception as error:  # told to the caller, who goes on
        return {"error": str(error).split("\n")[0]}


def say(value):
    """One line to the caller."""
    print(json.dumps(value), flush=True)


def run_in_child(task):
    """Runs a task in a fork, which lives at most TIME_LIMIT seconds and not longer than this process."""
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.alarm(TIME_LIMIT)
        say(answer(task))
        os._exit(0)

    def end(*_):
        os.kill(child, signal.SIGKILL)
        os._exit(1)

    signal.signal(signal.SIGTERM, end)
    _, status = os.waitpid(child, 0)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if status != 0:
        say({"error": f"the process ended with status {status}"})


def main():
    """Serves tasks until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    say({"torch": torch.__version__, "python": platform.python_version()})
    for line in sys.stdin:
        task = json.loads(line)
        if not sys.platform.startswith("linux"):
            say(answer(task))
            return
        run_in_child(task)


main()
