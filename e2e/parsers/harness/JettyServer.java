import java.io.IOException;
import javax.servlet.http.HttpServlet;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.servlet.ServletContextHandler;
import org.eclipse.jetty.servlet.ServletHolder;

/** A Jetty with its defaults, and a servlet at each endpoint. */
public final class JettyServer {
    static final class Endpoint extends HttpServlet {
        private final String name;

        Endpoint(String name) {
            this.name = name;
        }

        @Override
        protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
            byte[] reading = Reading.of(name, request.getParameterMap());
            response.setContentLength(reading.length);
            response.getOutputStream().write(reading);
        }
    }

    public static void main(String[] paths) throws Exception {
        Server server = new Server();
        ServerConnector connector = new ServerConnector(server, 1, 1);
        connector.setHost("127.0.0.1");
        server.addConnector(connector);
        ServletContextHandler context = new ServletContextHandler(server, "/");
        context.addServlet(new ServletHolder(new Endpoint("authorize")), paths[0]);
        context.addServlet(new ServletHolder(new Endpoint("token")), paths[1]);
        context.addServlet(new ServletHolder(new Endpoint("")), "/");
        server.start();
        Reading.listening(connector.getLocalPort());
    }
}
