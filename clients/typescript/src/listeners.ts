// Those who want to know; what one of them throws is their own, and stops neither the others nor the book.

export class Listeners<T> {
  private readonly all = new Set<(value: T) => void>();

  /** Returns what ends it. */
  add(listener: (value: T) => void): () => void {
    // Its own, so that the same function can be given twice.
    const own = (value: T): void => listener(value);
    this.all.add(own);
    return () => this.all.delete(own);
  }

  tell(value: T): void {
    for (const listener of [...this.all]) {
      try {
        listener(value);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
