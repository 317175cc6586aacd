package function;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What a handler answers. */
public record Response(int status, Map<String, List<String>> headers, byte[] body) {
    public Response {
        if (status < 200 || status > 599) throw new IllegalArgumentException("status " + status + " is not a code from 200 to 599");
    }

    public static Response text(String text) {
        return of("text/plain; charset=utf-8", text.getBytes(StandardCharsets.UTF_8));
    }

    /** @param json the JSON text */
    public static Response json(String json) {
        return of("application/json", json.getBytes(StandardCharsets.UTF_8));
    }

    public static Response of(String contentType, byte[] body) {
        return new Response(200, Map.of("Content-Type", List.of(contentType)), body);
    }

    public Response withStatus(int status) {
        return new Response(status, headers, body);
    }

    /** In place of what that header was; it may have more than one value. */
    public Response withHeader(String name, String... values) {
        var more = new TreeMap<String, List<String>>(String.CASE_INSENSITIVE_ORDER);
        more.putAll(headers);
        more.put(name, List.of(values));
        return new Response(status, more, body);
    }
}
