import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** What a servlet reads of a request, in the format of reading.go. */
final class Reading {
    static byte[] of(String endpoint, Map<String, String[]> parameters) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(bytes);
        text(out, endpoint);
        int pairs = 0;
        for (String[] values : parameters.values()) {
            pairs += values.length;
        }
        out.writeInt(pairs);
        for (Map.Entry<String, String[]> parameter : parameters.entrySet()) {
            for (String value : parameter.getValue()) {
                text(out, parameter.getKey());
                text(out, value);
            }
        }
        return bytes.toByteArray();
    }

    private static void text(DataOutputStream out, String value) throws IOException {
        byte[] encoded = (value == null ? "" : value).getBytes(StandardCharsets.UTF_8);
        out.writeInt(encoded.length);
        out.write(encoded);
    }

    /** Says where the server listens, and ends the process with its input. */
    static void listening(int port) throws IOException {
        System.out.println("127.0.0.1:" + port);
        while (System.in.read() >= 0) {
        }
        Runtime.getRuntime().halt(0);
    }

    private Reading() {
    }
}
