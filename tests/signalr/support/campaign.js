// A subscriber of campaigns that writes down everything it is told.

import { connection, until } from "./clients.js";

const callbacks = [
  "ReceiveOrchestrationEvent",
  "ReceiveArtifactUpdate",
  "ReceiveCampaignSnapshot",
  "ReceiveCancellationAcknowledgement",
];

export class Subscriber {
  /** What came, in order: `[callback, argument]`. */
  heard = [];

  constructor(url, how) {
    this.hub = connection(url, how);
    for (const callback of callbacks) {
      this.hub.on(callback, (argument) => void this.heard.push([callback, argument]));
    }
  }

  static async start(url, how) {
    const subscriber = new Subscriber(url, how);
    await subscriber.hub.start();
    return subscriber;
  }

  of(callback) {
    return this.heard.filter(([name]) => name === callback).map(([, argument]) => argument);
  }

  /** Both kinds of events, in order of arrival. */
  get events() {
    return this.heard
      .filter(([, argument]) => argument.sequence !== undefined)
      .map(([, argument]) => argument);
  }

  get snapshots() {
    return this.of("ReceiveCampaignSnapshot");
  }

  /** The last sequence that was seen, by an event or a snapshot. */
  get last() {
    const [, last] = this.heard.findLast(
      ([, argument]) => argument.sequence ?? argument.lastEventSequence,
    ) ?? [undefined, {}];
    return last.sequence ?? last.lastEventSequence ?? 0;
  }

  reaches(sequence, ms) {
    return until(() => this.last >= sequence, `sequence ${sequence}, after ${this.last}`, ms);
  }
}

/** Fails unless every sequence from `first` on came once and in order, or is said to be superseded progress. */
export function proveContiguous(events, first) {
  let next = first;
  for (const event of events) {
    if ((event.coalescedFrom ?? event.sequence) !== next)
      throw new Error(`${JSON.stringify(event)} came when ${next} was due`);
    next = event.sequence + 1;
  }
  return next - 1;
}
