/** A queue between who gets items and who iterates over them. */

interface Reader<Item> {
  resolve(result: IteratorResult<Item, undefined>): void;
  reject(error: unknown): void;
}

/** Items in their order, then the end or an error. For one reader. */
export class Channel<Item> implements AsyncIterableIterator<Item, undefined> {
  #items: Item[] = [];
  #readers: Reader<Item>[] = [];
  #end: { error?: unknown } | null = null;
  readonly #onReturn: () => void;

  /** `onReturn` is called when the reader leaves. */
  constructor(onReturn: () => void = () => undefined) {
    this.#onReturn = onReturn;
  }

  /** Items that nobody has read yet. */
  get length(): number {
    return this.#items.length;
  }

  push(item: Item): void {
    if (this.#end !== null) return;
    const reader = this.#readers.shift();
    if (reader === undefined) this.#items.push(item);
    else reader.resolve({ done: false, value: item });
  }

  /** Puts `items` in the place of everything that was not read. */
  replace(items: Item[]): void {
    this.#items = items;
  }

  /** Nothing follows what is in the queue. */
  end(): void {
    this.#close({});
  }

  /** Nothing follows what is in the queue but `error`. */
  fail(error: unknown): void {
    this.#close({ error });
  }

  next(): Promise<IteratorResult<Item, undefined>> {
    const item = this.#items.shift();
    if (item !== undefined) return Promise.resolve({ done: false, value: item });
    return new Promise((resolve, reject) => {
      if (this.#end === null) this.#readers.push({ resolve, reject });
      else this.#finish({ resolve, reject });
    });
  }

  return(): Promise<IteratorResult<Item, undefined>> {
    this.#items = [];
    this.end();
    this.#onReturn();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #close(end: { error?: unknown }): void {
    this.#end ??= end;
    for (const reader of this.#readers.splice(0)) this.#finish(reader);
  }

  /** An error is told once. */
  #finish(reader: Reader<Item>): void {
    const end = this.#end ?? {};
    this.#end = {};
    if ("error" in end) reader.reject(end.error);
    else reader.resolve({ done: true, value: undefined });
  }
}
