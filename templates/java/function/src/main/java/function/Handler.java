package function;

import com.google.gson.Gson;

/** There is one of it, and handle is called by many threads at once. */
public class Handler {
    private static final Gson GSON = new Gson();

    private record Greeting(String message, String method, String received) {}

    public Response handle(Request request) {
        return Response.json(GSON.toJson(new Greeting("Hello from Java", request.method(), request.text())));
    }
}
