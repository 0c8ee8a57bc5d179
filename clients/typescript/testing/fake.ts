/** A server for tests that says what it is told to, over a `fetch` of its own. */

/** A connection that is open: what is pushed arrives, until it is closed or the client leaves. */
export class Connection {
  readonly request: Request;
  readonly response: Response;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  isOpen = true;

  constructor(request: Request) {
    this.request = request;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
      },
      cancel: () => {
        this.isOpen = false;
      },
    });
    request.signal.addEventListener("abort", () => this.break(request.signal.reason));
    this.response = new Response(body, { headers: { "Content-Type": "text/event-stream" } });
  }

  /** Sends a frame: the lines that are given, and an empty one. */
  frame(fields: { event?: string; id?: string; data?: unknown }): void {
    const { event, id, data } = fields;
    const lines = [
      ...(id === undefined ? [] : [`id: ${id}`]),
      ...(event === undefined ? [] : [`event: ${event}`]),
      ...(data === undefined ? [] : [`data: ${JSON.stringify(data)}`]),
    ];
    this.text(`${lines.join("\n")}\n\n`);
  }

  /** Sends text as it is. */
  text(text: string): void {
    if (this.isOpen) this.#controller?.enqueue(new TextEncoder().encode(text));
  }

  /** Ends the answer. */
  close(): void {
    if (this.isOpen) this.#controller?.close();
    this.isOpen = false;
  }

  /** Breaks the answer off. */
  break(error: unknown = new TypeError("the network is gone")): void {
    if (this.isOpen) this.#controller?.error(error);
    this.isOpen = false;
  }
}

/** Answers a request: a response, or null for an event stream. */
export type Answer = (request: Request) => Response | Promise<Response> | null;

/** What was asked, and the streams that are open. */
export class FakeServer {
  readonly requests: Request[] = [];
  readonly connections: Connection[] = [];
  answer: Answer = () => null;

  readonly fetch: typeof fetch = async (input, init) => {
    const { signal, ...rest } = init ?? {};
    const request = new Request(String(input), signal ? { ...rest, signal } : rest);
    this.requests.push(request);
    if (signal?.aborted) throw signal.reason;
    const answer = await this.answer(request);
    if (answer !== null) return answer;
    const connection = new Connection(request);
    this.connections.push(connection);
    return connection.response;
  };

  /** The connection that was made last. */
  get last(): Connection {
    const last = this.connections.at(-1);
    if (last === undefined) throw new Error("nobody has connected");
    return last;
  }
}

/** A refusal. */
export function problem(status: number, code: string): Response {
  const body = { type: `urn:milepost:problem:${code}`, title: code, status, detail: `it is ${code}`, code };
  return new Response(JSON.stringify(body), {
    status,
    headers: { "Content-Type": "application/problem+json" },
  });
}
