#!/usr/bin/env python3
"""The work of nba's models in what one would take otherwise, one thread: medians as JSON lines.

    model_peer.py onnxruntime|torch|tensorflow [SECONDS a case]

Needs the framework it is asked for, in the interpreter that runs it: tests/bench/model.py keeps a
virtual environment for each.  Weights are random and of the same sizes.  Only the call is timed: no
copying of states, no choice of inputs.

  event  one LSTM step 64 -> 128 -> 64 for each of B HCPs, scores of 1,000 contents, ten best
  empty  a call with the same inputs and outputs and nothing in it (ONNX Runtime)
  NCF    1,000 contents through 128-128-64-32-1, ten best
"""
import json
import os
import sys
import time
import warnings

N, D, H1, H2, TOP = 1000, 64, 128, 64, 10
MLP = (2 * D, 128, 64, 32, 1)
SECONDS = float(sys.argv[2]) if len(sys.argv) > 2 else 0.5
BATCHES = (1, 32)


def say(peer, case, rows, call):
    for _ in range(20):
        call()
    times, end = [], time.perf_counter() + SECONDS
    while time.perf_counter() < end or len(times) < 20:
        start = time.perf_counter_ns()
        call()
        times.append(time.perf_counter_ns() - start)
    print(json.dumps({"peer": peer, "case": case, "rows": rows,
                      "us": sorted(times)[len(times) // 2] / 1e3}), flush=True)


def onnxruntime():
    import numpy as np
    import onnxruntime as ort
    from onnx import TensorProto, helper, numpy_helper
    rng = np.random.default_rng(1)
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    peer = "ONNX Runtime " + ort.__version__
    node, typed = helper.make_node, helper.make_tensor_value_info
    f32, i64 = TensorProto.FLOAT, TensorProto.INT64

    def tensor(name, *shape, scale=0.2):
        return numpy_helper.from_array(rng.uniform(-scale, scale, shape).astype("f"), name)

    def whole(name, *values):
        return numpy_helper.from_array(np.array(values), name)

    def session(nodes, inputs, outputs, weights):
        graph = helper.make_graph(nodes, "g", inputs, outputs, weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        return ort.InferenceSession(model.SerializeToString(), options,
                                    providers=["CPUExecutionProvider"])

    def lstm(name, inputs, hidden):
        return [tensor(name + "W", 1, 4 * hidden, inputs), tensor(name + "R", 1, 4 * hidden, hidden),
                tensor(name + "B", 1, 8 * hidden)]

    sizes = (("h1", H1), ("c1", H1), ("h2", H2), ("c2", H2))
    inputs = [typed("x", i64, ["L", "B"])] + [typed(n, f32, [1, "B", k]) for n, k in sizes]
    outputs = ([typed("v", f32, ["B", TOP]), typed("i", i64, ["B", TOP])] +
               [typed(n + "n", f32, [1, "B", k]) for n, k in sizes])
    event = session(
        [node("Gather", ["emb", "x"], ["xe"]),
         node("LSTM", ["xe", "aW", "aR", "aB", "", "h1", "c1"], ["ya", "h1n", "c1n"],
              hidden_size=H1),
         node("Squeeze", ["ya", "one"], ["yas"]),
         node("LSTM", ["yas", "bW", "bR", "bB", "", "h2", "c2"], ["yb", "h2n", "c2n"],
              hidden_size=H2),
         node("Squeeze", ["h2n", "zero"], ["hs"]), node("Gemm", ["hs", "ow", "ob"], ["scores"]),
         node("TopK", ["scores", "k"], ["v", "i"])],
        inputs, outputs,
        [tensor("emb", N, D, scale=1), *lstm("a", D, H1), *lstm("b", H1, H2), tensor("ow", H2, N),
         tensor("ob", N), whole("k", TOP), whole("zero", 0), whole("one", 1)])
    empty = session([node("Identity", [a], [b]) for a, b in
                     (("x", "o"), *((n, n + "n") for n, _ in sizes), ("c2", "v"))],
                    inputs, [typed("o", i64, None), *outputs[2:], typed("v", f32, None)], [])
    for batch in BATCHES:
        feed = {n: np.zeros((1, batch, k), "f") for n, k in sizes}
        feed["x"] = rng.integers(0, N, (1, batch))
        say(peer, "event", batch, lambda feed=feed: event.run(None, feed))
        if batch == 1:
            say(peer, "empty", batch, lambda feed=feed: empty.run(None, feed))
    layers, weights = [], []
    for j, (k, n) in enumerate(zip(MLP, MLP[1:])):
        weights += [tensor(f"w{j}", k, n), tensor(f"b{j}", n)]
        layers += [node("Gemm", [f"z{j}", f"w{j}", f"b{j}"], [f"g{j}"]),
                   node("Sigmoid" if n == 1 else "Relu", [f"g{j}"], [f"z{j + 1}"])]
    ncf = session(
        [node("Gather", ["users", "u"], ["uv"]), node("Expand", ["uv", "shape"], ["ux"]),
         node("Gather", ["items", "it"], ["iv"]), node("Concat", ["ux", "iv"], ["z0"], axis=1),
         *layers, node("Reshape", ["z4", "flat"], ["r"]), node("TopK", ["r", "k"], ["v", "i"])],
        [typed("u", i64, [1]), typed("it", i64, [N])],
        [typed("v", f32, [TOP]), typed("i", i64, [TOP])],
        [tensor("users", 10000, D), tensor("items", N, D), whole("k", TOP), whole("shape", N, D),
         whole("flat", N), *weights])
    feed = {"u": np.array([42]), "it": np.arange(N)}
    say(peer, "NCF", N, lambda: ncf.run(None, feed))


def torch():
    warnings.simplefilter("ignore")  # tracing is deprecated, and still the fastest for one event
    import torch as t
    t.set_num_threads(1)
    t.set_grad_enabled(False)

    class Event(t.nn.Module):
        def __init__(self):
            super().__init__()
            self.e, self.o = t.nn.Embedding(N, D), t.nn.Linear(H2, N)
            self.a, self.b = t.nn.LSTMCell(D, H1), t.nn.LSTMCell(H1, H2)

        def forward(self, x, h1, c1, h2, c2):
            h1, c1 = self.a(self.e(x), (h1, c1))
            h2, c2 = self.b(h1, (h2, c2))
            best = t.topk(self.o(h2), TOP)
            return best[0], best[1], h1, c1, h2, c2

    class Ncf(t.nn.Module):
        def __init__(self):
            super().__init__()
            self.u, self.i = t.nn.Embedding(10000, D), t.nn.Embedding(N, D)
            layers = [l for k, n in zip(MLP, MLP[1:]) for l in (t.nn.Linear(k, n), t.nn.ReLU())]
            self.m = t.nn.Sequential(*layers[:-1], t.nn.Sigmoid())

        def forward(self, u, i):
            z = t.cat([self.u(u).expand(i.shape[0], D), self.i(i)], 1)
            return t.topk(self.m(z).squeeze(1), TOP)

    event, ncf = Event().eval(), Ncf().eval()

    def state(batch):
        return [t.randint(0, N, (batch,))] + [t.zeros(batch, k) for k in (H1, H1, H2, H2)]
    ids = t.tensor([42]), t.arange(N)
    traced = (t.jit.freeze(t.jit.trace(event, tuple(state(1)))),
              t.jit.freeze(t.jit.trace(ncf, ids)))
    version = "torch " + t.__version__.split("+")[0]
    for peer, e, m in ((version + ", eager", event, ncf), (version + ", traced", *traced)):
        for batch in BATCHES:
            feed = state(batch)
            say(peer, "event", batch, lambda feed=feed, e=e: e(*feed))
        say(peer, "NCF", N, lambda m=m: m(*ids))


def tensorflow():
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    import tensorflow as tf
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    k = tf.keras.layers
    e, a, b, o = k.Embedding(N, D), k.LSTMCell(H1), k.LSTMCell(H2), k.Dense(N)

    def event(x, h1, c1, h2, c2):
        y, (h1, c1) = a(e(x), [h1, c1])
        y, (h2, c2) = b(y, [h2, c2])
        return tf.math.top_k(o(y), TOP), h1, c1, h2, c2
    function = tf.function(event, autograph=False)
    for batch in BATCHES:
        feed = [tf.zeros((batch,), tf.int32)] + [tf.zeros((batch, n)) for n in (H1, H1, H2, H2)]
        say("tf.function " + tf.__version__, "event", batch,
            lambda feed=feed: function(*feed)[0].values.numpy())


if __name__ == "__main__":
    {"onnxruntime": onnxruntime, "torch": torch, "tensorflow": tensorflow}[sys.argv[1]]()
