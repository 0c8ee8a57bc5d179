import { type Run, type Shown, STATE_WORDS, shown } from "../model/run";

/** A state by shape as much as by colour, so that it is told apart without seeing colours. */
export function StateMark({ state }: { state: Shown }) {
  return (
    <svg
      className="mark"
      data-state={state}
      viewBox="0 0 16 16"
      width="16"
      height="16"
      role="img"
      aria-label={STATE_WORDS[state]}
    >
      <Shape state={state} />
    </svg>
  );
}

function Shape({ state }: { state: Shown }) {
  switch (state) {
    case "queued":
      return <circle className="mark-line" cx="8" cy="8" r="5" strokeDasharray="2 2.2" />;
    case "running":
      return <Underway line="M8 3a5 5 0 0 1 5 5" />;
    case "waiting":
      return <path className="mark-line" d="M6 4.5v7M10 4.5v7" />;
    case "stalled":
      return <path className="mark-line" d="M8 3.2v6M8 12.2v.4" />;
    case "cancelling":
      return <Underway line="M6.2 6.2h3.6v3.6H6.2z" />;
    case "completed":
      return <Over cut="M5.3 8.2l1.9 1.9 3.5-4" />;
    case "failed":
      return <Over cut="M6 6l4 4m0-4l-4 4" />;
    case "cancelled":
      return <Over cut="M5.5 8h5" />;
  }
}

function Underway({ line }: { line: string }) {
  return (
    <>
      <circle className="mark-track" cx="8" cy="8" r="5" />
      <path className="mark-line" d={line} />
    </>
  );
}

function Over({ cut }: { cut: string }) {
  return (
    <>
      <circle className="mark-disc" cx="8" cy="8" r="6" />
      <path className="mark-cut" d={cut} />
    </>
  );
}

export function StateWord({ run }: { run: Run }) {
  const state = shown(run);
  return (
    <span className="state-word" data-state={state}>
      <StateMark state={state} />
      {STATE_WORDS[state]}
    </span>
  );
}
