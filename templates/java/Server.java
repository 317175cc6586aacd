package function;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URL;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Executors;
import java.util.jar.JarFile;
import sun.misc.Signal;

/**
 * Serves the Handler. The watchdog starts it once (mode=http), says in PORT where to listen, and relays every request to it.
 * With --warm-up it answers one request of its own, without the Handler, and ends: so the image build learns which classes to keep loaded.
 */
final class Server {
    /** The server writes these itself. */
    private static final Set<String> FRAMING = Set.of("connection", "content-length", "date", "keep-alive", "transfer-encoding");

    private interface Answering {
        Response handle(Request request) throws Exception;
    }

    public static void main(String[] arguments) throws Exception {
        // Without it, an answer in two packets waits 40 ms for the first one's receipt.
        System.setProperty("sun.net.httpserver.nodelay", "true");
        // Connections that the watchdog keeps are its to close: one that we close might just be called on.
        System.setProperty("sun.net.httpserver.maxIdleConnections", "10000");
        if (List.of(arguments).contains("--warm-up")) {
            warmUp();
            return;
        }
        // The watchdog hears of the end, too: it relays until callers have noticed and the last call is answered, then ends this process.
        Signal.handle(new Signal("TERM"), signal -> {});
        serve(Integer.parseInt(System.getenv("PORT")), new Handler()::handle);
    }

    private static HttpServer serve(int port, Answering handler) throws IOException {
        var server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 1024);
        server.createContext("/", exchange -> answer(exchange, handler));
        server.setExecutor(Executors.newCachedThreadPool());
        server.start();
        return server;
    }

    private static void answer(HttpExchange exchange, Answering handler) throws IOException {
        Response response;
        try {
            response = handler.handle(read(exchange));
            if (response == null) throw new NullPointerException("handle() returned null");
            setHeaders(exchange, response);
        } catch (Throwable error) {
            error.printStackTrace();
            exchange.getResponseHeaders().clear();
            response = Response.text("The function failed; its log says why.\n").withStatus(500);
            setHeaders(exchange, response);
        }
        send(exchange, response);
    }

    private static Request read(HttpExchange exchange) throws IOException {
        var uri = exchange.getRequestURI();
        var headers = new TreeMap<String, List<String>>(String.CASE_INSENSITIVE_ORDER);
        exchange.getRequestHeaders().forEach((name, values) -> headers.put(name, List.copyOf(values)));
        var body = exchange.getRequestBody().readAllBytes();
        return new Request(exchange.getRequestMethod(), uri.getPath(), query(uri.getRawQuery()), headers, body);
    }

    private static Map<String, List<String>> query(String text) {
        var query = new LinkedHashMap<String, List<String>>();
        if (text == null) return query;
        for (var pair : text.split("&")) {
            if (pair.isEmpty()) continue;
            var parts = pair.split("=", 2);
            query.computeIfAbsent(decoded(parts[0]), name -> new ArrayList<>()).add(parts.length == 1 ? "" : decoded(parts[1]));
        }
        return query;
    }

    /** Text with a broken escape stays as it is. */
    private static String decoded(String text) {
        try {
            return URLDecoder.decode(text, StandardCharsets.UTF_8);
        } catch (IllegalArgumentException broken) {
            return text;
        }
    }

    /** One by one: putAll would let line breaks through. */
    private static void setHeaders(HttpExchange exchange, Response response) {
        response.headers().forEach((name, values) -> {
            if (!FRAMING.contains(name.toLowerCase(Locale.ROOT))) exchange.getResponseHeaders().put(name, values);
        });
    }

    private static void send(HttpExchange exchange, Response response) throws IOException {
        var body = response.body();
        var status = response.status();
        try (exchange) {
            if (exchange.getRequestMethod().equals("HEAD")) {
                exchange.getResponseHeaders().set("Content-Length", String.valueOf(body.length));
                exchange.sendResponseHeaders(status, -1);
            } else if (body.length == 0 || status == 204 || status == 304) {
                exchange.sendResponseHeaders(status, -1);
            } else {
                exchange.sendResponseHeaders(status, body.length);
                exchange.getResponseBody().write(body);
            }
        }
    }

    private static void warmUp() throws Exception {
        var server = serve(0, request -> Response.text(request.text()).withHeader("X-Path", request.path()));
        var url = new URL("http", "127.0.0.1", server.getAddress().getPort(), "/warm?up=1");
        var connection = (HttpURLConnection) url.openConnection();
        connection.setDoOutput(true);
        connection.getOutputStream().write("hi".getBytes(StandardCharsets.UTF_8));
        if (connection.getResponseCode() != 200) throw new IllegalStateException("answered " + connection.getResponseCode());
        connection.getInputStream().readAllBytes();
        for (var jar : System.getProperty("java.class.path").split(":")) loadClasses(jar);
        System.exit(0);
    }

    /** Loads what is in it, and runs none of it. */
    private static void loadClasses(String jar) throws IOException {
        try (var file = new JarFile(jar)) {
            for (var entry : Collections.list(file.entries())) {
                var name = entry.getName();
                if (!name.endsWith(".class") || name.startsWith("META-INF/") || name.equals("module-info.class")) continue;
                try {
                    Class.forName(name.substring(0, name.length() - 6).replace('/', '.'), false, Server.class.getClassLoader());
                } catch (LinkageError | ClassNotFoundException optional) {
                    // It is for a package that is not there: the function can do without it.
                }
            }
        }
    }
}
