import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef } from "react";
import { Notice } from "../../components/notice";
import { bytes, plural } from "../../format/amount";
import { isOver, type Message, type Snapshot } from "../../model/run";

/** What was said, by whom; texts grow while they are written. */
export function MessagesPanel({ snapshot }: { snapshot: Snapshot }) {
  const { messages, messages_omitted: omitted } = snapshot;
  const viewport = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: messages.length,
    getScrollElement: () => viewport.current,
    estimateSize: () => 96,
    overscan: 6,
  });
  const last = useRef(virtual);
  last.current = virtual;
  useEffect(() => {
    if (messages.length > 0) last.current.scrollToIndex(messages.length - 1, { align: "end" });
  }, [messages.length]);
  if (messages.length === 0) {
    return (
      <Notice icon="text" title={isOver(snapshot.state) ? "Nothing was said" : "Nothing was said yet"} />
    );
  }
  return (
    <section className="messages" aria-label="Messages">
      {omitted > 0 && (
        <p className="quiet">{plural(omitted, "older message")} left out here; the event log has them.</p>
      )}
      <div
        className="messages-viewport"
        ref={viewport}
        tabIndex={0}
        role="log"
        aria-label="Messages"
        aria-live="off"
      >
        <div className="log-rows" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((item) => {
            const message = messages[item.index];
            return (
              message && (
                <div
                  key={item.key}
                  ref={virtual.measureElement}
                  data-index={item.index}
                  className="message-place"
                  style={{ transform: `translateY(${item.start}px)` }}
                >
                  <MessageView message={message} />
                </div>
              )
            );
          })}
        </div>
      </div>
    </section>
  );
}

function MessageView({ message }: { message: Message }) {
  return (
    <article className="message" data-role={message.role}>
      <header>
        <strong>{message.role}</strong>
        <span className="mono quiet clip">{message.run}</span>
        {!message.final && <span className="writing">writing</span>}
      </header>
      <p className="message-text">{message.content}</p>
      {message.omitted_bytes ? (
        <p className="quiet">{bytes(message.omitted_bytes)} more are in the event log.</p>
      ) : null}
    </article>
  );
}
