/** A queue between who gets items and who iterates over them. */

/** Items in their order, then the end or an error. For one reader. */
export class Channel<Item> {
  #items: Item[] = [];
  #end: { error?: unknown } | null = null;
  #wake: () => void = () => undefined;

  /** Items that nobody has read yet. */
  get length(): number {
    return this.#items.length;
  }

  push(item: Item): void {
    this.#items.push(item);
    this.#wake();
  }

  /** Puts `items` in the place of what nobody has read yet. */
  replace(items: Item[]): void {
    this.#items = items;
    this.#wake();
  }

  /** Nothing follows what is in the queue; with `error`, that does. */
  end(end: { error?: unknown } = {}): void {
    this.#end ??= end;
    this.#wake();
  }

  async *read(): AsyncGenerator<Item, undefined> {
    for (;;) {
      while (this.#items.length > 0) yield this.#items.shift() as Item;
      if (this.#end !== null) break;
      await new Promise<void>((wake) => {
        this.#wake = wake;
      });
    }
    if ("error" in this.#end) throw this.#end.error;
  }
}
