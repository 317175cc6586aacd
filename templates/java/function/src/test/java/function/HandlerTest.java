package function;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.junit.jupiter.api.Test;

class HandlerTest {
    @Test
    void saysHelloAndGivesBackWhatItReceived() throws Exception {
        var request = new Request("POST", "/", Map.of(), Map.of(), "hi".getBytes(StandardCharsets.UTF_8));
        var response = new Handler().handle(request);
        assertEquals(200, response.status());
        assertEquals(
            "{\"message\":\"Hello from Java\",\"method\":\"POST\",\"received\":\"hi\"}",
            new String(response.body(), StandardCharsets.UTF_8));
    }
}
