/** The time that a virtual card lives by: the system's, or one that a test drives. */

/** Milliseconds since an arbitrary start, and a way to wait for some. */
export type Clock = {
  now(): number
  /**
   * Resolves when `ms` milliseconds of this clock have passed.
   * @param cancelled - ends the wait early, so that nothing keeps a program alive that nobody waits for any more
   */
  sleep(ms: number, cancelled?: AbortSignal): Promise<void>
}

/** The computer's own clock. It never goes backwards, whatever becomes of the date. */
export const systemClock: Clock = {
  now: () => performance.now(),
  sleep: (ms, cancelled) =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      cancelled?.addEventListener("abort", () => {
        clearTimeout(timer)
        resolve()
      })
    }),
}

/** A clock that stands until somebody moves it. */
export type ManualClock = Clock & {
  /** Moves time on and wakes whoever was waiting for a moment in between, in order. */
  advance(ms: number): void
}

/**
 * A clock for tests.
 * @param options.skipSleep - a wait moves the time on by itself, so that a card that waits 15 s for a touch answers at once
 */
export function manualClock(options: { skipSleep?: boolean } = {}): ManualClock {
  let time = 0
  let sleepers: { until: number; wake: () => void }[] = []
  const advance = (ms: number): void => {
    time += ms
    const due = sleepers.filter((sleeper) => sleeper.until <= time).toSorted((a, b) => a.until - b.until)
    sleepers = sleepers.filter((sleeper) => sleeper.until > time)
    for (const sleeper of due) sleeper.wake()
  }
  return {
    now: () => time,
    sleep: (ms) => {
      if (options.skipSleep !== true) return new Promise((wake) => sleepers.push({ until: time + ms, wake }))
      advance(ms)
      return Promise.resolve()
    },
    advance,
  }
}
