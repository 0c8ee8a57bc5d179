import type { Event } from "@milepost/client";
import { useMilepost } from "@milepost/react";
import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { Json } from "../../artifacts/json";
import { Dialog } from "../../components/dialog";
import { Icon } from "../../components/icon";
import { count } from "../../format/amount";
import { moment, preciseClock } from "../../format/time";
import type { Snapshot } from "../../model/run";
import { EventPages } from "./event_pages";
import { summary } from "./summary";

const ROW_HEIGHT = 28;
/** So near to the end, in pixels, one is taken to want to see what comes. */
const NEAR = 40;

/** The whole log of the stream. It stays at its end as events come, until one scrolls up. */
export function EventsPanel({ snapshot, head }: { snapshot: Snapshot; head: number }) {
  const client = useMilepost();
  const pages = useMemo(() => new EventPages(client, snapshot.stream), [client, snapshot.stream]);
  useSyncExternalStore(pages.subscribe, () => pages.version);
  const viewport = useRef<HTMLDivElement>(null);
  const [following, follow] = useState(true);
  const [open, setOpen] = useState<Event | null>(null);
  const virtual = useVirtualizer({
    count: head,
    getScrollElement: () => viewport.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 12,
  });
  const items = virtual.getVirtualItems();
  const first = (items[0]?.index ?? 0) + 1;
  const last = (items.at(-1)?.index ?? 0) + 1;
  useEffect(() => pages.want(first, last, head), [pages, first, last, head]);
  useEffect(() => {
    const element = viewport.current;
    if (following && element && head > 0) element.scrollTop = element.scrollHeight;
  }, [following, head]);
  const scrolled = () => {
    const element = viewport.current;
    if (element) follow(element.scrollHeight - element.scrollTop - element.clientHeight < NEAR);
  };
  return (
    <section className="log" aria-label="Event log">
      <div className="log-bar">
        <GoTo head={head} onGo={(seq) => virtual.scrollToIndex(seq - 1, { align: "center" })} />
        <span className="topbar-space" />
        {pages.error && <span className="form-error">{pages.error.message}</span>}
        <button type="button" className="button" aria-pressed={following} onClick={() => follow(!following)}>
          <Icon name={following ? "check" : "down"} />
          {following ? "Following the end" : "Follow the end"}
        </button>
      </div>
      <div
        className="log-viewport"
        ref={viewport}
        onScroll={scrolled}
        tabIndex={0}
        role="region"
        aria-label={`${count(head)} events`}
      >
        <div className="log-rows" style={{ height: virtual.getTotalSize() }}>
          {items.map((item) => (
            <EventRow
              key={item.key}
              seq={item.index + 1}
              event={pages.at(item.index + 1)}
              top={item.start}
              onOpen={setOpen}
            />
          ))}
        </div>
      </div>
      {open && <EventDialog event={open} onClose={() => setOpen(null)} />}
    </section>
  );
}

interface RowProperties {
  seq: number;
  event: Event | undefined;
  top: number;
  onOpen: (event: Event) => void;
}

const EventRow = memo(function EventRow({ seq, event, top, onOpen }: RowProperties) {
  const style = { transform: `translateY(${top}px)` };
  if (!event) {
    return (
      <div className="log-row" style={style} data-seq={seq}>
        <span className="log-seq">{seq}</span>
      </div>
    );
  }
  const text = summary(event);
  return (
    <button
      type="button"
      className="log-row"
      style={style}
      data-seq={seq}
      data-group={event.type.split(".")[0]}
      onClick={() => onOpen(event)}
    >
      <span className="log-seq">{seq}</span>
      <span className="log-time">{preciseClock(event.time)}</span>
      <span className="log-type clip">{event.type}</span>
      <span className="log-run clip">{event.run}</span>
      <span className="log-text clip">{text}</span>
    </button>
  );
});

function GoTo({ head, onGo }: { head: number; onGo: (seq: number) => void }) {
  return (
    <form
      className="go-to"
      onSubmit={(event) => {
        event.preventDefault();
        const seq = Number(new FormData(event.currentTarget).get("seq"));
        if (seq >= 1) onGo(Math.min(seq, head));
      }}
    >
      <label>
        <span>Go to</span>
        <input
          name="seq"
          inputMode="numeric"
          pattern="[0-9]*"
          placeholder="sequence"
          size={9}
          autoComplete="off"
        />
      </label>
    </form>
  );
}

function EventDialog({ event, onClose }: { event: Event; onClose: () => void }) {
  return (
    <Dialog title={`#${event.seq} ${event.type}`} onClose={onClose} wide>
      <dl className="pairs">
        <div>
          <dt>Run</dt>
          <dd className="mono">{event.run}</dd>
        </div>
        <div>
          <dt>Time</dt>
          <dd title={event.time}>{moment(event.time)}</dd>
        </div>
        <div>
          <dt>Id</dt>
          <dd className="mono">{event.id}</dd>
        </div>
      </dl>
      <Json value={event.data} />
    </Dialog>
  );
}
