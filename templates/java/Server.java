package function;

import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
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
import java.util.jar.JarFile;
import java.util.regex.Pattern;
import javax.net.ServerSocketFactory;
import org.apache.hc.core5.http.ClassicHttpRequest;
import org.apache.hc.core5.http.ClassicHttpResponse;
import org.apache.hc.core5.http.ExceptionListener;
import org.apache.hc.core5.http.HttpConnection;
import org.apache.hc.core5.http.impl.bootstrap.HttpServer;
import org.apache.hc.core5.http.impl.bootstrap.ServerBootstrap;
import org.apache.hc.core5.http.io.HttpRequestHandler;
import org.apache.hc.core5.http.io.SocketConfig;
import org.apache.hc.core5.http.io.entity.ByteArrayEntity;
import org.apache.hc.core5.http.protocol.HttpProcessorBuilder;
import org.apache.hc.core5.http.protocol.ResponseConnControl;
import org.apache.hc.core5.http.protocol.ResponseContent;
import org.apache.hc.core5.http.protocol.ResponseDate;
import org.apache.hc.core5.util.Timeout;
import sun.misc.Signal;

/**
 * Serves the Handler. The watchdog starts it once (mode=http), says in PORT where to listen, and relays every request to it.
 * With --warm-up it answers one request of its own, without the Handler, and ends: so the image build learns which classes to keep loaded.
 */
final class Server {
    /** The server writes these itself. */
    private static final Set<String> FRAMING = Set.of("connection", "content-length", "date", "keep-alive", "transfer-encoding");
    private static final Pattern HEADER_NAME = Pattern.compile("[!#$%&'*+.^_`|~0-9A-Za-z-]+");
    private static final Pattern CONTROL = Pattern.compile("[\\x00-\\x08\\x0a-\\x1f\\x7f]");

    private interface Answering {
        Response handle(Request request) throws Exception;
    }

    public static void main(String[] arguments) throws Exception {
        if (List.of(arguments).contains("--warm-up")) {
            warmUp();
            return;
        }
        // The watchdog hears of the end, too: it relays until callers have noticed and the last call is answered, then ends this process.
        Signal.handle(new Signal("TERM"), signal -> {});
        // As where no thread can be had.
        Thread.setDefaultUncaughtExceptionHandler((thread, error) -> {
            if (thread.getName().startsWith("HTTP-listener")) endWithoutConnections(error);
            error.printStackTrace();
        });
        serve(Integer.parseInt(System.getenv("PORT")), new Handler()::handle);
    }

    /** A server that takes no connections any more must not look alive: another one is started in its place. */
    private static void endWithoutConnections(Throwable why) {
        System.err.println("The function takes no connections any more, and ends:");
        why.printStackTrace();
        Runtime.getRuntime().halt(1);
    }

    private static HttpServer serve(int port, Answering handler) throws IOException {
        HttpRequestHandler answering = (request, response, context) -> answer(request, response, handler);
        var server = ServerBootstrap.bootstrap()
            .setLocalAddress(InetAddress.getLoopbackAddress())
            .setListenerPort(port)
            // Connections that the watchdog keeps are its to close: one that we close might just be called on.
            .setServerSocketFactory(new Listeners())
            .setSocketConfig(SocketConfig.custom().setSoTimeout(Timeout.DISABLED).setTcpNoDelay(true).setBacklogSize(1024).build())
            // None that judges the request: what has come so far is for the handler to take or to refuse.
            .setHttpProcessor(HttpProcessorBuilder.create().addAll(new ResponseDate(), new ResponseContent(), new ResponseConnControl()).build())
            .setRequestRouter((request, context) -> answering)
            .setExceptionListener(new Failures())
            .create();
        server.start();
        return server;
    }

    private static void answer(ClassicHttpRequest request, ClassicHttpResponse response, Answering handler) throws IOException {
        var read = read(request);
        Response answer;
        try {
            answer = handler.handle(read);
            if (answer == null) throw new NullPointerException("handle() returned null");
            check(answer);
        } catch (Throwable error) {
            error.printStackTrace();
            answer = Response.text("The function failed; its log says why.\n").withStatus(500);
        }
        // What the handler leaves of it would end the connection.
        Thread.interrupted();
        send(response, answer);
    }

    private static Request read(ClassicHttpRequest request) throws IOException {
        var target = request.getPath().split("\\?", 2);
        var headers = new TreeMap<String, List<String>>(String.CASE_INSENSITIVE_ORDER);
        for (var header : request.getHeaders()) headers.computeIfAbsent(header.getName(), name -> new ArrayList<>()).add(header.getValue());
        var entity = request.getEntity();
        var body = entity == null ? new byte[0] : entity.getContent().readAllBytes();
        // A plus is a blank in queries alone.
        var path = decoded(target[0].replace("+", "%2B"));
        return new Request(request.getMethod(), path, query(target.length == 1 ? "" : target[1]), headers, body);
    }

    private static Map<String, List<String>> query(String text) {
        var query = new LinkedHashMap<String, List<String>>();
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

    private static void check(Response response) {
        if (response.body() == null) throw new NullPointerException("the body is null");
        response.headers().forEach((name, values) -> {
            if (!HEADER_NAME.matcher(name).matches()) throw new IllegalArgumentException("\"" + name + "\" is not a header name");
            for (var value : values) {
                if (CONTROL.matcher(value).find()) throw new IllegalArgumentException("the value of header " + name + " has control characters");
            }
        });
    }

    private static void send(ClassicHttpResponse response, Response answer) {
        var status = answer.status();
        response.setCode(status);
        answer.headers().forEach((name, values) -> {
            if (!FRAMING.contains(name.toLowerCase(Locale.ROOT))) values.forEach(value -> response.addHeader(name, value));
        });
        if (status != 204 && status != 304) response.setEntity(new ByteArrayEntity(answer.body(), null));
    }

    /** The server accepts no more after the first time that this fails, as where no file can be opened any more, and says so to nobody. */
    private static final class Listeners extends ServerSocketFactory {
        @Override
        public ServerSocket createServerSocket(int port, int backlog, InetAddress address) throws IOException {
            return new ServerSocket(port, backlog, address) {
                @Override
                public Socket accept() throws IOException {
                    try {
                        return super.accept();
                    } catch (IOException error) {
                        endWithoutConnections(error);
                        throw error;
                    }
                }
            };
        }

        @Override
        public ServerSocket createServerSocket(int port, int backlog) throws IOException {
            return createServerSocket(port, backlog, null);
        }

        @Override
        public ServerSocket createServerSocket(int port) throws IOException {
            return createServerSocket(port, 0);
        }
    }

    /** Clients that leave are none of ours to tell. */
    private static final class Failures implements ExceptionListener {
        @Override
        public void onError(Exception error) {
            if (!(error instanceof IOException)) error.printStackTrace();
        }

        @Override
        public void onError(HttpConnection connection, Exception error) {
            onError(error);
        }
    }

    private static void warmUp() throws Exception {
        var server = serve(0, request -> Response.text(request.text()).withHeader("X-Path", request.path()));
        var url = new URL("http", "127.0.0.1", server.getLocalPort(), "/warm?up=1");
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
