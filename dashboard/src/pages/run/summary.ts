import type { Event } from "@milepost/client";
import { amount, bytes } from "../../format/amount";

/** What an event says, in a line. */
export function summary(event: Event): string {
  const data = event.data;
  const text = (key: string) => (typeof data[key] === "string" ? (data[key] as string) : "");
  const number = (key: string) => (typeof data[key] === "number" ? (data[key] as number) : null);
  switch (event.type) {
    case "run.created":
      return join(text("kind"), text("name"));
    case "run.progressed":
      return join(
        text("stage"),
        text("message"),
        amount(number("current"), number("total"), text("unit")) ?? "",
      );
    case "run.started":
      return `attempt ${number("attempt") ?? 1}`;
    case "artifact.appended":
      return join(text("artifact"), text("chunk"));
    case "state.updated":
      return data["patch"]
        ? JSON.stringify(data).slice(0, 300)
        : `${text("key")} = ${JSON.stringify(data["value"])}`;
    case "run.failed":
    case "artifact.failed":
      return reason(data.error);
    case "run.cancelled":
      return join(data.acknowledged === true ? "acknowledged" : "by the server", text("reason"));
    case "artifact.pending":
      return join(text("artifact"), text("name"), text("media_type"));
    case "artifact.ready":
      return join(
        text("artifact"),
        text("media_type"),
        number("size") === null ? "" : bytes(number("size") ?? 0),
      );
    case "message.appended":
      return join(text("role"), text("content"));
    default:
      return Object.keys(data).length === 0 ? "" : JSON.stringify(data).slice(0, 300);
  }
}

function reason(error: unknown): string {
  const { code, message } = (error ?? {}) as { code?: string; message?: string };
  return join(code ?? "", message ?? "");
}

function join(...parts: string[]): string {
  return parts.filter(Boolean).join(" · ").slice(0, 300);
}
