package function;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a handler is given; the template fills it in.
 *
 * @param path behind the function's name; at least "/", decoded
 * @param query by name, decoded; a name that is given twice has two values
 * @param headers by name, in upper or lower case
 */
public record Request(String method, String path, Map<String, List<String>> query, Map<String, List<String>> headers, byte[] body) {
    /** The first value of a header. */
    public Optional<String> header(String name) {
        return Optional.ofNullable(headers.get(name)).flatMap(values -> values.stream().findFirst());
    }

    /** The body as UTF-8. */
    public String text() {
        return new String(body, StandardCharsets.UTF_8);
    }
}
