#!/usr/bin/env python3
"""Reference values of the serving models, by PyTorch in double precision.

    python3 -m venv V && V/bin/pip install torch && V/bin/python make_serving_reference.py

writes lstm_serving.txt and ncf_serving.txt beside itself.  Weights are not stored: script and C test
(tests/unit/model/) draw them from the same splitmix64 stream, in the same order.  Each line of a file
is `name value value ...`.  Made with torch 2.15.0.
"""
from pathlib import Path

import torch

HERE = Path(__file__).parent
MASK = (1 << 64) - 1


class Stream:
    """nba_rng of nba/base/random.h; values are rounded to float32 as the C test does."""

    def __init__(self, seed):
        self.state = seed

    def uniform(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        z ^= z >> 31
        return (z >> 11) * 2.0**-53

    def tensor(self, scale, *dims):
        count = 1
        for dim in dims:
            count *= dim
        values = [scale * (2 * self.uniform() - 1) for _ in range(count)]
        return torch.tensor(values, dtype=torch.float32).double().reshape(dims)


def line(name, values):
    return name + "".join(f" {v:.12g}" for v in values.reshape(-1).tolist()) + "\n"


def cell(inputs, hidden, w, b):
    """torch.nn.LSTMCell from our layout: w (inputs + hidden, 4 hidden), gates i f g o."""
    lstm = torch.nn.LSTMCell(inputs, hidden).double()
    with torch.no_grad():
        lstm.weight_ih.copy_(w[:inputs].T)
        lstm.weight_hh.copy_(w[inputs:].T)
        lstm.bias_ih.copy_(b)
        lstm.bias_hh.zero_()
    return lstm


def lstm_reference():
    contents, width, hidden_1, hidden_2 = 37, 16, 48, 16
    stream = Stream(2024)
    embedding = stream.tensor(1.0, contents, width)
    w1 = stream.tensor(0.4, width + hidden_1, 4 * hidden_1)
    b1 = stream.tensor(0.2, 4 * hidden_1)
    w2 = stream.tensor(0.4, hidden_1 + hidden_2, 4 * hidden_2)
    b2 = stream.tensor(0.2, 4 * hidden_2)
    out_bias = stream.tensor(0.3, contents)
    layer_1 = cell(width, hidden_1, w1, b1)
    layer_2 = cell(hidden_1, hidden_2, w2, b2)
    h1, c1 = torch.zeros(1, hidden_1).double(), torch.zeros(1, hidden_1).double()
    h2, c2 = torch.zeros(1, hidden_2).double(), torch.zeros(1, hidden_2).double()
    text = ""
    for step in range(12):
        content = step * 11 % contents
        h1, c1 = layer_1(embedding[content : content + 1], (h1, c1))
        h2, c2 = layer_2(h1, (h2, c2))
        if step in (0, 1, 11):
            scores = h2 @ embedding.T + out_bias
            text += line(f"state_{step}", torch.cat([h1, c1, h2, c2], 1))
            text += line(f"scores_{step}", scores)
    (HERE / "lstm_serving.txt").write_text(text)


def ncf_reference():
    contents, segments, width = 29, 3, 32
    layers = (64, 48, 16)
    stream = Stream(4711)
    item_gmf = stream.tensor(0.5, contents, width)
    item_mlp = stream.tensor(0.5, contents, width)
    history = stream.tensor(0.5, contents, 2 * width)
    prior = stream.tensor(0.5, segments, 2 * width)
    w1, b1 = stream.tensor(0.3, 2 * width, layers[0]), stream.tensor(0.2, layers[0])
    w2, b2 = stream.tensor(0.3, layers[0], layers[1]), stream.tensor(0.2, layers[1])
    w3, b3 = stream.tensor(0.3, layers[1], layers[2]), stream.tensor(0.2, layers[2])
    w_out, b_out = stream.tensor(0.5, width + layers[2]), stream.tensor(0.2, 1)
    text = ""
    for segment, window in ((0, []), (2, [4, 17, 4, 28, 9]), (1, [3])):
        user = prior[segment]
        if window:
            user = user + history[window].sum(0) / len(window) ** 0.5
        gmf = user[:width] * item_gmf
        z = torch.cat([user[width:].expand(contents, width), item_mlp], 1)
        for w, b in ((w1, b1), (w2, b2), (w3, b3)):
            z = torch.relu(torch.nn.functional.linear(z, w.T, b))
        scores = torch.cat([gmf, z], 1) @ w_out + b_out
        text += line(f"user_{segment}", user) + line(f"scores_{segment}", scores)
    (HERE / "ncf_serving.txt").write_text(text)


if __name__ == "__main__":
    lstm_reference()
    ncf_reference()
