/**
 * Grows the pause between attempts to connect: a random part of a time that
 * doubles with each attempt. It is never less than a quarter of the shortest
 * one. The random part keeps the clients of a node that died from coming back
 * in one moment.
 */
export class Backoff {
  #attempt = 0;

  constructor(
    private readonly min: number,
    private readonly max: number,
    private readonly random: () => number = Math.random,
  ) {}

  next(): number {
    const ceiling = Math.min(this.max, this.min * 2 ** this.#attempt);
    if (ceiling < this.max) {
      this.#attempt++;
    }
    const floor = this.min / 4;
    return floor + this.random() * (ceiling - floor);
  }

  reset(): void {
    this.#attempt = 0;
  }
}
