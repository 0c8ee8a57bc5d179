import type { ConnectionStatus, MilepostError } from "@milepost/client";

const WORDS: Record<ConnectionStatus, string> = {
  connecting: "Connecting",
  replaying: "Catching up",
  live: "Live",
  reconnecting: "Reconnecting",
  paused: "Paused",
  ended: "Ended",
  failed: "Disconnected",
};

const MEANINGS: Record<ConnectionStatus, string> = {
  connecting: "The connection is being made.",
  replaying: "What happened meanwhile is coming in.",
  live: "Everything that happens is shown at once.",
  reconnecting: "The connection was lost. It is being made again, and nothing will be missing.",
  paused: "The page was in the background. It goes on from where it was.",
  ended: "The run is over, and everything was seen.",
  failed: "The server refuses this.",
};

/** How this page is connected and how far it has seen. */
export function Connection({
  status,
  seq,
  cursor,
}: {
  status: ConnectionStatus;
  seq?: number;
  cursor?: string | null;
}) {
  return (
    <span className="connection" data-status={status} title={MEANINGS[status]}>
      <span className="connection-dot" />
      <span role="status">{WORDS[status]}</span>
      {seq !== undefined && (
        <span
          className="mono quiet"
          title={cursor ? `Cursor ${cursor}` : undefined}
          data-testid="cursor"
          data-cursor={cursor ?? ""}
        >
          #{seq}
        </span>
      )}
    </span>
  );
}

/** Says over the page, without moving it, that what it shows may be old. */
export function ConnectionBanner({
  status,
  error,
}: {
  status: ConnectionStatus;
  error: MilepostError | null;
}) {
  const lost = status === "reconnecting";
  return (
    <div className="banner" data-shown={lost || undefined} role="alert">
      {lost && (
        <p>
          <strong>Connection lost.</strong> This is how it stood. Reconnecting; nothing will be missing.
          {error && error.code !== "unreachable" && <span className="quiet"> ({error.message})</span>}
        </p>
      )}
    </div>
  );
}
