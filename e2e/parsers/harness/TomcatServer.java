import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import org.apache.catalina.Context;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.startup.Tomcat;

/** A Tomcat with its defaults, and a servlet at each endpoint. */
public final class TomcatServer {
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

    public static void main(String[] arguments) throws Exception {
        Tomcat tomcat = new Tomcat();
        tomcat.setBaseDir(arguments[2]);
        Connector connector = new Connector();
        connector.setPort(0);
        connector.setProperty("address", "127.0.0.1");
        // The laboratory sends all requests over one connection.
        connector.setProperty("maxKeepAliveRequests", "-1");
        tomcat.setConnector(connector);
        Context context = tomcat.addContext("", arguments[2]);
        add(context, "authorize", arguments[0]);
        add(context, "token", arguments[1]);
        add(context, "", "/");
        tomcat.start();
        Reading.listening(connector.getLocalPort());
    }

    private static void add(Context context, String name, String path) {
        Tomcat.addServlet(context, "servlet " + name, new Endpoint(name));
        context.addServletMappingDecoded(path, "servlet " + name);
    }
}
