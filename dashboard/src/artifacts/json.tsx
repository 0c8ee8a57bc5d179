import { memo } from "react";

/** Longer than this, a browser is slow to lay it out; the whole is to be had as a download. */
const SHOWN_CHARACTERS = 200_000;
const TOKENS = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** JSON, indented and coloured. It is text all the way: nothing of it becomes markup. */
export const Json = memo(function Json({ value }: { value: unknown }) {
  const text = JSON.stringify(value, null, 2) ?? "";
  const shown = text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}\n…` : text;
  return (
    <pre className="code" tabIndex={0} role="region" aria-label="JSON">
      {colour(shown)}
    </pre>
  );
});

function colour(text: string) {
  const parts = [];
  let at = 0;
  for (const match of text.matchAll(TOKENS)) {
    if (match.index > at) parts.push(text.slice(at, match.index));
    const [whole, string, colon] = match;
    const kind = string ? (colon ? "key" : "string") : "number";
    parts.push(
      <span key={match.index} className={`json-${kind}`}>
        {whole}
      </span>,
    );
    at = match.index + whole.length;
  }
  parts.push(text.slice(at));
  return parts;
}
