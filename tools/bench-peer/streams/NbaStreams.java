import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/**
 * What a user would take instead of nba: Kafka Streams with a persistent store and its changelog.
 * One event in: the key's state is read, stepped and scored, written back, and one message leaves.
 *
 * Settings are system properties: bootstrap, in, out, app, guarantee, compute, cache, threads,
 * commit, linger, dir; -Dcfg.NAME=VALUE goes to Streams under NAME.
 *
 * The event and the answer are those of ../load.c: id 16 bytes, hcp u64, produced us u64, time ms
 * i64, content u32...; the answer repeats the first 40 bytes, so its latency can be told.
 */
public final class NbaStreams {
    private static final int HEAD_BYTES = 40, CONTENT_AT = 40, TIME_AT = 32, ANSWER_BYTES = 200;

    private static String setting(String name, String otherwise) {
        return System.getProperty(name, otherwise);
    }

    private static final class Scorer implements Processor<byte[], byte[], byte[], byte[]> {
        private final boolean compute = Boolean.parseBoolean(setting("compute", "true"));
        private final Model model = new Model();
        private ProcessorContext<byte[], byte[]> context;
        private KeyValueStore<byte[], byte[]> store;

        @Override
        public void init(ProcessorContext<byte[], byte[]> given) {
            context = given;
            store = given.getStateStore("hcp-state");
        }

        @Override
        public void process(Record<byte[], byte[]> record) {
            ByteBuffer event = ByteBuffer.wrap(record.value()).order(ByteOrder.LITTLE_ENDIAN);
            byte[] state = model.apply(store.get(record.key()), event.getInt(CONTENT_AT),
                    event.getLong(TIME_AT), compute);
            store.put(record.key(), state);
            byte[] answer = new byte[ANSWER_BYTES];
            System.arraycopy(record.value(), 0, answer, 0, HEAD_BYTES);
            ByteBuffer top = ByteBuffer.wrap(answer).order(ByteOrder.LITTLE_ENDIAN)
                    .position(HEAD_BYTES);
            for (int i = 0; i < Model.TOP; i++) {
                top.putInt(model.topContent[i]).putFloat(model.topScore[i]);
            }
            context.forward(record.withValue(answer));
        }
    }

    private static Topology topology() {
        StoreBuilder<KeyValueStore<byte[], byte[]>> store = Stores.keyValueStoreBuilder(
                Stores.persistentKeyValueStore("hcp-state"), Serdes.ByteArray(),
                Serdes.ByteArray()).withLoggingEnabled(Map.of());
        store = Boolean.parseBoolean(setting("cache", "false"))
                ? store.withCachingEnabled() : store.withCachingDisabled();
        Deserializer<byte[]> in = Serdes.ByteArray().deserializer();
        Serializer<byte[]> out = Serdes.ByteArray().serializer();
        return new Topology()
                .addSource("in", in, in, setting("in", "peer.in"))
                .addProcessor("score", Scorer::new, "in")
                .addStateStore(store, "score")
                .addSink("out", setting("out", "peer.out"), out, out, "score");
    }

    private static Properties properties() {
        Properties p = new Properties();
        p.put(StreamsConfig.APPLICATION_ID_CONFIG, setting("app", "peer"));
        p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, setting("bootstrap", "127.0.0.1:29092"));
        p.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG,
                setting("guarantee", "exactly_once_v2"));
        p.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, setting("commit", "100"));
        p.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, setting("threads", "2"));
        p.put(StreamsConfig.STATE_DIR_CONFIG, setting("dir", "/tmp/nba-peer-state"));
        p.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, "-1");
        p.put("producer.linger.ms", setting("linger", "5"));
        p.put("consumer.auto.offset.reset", "earliest");
        System.getProperties().forEach((name, value) -> {
            if (name.toString().startsWith("cfg.")) {
                p.put(name.toString().substring("cfg.".length()), value);
            }
        });
        return p;
    }

    public static void main(String[] arguments) {
        KafkaStreams streams = new KafkaStreams(topology(), properties());
        streams.setUncaughtExceptionHandler(e -> {
            e.printStackTrace();
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        /* peer.py waits for the line that says RUNNING. */
        streams.setStateListener((now, before) -> System.out.println("state " + now));
        Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
        streams.start();
    }
}
