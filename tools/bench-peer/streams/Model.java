import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.Random;

/**
 * The arithmetic of one event as a Java program would do it well: embedding of 64, LSTM 64 -> 128,
 * LSTM 128 -> 64, dot products with 1,000 candidates, the best 5.
 *
 * Weight matrices lie input by input (acc[j] += x[i] * w[i][j]), four inputs at a time: HotSpot's C2
 * turns that loop into vector instructions, a dot product it would not.  Weights are random but
 * fixed: only the amount of work matters here.
 *
 * State of one key, little endian: h1[128] c1[128] h2[64] c2[64] floats, the last 50 contents as
 * int, time of the last event as long, number of events as long.
 */
final class Model {
    static final int EMBEDDING = 64, HIDDEN1 = 128, HIDDEN2 = 64;
    static final int CONTENTS = 10000, CANDIDATES = 1000, HISTORY = 50, TOP = 5;
    private static final int FLOATS = 2 * HIDDEN1 + 2 * HIDDEN2;
    static final int STATE_BYTES = 4 * FLOATS + 4 * HISTORY + 16;

    /* Shared by all threads and never written again. */
    private static final float[] embedding = new float[CONTENTS * EMBEDDING];
    private static final float[] weights1 = new float[(EMBEDDING + HIDDEN1) * 4 * HIDDEN1];
    private static final float[] bias1 = new float[4 * HIDDEN1];
    private static final float[] weights2 = new float[(HIDDEN1 + HIDDEN2) * 4 * HIDDEN2];
    private static final float[] bias2 = new float[4 * HIDDEN2];
    private static final float[] candidates = new float[HIDDEN2 * CANDIDATES];

    static {
        Random random = new Random(7);
        for (float[] array :
                new float[][] {embedding, weights1, weights2, bias1, bias2, candidates}) {
            for (int i = 0; i < array.length; i++) {
                array[i] = (float) (random.nextGaussian() * 0.08);
            }
        }
    }

    /* Scratch, one set a stream thread. */
    private final float[] h1 = new float[HIDDEN1], c1 = new float[HIDDEN1];
    private final float[] h2 = new float[HIDDEN2], c2 = new float[HIDDEN2];
    private final float[] gates1 = new float[4 * HIDDEN1], gates2 = new float[4 * HIDDEN2];
    private final float[] input = new float[EMBEDDING], scores = new float[CANDIDATES];
    final int[] topContent = new int[TOP];
    final float[] topScore = new float[TOP];

    /* acc[0..n) += in[0..count) times the rows of w from `offset` on. */
    private static void addProduct(float[] acc, int n, float[] in, int count, float[] w,
            int offset) {
        for (int i = 0; i < count; i += 4) {
            addFourRows(acc, n, in[i], in[i + 1], in[i + 2], in[i + 3], w, offset + i * n);
        }
    }

    private static void addFourRows(float[] acc, int n, float a0, float a1, float a2, float a3,
            float[] w, int row0) {
        int row1 = row0 + n, row2 = row1 + n, row3 = row2 + n;
        for (int j = 0; j < n; j++) {
            acc[j] += a0 * w[row0 + j] + a1 * w[row1 + j] + a2 * w[row2 + j] + a3 * w[row3 + j];
        }
    }

    /* A rational form, good to about 1e-6 within +-7.9: Math.tanh would cost some 20 ns a call. */
    private static float tanh(float x) {
        float v = Math.max(-7.9f, Math.min(7.9f, x));
        float s = v * v;
        float top = 135135f + s * (17325f + s * (378f + s));
        float bottom = 135135f + s * (62370f + s * (3150f + 28f * s));
        return v * top / bottom;
    }

    private static float sigmoid(float x) {
        return 0.5f + 0.5f * tanh(0.5f * x);
    }

    private static void step(float[] in, int inCount, float[] h, float[] c, float[] w,
            float[] bias, float[] gates) {
        int n = h.length;
        System.arraycopy(bias, 0, gates, 0, 4 * n);
        addProduct(gates, 4 * n, in, inCount, w, 0);
        addProduct(gates, 4 * n, h, n, w, inCount * 4 * n);
        for (int j = 0; j < n; j++) {
            c[j] = sigmoid(gates[n + j]) * c[j] + sigmoid(gates[j]) * tanh(gates[2 * n + j]);
            h[j] = sigmoid(gates[3 * n + j]) * tanh(c[j]);
        }
    }

    private void rank() {
        Arrays.fill(topScore, Float.NEGATIVE_INFINITY);
        for (int i = 0; i < CANDIDATES; i++) {
            float score = scores[i];
            if (score <= topScore[TOP - 1]) {
                continue;
            }
            int k = TOP - 1;
            for (; k > 0 && topScore[k - 1] < score; k--) {
                topScore[k] = topScore[k - 1];
                topContent[k] = topContent[k - 1];
            }
            topScore[k] = score;
            topContent[k] = i;
        }
    }

    private void score(int content) {
        System.arraycopy(embedding, content % CONTENTS * EMBEDDING, input, 0, EMBEDDING);
        step(input, EMBEDDING, h1, c1, weights1, bias1, gates1);
        step(h1, HIDDEN1, h2, c2, weights2, bias2, gates2);
        Arrays.fill(scores, 0f);
        addProduct(scores, CANDIDATES, h2, HIDDEN2, candidates, 0);
        rank();
    }

    private static ByteBuffer littleEndian(byte[] bytes) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** The state after one event (null before: a new key); topContent and topScore are the answer. */
    byte[] apply(byte[] before, int content, long timeMs, boolean compute) {
        byte[] after = new byte[STATE_BYTES];
        if (before == null) {
            for (float[] array : new float[][] {h1, c1, h2, c2}) {
                Arrays.fill(array, 0f);
            }
        } else {
            System.arraycopy(before, 0, after, 0, STATE_BYTES);
            littleEndian(before).asFloatBuffer().get(h1).get(c1).get(h2).get(c2);
        }
        int history = 4 * FLOATS;
        System.arraycopy(after, history + 4, after, history, 4 * (HISTORY - 1));
        ByteBuffer out = littleEndian(after);
        out.putInt(history + 4 * (HISTORY - 1), content);
        out.putLong(STATE_BYTES - 16, timeMs);
        out.putLong(STATE_BYTES - 8, out.getLong(STATE_BYTES - 8) + 1);
        if (compute) {
            score(content);
            FloatBuffer floats = out.asFloatBuffer();
            floats.put(h1).put(c1).put(h2).put(c2);
        }
        return after;
    }

    /** The arithmetic alone on one thread: a JSON line a round; the later ones are compiled code. */
    public static void main(String[] arguments) {
        ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        Model model = new Model();
        byte[] state = null;
        for (int round = 0; round < 6; round++) {
            int count = 50000;
            long wall = System.nanoTime(), cpu = threads.getCurrentThreadCpuTime();
            for (int i = 0; i < count; i++) {
                state = model.apply(state, i * 31 % CONTENTS, i, true);
            }
            System.out.printf("{\"round\": %d, \"wall_us\": %.2f, \"cpu_us\": %.2f, \"check\": %.4f}%n",
                    round, (System.nanoTime() - wall) / 1e3 / count,
                    (threads.getCurrentThreadCpuTime() - cpu) / 1e3 / count, model.topScore[0]);
        }
    }
}
