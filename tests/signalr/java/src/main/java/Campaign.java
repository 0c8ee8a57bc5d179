import com.microsoft.signalr.HubConnection;
import com.microsoft.signalr.HubConnectionBuilder;
import com.microsoft.signalr.TransportEnum;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** What the Java client is told of a campaign, from its snapshot to its end, and then once more after a sequence. */
public final class Campaign {
    private static final long PATIENCE_SECONDS = 30;

    /** Where the campaign stands when it is subscribed to, and where it ends. */
    private static final long HEAD = 100;
    private static final long LAST = 153;

    private final HubConnection hub;
    private final String campaign;
    private final LinkedBlockingQueue<Object> heard = new LinkedBlockingQueue<>();

    private Campaign(String url, String campaign, TransportEnum transport) {
        this.campaign = campaign;
        hub = HubConnectionBuilder.create(url).withTransport(transport).build();
        for (String callback : List.of("ReceiveOrchestrationEvent", "ReceiveArtifactUpdate", "ReceiveCampaignSnapshot")) {
            hub.on(callback, heard::add, Map.class);
        }
        hub.on("ReceiveCancellationAcknowledgement", heard::add, String.class);
        hub.start().timeout(PATIENCE_SECONDS, TimeUnit.SECONDS).blockingAwait();
    }

    public static void main(String[] arguments) throws Exception {
        TransportEnum transport = TransportEnum.valueOf(arguments[2]);
        Campaign first = new Campaign(arguments[0], arguments[1], transport);
        first.invoke("SubscribeToCampaign", first.campaign);
        Map<?, ?> snapshot = (Map<?, ?>) first.next();
        expect(HEAD, number(snapshot, "lastEventSequence"));
        first.invoke("CancelRun", first.campaign + "-writer", "changed my mind");
        first.prove(HEAD + 1);

        Campaign second = new Campaign(arguments[0], arguments[1], transport);
        second.invoke("SubscribeToCampaign", second.campaign, 50);
        second.prove(51);
        // The client's threads would keep the program alive.
        System.exit(0);
    }

    /** Every sequence from {@code first} to the last, once and in order, and one acknowledgement. */
    private void prove(long first) throws InterruptedException {
        List<Object> acknowledged = new ArrayList<>();
        for (long due = first; due <= LAST; ) {
            Object next = next();
            if (next instanceof Map<?, ?> event) {
                long sequence = number(event, "sequence");
                expect(due, event.containsKey("coalescedFrom") ? number(event, "coalescedFrom") : sequence);
                due = sequence + 1;
            } else {
                acknowledged.add(next);
            }
        }
        expect(List.of(campaign + "-writer"), acknowledged);
        hub.stop().timeout(PATIENCE_SECONDS, TimeUnit.SECONDS).blockingAwait();
    }

    private void invoke(String method, Object... arguments) {
        hub.invoke(method, arguments).timeout(PATIENCE_SECONDS, TimeUnit.SECONDS).blockingAwait();
    }

    private Object next() throws InterruptedException {
        Object next = heard.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
        if (next == null) {
            throw new AssertionError("nothing came");
        }
        return next;
    }

    private static long number(Map<?, ?> members, String name) {
        return ((Number) members.get(name)).longValue();
    }

    private static void expect(Object expected, Object found) {
        if (!expected.equals(found)) {
            throw new AssertionError("expected " + expected + ", found " + found);
        }
    }
}
