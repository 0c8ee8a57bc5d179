/** A producer, by plain HTTP. */

export class Runs {
  constructor(server, project = "default") {
    this.server = server;
    this.project = project;
  }

  get base() {
    return `${this.server.url}/v1/projects/${this.project}/runs`;
  }

  async create(id, more = {}) {
    return this.#call("POST", "", { id, kind: "work", state: "running", ...more });
  }

  async publish(id, ...events) {
    return this.#call("POST", `/${id}/events`, events);
  }

  async progress(id, current, total, message, more = {}) {
    return this.publish(id, { type: "run.progressed", data: { current, total, message, ...more } });
  }

  async cancel(id, more = {}) {
    return this.#call("POST", `/${id}/cancel`, more);
  }

  async snapshot(id) {
    return this.#call("GET", `/${id}`);
  }

  async artifact(id, artifact, type, bytes, more = {}) {
    const query = new URLSearchParams({ media_type: type, ...more });
    const response = await fetch(`${this.base}/${id}/artifacts/${artifact}?${query}`, {
      method: "PUT",
      body: bytes,
    });
    if (!response.ok) throw new Error(`${artifact}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  async #call(method, path, body) {
    const headers = { "content-type": "application/json" };
    const response = await fetch(this.base + path, { method, headers, body: body && JSON.stringify(body) });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }
}

/** What the fold of events does not decide. */
export function folded(snapshot) {
  const { time: _, ...rest } = snapshot;
  return { ...rest, runs: rest.runs.map(({ lease_expires_at: _, ...run }) => run) };
}

/** What the page has folded of a run. */
export async function seen(page, run) {
  return page.evaluate((id) => globalThis.milepost?.view(id), run);
}
