/** Times in words that people use. Everything takes milliseconds. */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How long something took: `0.4 s`, `12 s`, `3 min 20 s`, `1 h 05 min`, `2 d 3 h`. */
export function duration(ms: number): string {
  const span = Math.max(0, ms);
  if (span < 10 * SECOND) return `${(Math.floor(span / 100) / 10).toFixed(1)} s`;
  if (span < MINUTE) return `${Math.floor(span / SECOND)} s`;
  if (span < HOUR) return `${Math.floor(span / MINUTE)} min ${two((span % MINUTE) / SECOND)} s`;
  if (span < DAY) return `${Math.floor(span / HOUR)} h ${two((span % HOUR) / MINUTE)} min`;
  return `${Math.floor(span / DAY)} d ${Math.floor((span % DAY) / HOUR)} h`;
}

/** How much longer, no more exactly than an estimate deserves: so the words stand still while the number moves. */
export function remaining(ms: number): string {
  if (ms < 5 * SECOND) return "a few seconds left";
  if (ms < 55 * SECOND) return `about ${Math.ceil(ms / SECOND / 5) * 5} seconds left`;
  if (ms < 90 * SECOND) return "about a minute left";
  if (ms < 55 * MINUTE) return `about ${Math.round(ms / MINUTE)} minutes left`;
  if (ms < 90 * MINUTE) return "about an hour left";
  if (ms < 36 * HOUR) return `about ${Math.round(ms / HOUR)} hours left`;
  return `about ${Math.round(ms / DAY)} days left`;
}

/** How long ago: `just now`, `12 s ago`, `4 min ago`, `3 h ago`, `5 days ago`. */
export function ago(ms: number): string {
  if (ms < 5 * SECOND) return "just now";
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s ago`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min ago`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)} h ago`;
  const days = Math.floor(ms / DAY);
  return days === 1 ? "yesterday" : `${days} days ago`;
}

const CLOCK = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const FULL = new Intl.DateTimeFormat(undefined, {
  dateStyle: "medium",
  timeStyle: "medium",
  hourCycle: "h23",
});

/** `14:03:07`, in the reader's time zone. */
export function clock(time: string | number): string {
  return CLOCK.format(new Date(time));
}

/** `14:03:07.123`, as in a log. */
export function preciseClock(time: string): string {
  const date = new Date(time);
  return `${CLOCK.format(date)}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

/** `20 Nov 2026, 14:03:07`. */
export function moment(time: string): string {
  return FULL.format(new Date(time));
}

function two(value: number): string {
  return String(Math.floor(value)).padStart(2, "0");
}
