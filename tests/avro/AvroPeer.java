import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;

/** Java's Avro on a pipe: "resolve WRITER READER DATUM" in hexadecimal, as avro_driver.c takes it. */
public class AvroPeer {
    private static final Map<String, Schema> schemas = new HashMap<>();

    private static byte[] bytes(String hex) {
        return hex.equals("-") ? new byte[0] : HexFormat.of().parseHex(hex);
    }

    private static Schema schema(String hex) {
        return schemas.computeIfAbsent(hex, h -> new Schema.Parser().parse(new String(bytes(h))));
    }

    private static String resolve(String[] words) throws Exception {
        Schema reader = schema(words[2]);
        BinaryDecoder decoder = DecoderFactory.get().binaryDecoder(bytes(words[3]), null);
        Object value = new GenericDatumReader<>(schema(words[1]), reader).read(null, decoder);
        if (!decoder.isEnd()) {
            throw new IllegalStateException("bytes left over");
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(out, null);
        new GenericDatumWriter<>(reader).write(value, encoder);
        encoder.flush();
        return HexFormat.of().formatHex(out.toByteArray());
    }

    public static void main(String[] arguments) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String answer;
            try {
                answer = "ok " + resolve(line.split(" "));
            } catch (Exception | StackOverflowError problem) {
                answer = ("error " + problem).replaceAll("\\s+", " ");
            }
            System.out.println(answer);
            System.out.flush();
        }
    }
}
