import com.microsoft.signalr.HubConnection;
import com.microsoft.signalr.HubConnectionBuilder;
import com.microsoft.signalr.TransportEnum;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** What the Java client can do with the conformance server, over the transports that it has. */
public final class Client {
    private static final long PATIENCE_SECONDS = 10;

    public static void main(String[] arguments) throws Exception {
        for (TransportEnum transport : List.of(TransportEnum.WEBSOCKETS, TransportEnum.LONG_POLLING)) {
            check(arguments[0], transport);
        }
        // The client's threads would keep the program alive.
        System.exit(0);
    }

    private static void check(String url, TransportEnum transport) throws Exception {
        HubConnection hub = HubConnectionBuilder.create(url).withTransport(transport).build();
        LinkedBlockingQueue<String> heard = new LinkedBlockingQueue<>();
        hub.on("GroupMessage", (group, text) -> heard.add(group + " " + text), String.class, String.class);
        hub.start().timeout(PATIENCE_SECONDS, TimeUnit.SECONDS).blockingAwait();

        expect("Hello, Ada", hub.invoke(String.class, "Greet", "Ada").timeout(PATIENCE_SECONDS, TimeUnit.SECONDS).blockingGet());
        expect(5, hub.invoke(Integer.class, "Add", 2, 3).timeout(PATIENCE_SECONDS, TimeUnit.SECONDS).blockingGet());
        hub.invoke("Nothing").timeout(PATIENCE_SECONDS, TimeUnit.SECONDS).blockingAwait();
        expect(List.of("a", "b", "c"), hub.stream(String.class, "Stream").toList().blockingGet());
        expect("\u001e \"two\"", hub.invoke(String.class, "Echo", "\u001e \"two\"").blockingGet());

        hub.invoke("Join", "java").blockingAwait();
        hub.send("SendToGroup", "java", "hello");
        expect("java hello", heard.poll(PATIENCE_SECONDS, TimeUnit.SECONDS));

        try {
            hub.invoke("ThrowHubException", "oops").blockingAwait();
            throw new AssertionError("an exception was expected");
        } catch (RuntimeException refused) {
            if (!refused.getMessage().contains("HubException: oops")) {
                throw refused;
            }
        }
        hub.stop().timeout(PATIENCE_SECONDS, TimeUnit.SECONDS).blockingAwait();
        System.out.println("ok " + transport);
    }

    private static void expect(Object expected, Object found) {
        if (!Objects.equals(expected, found)) {
            throw new AssertionError("expected " + expected + ", found " + found);
        }
    }
}
