#!/usr/bin/env python3
"""Reference values of training, by PyTorch in double precision.

    python3 -m venv V && V/bin/pip install torch && V/bin/python make_training_reference.py

writes lstm_training.txt and ncf_training_*.txt beside itself: the mean loss before each of eight Adam
steps on one batch, and sums that any wrong parameter would move.  Weights are drawn by script and C
test (tests/unit/train/test_training_reference.c) from the same stream, in the same order.
Made with torch 2.15.0.
"""
import torch
import torch.nn.functional as F

from make_serving_reference import HERE, Stream, line

STEPS = 8


def parameter(stream, scale, *dims):
    return stream.tensor(scale, *dims).requires_grad_()


def adam_losses(parameters, loss_of, rate):
    """Losses before each step, and at the end the sum of every parameter times 1, 2, 3, ..."""
    optimiser = torch.optim.Adam(parameters, lr=rate)
    losses = []
    for _ in range(STEPS):
        optimiser.zero_grad()
        loss = loss_of()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 0.5)
        optimiser.step()
        losses.append(loss.detach())
    sums = [(p.detach().reshape(-1) * torch.arange(1, p.numel() + 1)).sum() / p.numel()
            for p in parameters]
    return torch.stack(losses), torch.stack(sums)


def lstm_training():
    contents, width, hidden = 11, 6, 9
    stream = Stream(77)
    embedding = parameter(stream, 0.8, contents, width)
    out_bias = parameter(stream, 0.3, 1, contents)
    layers = []
    for inputs, outputs in ((width, hidden), (hidden, width)):
        layers.append([parameter(stream, 0.5, inputs, 4 * outputs),
                       parameter(stream, 0.5, outputs, 4 * outputs),
                       parameter(stream, 0.5, 1, 4 * outputs)])
    sequences = [([4, 1, 1, 6, 0, 10, 3], 4), ([2, 5, 3], 1), ([3, 0, 6, 2], 1)]

    def run(x, w_x, w_h, bias):
        h = c = torch.zeros(1, w_h.shape[0], dtype=torch.double)
        out = []
        for row in x:
            i, f, g, o = (row @ w_x + h @ w_h + bias).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            out.append(h)
        return torch.cat(out)

    def loss():
        total, count = 0, 0
        for sequence, loss_from in sequences:
            top = run(run(embedding[sequence[:-1]], *layers[0]), *layers[1])
            scores = (top @ embedding.T + out_bias)[loss_from - 1:]
            targets = torch.tensor(sequence[loss_from:])
            total = total + F.cross_entropy(scores, targets, reduction="sum")
            count += len(targets)
        return total / count

    parameters = [embedding, out_bias] + layers[0] + layers[1]
    losses, sums = adam_losses(parameters, loss, 0.01)
    (HERE / "lstm_training.txt").write_text(line("losses", losses) + line("sums", sums))


def ncf_training(ordered, name):
    contents, segments, width = 9, 3, 4
    layers = (7, 5, 6)
    stream = Stream(88)
    item_gmf = parameter(stream, 0.6, contents, width)
    item_mlp = parameter(stream, 0.6, contents, width)
    history = parameter(stream, 0.6, contents, 2 * width)
    prior = parameter(stream, 0.6, segments, 2 * width)
    dense = []
    for inputs, outputs in ((2 * width, layers[0]), layers[:2], layers[1:]):
        dense.append([parameter(stream, 0.5, inputs, outputs), parameter(stream, 0.3, 1, outputs)])
    w_out = parameter(stream, 0.5, 1, width + layers[2])
    b_out = parameter(stream, 0.3, 1, 1)
    groups = [(2, [4, 1, 6, 0, 1], [0, 2, 4], [[3, 5], [2, 2], [5, 3]]),
              (0, [2, 5, 3], [1], [[6, 0]])]

    def score(user, item):
        z = torch.cat([user[width:], item_mlp[item]])
        for w, b in dense:
            z = torch.relu(z @ w + b[0])
        return (torch.cat([user[:width] * item_gmf[item], z]) * w_out[0]).sum() + b_out[0, 0]

    def loss():
        total, count = 0, 0
        for segment, run, positions, negatives in groups:
            for position, drawn in zip(positions, negatives):
                context = run[:position] if ordered else run[:position] + run[position + 1:]
                user = prior[segment]
                if context:
                    user = user + history[context].sum(0) / len(context) ** 0.5
                total = total + F.softplus(-score(user, run[position]))
                for item in drawn:
                    total = total + F.softplus(score(user, item))
                count += 1 + len(drawn)
        return total / count

    parameters = [item_gmf, item_mlp, history, prior]
    parameters += [p for pair in dense for p in pair] + [w_out, b_out]
    losses, sums = adam_losses(parameters, loss, 0.01)
    (HERE / name).write_text(line("losses", losses) + line("sums", sums))


if __name__ == "__main__":
    lstm_training()
    ncf_training(True, "ncf_training_ordered.txt")
    ncf_training(False, "ncf_training_unordered.txt")
